//! Models that a recipe of mergekit refers to.

use std::path::{Path, PathBuf};

use super::failure::Failure;
use super::recipe::{Text, placed};
use super::{models, report};
use crate::checkpoint::Checkpoint;
use crate::recipe::Fault;
use crate::recipe::mergekit::Referred;

/// A text, and where its models are looked for.
#[derive(Clone, Copy)]
pub(super) struct Referring<'a> {
    pub(super) text: &'a Text,
    /// The folder of the text.
    pub(super) folder: Option<&'a Path>,
    pub(super) quiet: bool,
    /// Where models are that are known, by what the text calls them.
    pub(super) known: &'a [(String, PathBuf)],
}

impl Referring<'_> {
    /// Where a model is: as its path says, from here or from beside the text, else on the hub.
    /// What there is to say of it is said.
    pub(super) fn located(self, model: &Referred) -> Result<PathBuf, Failure> {
        let called = model.reference.to_string();
        if let Some((_, path)) = self.known.iter().find(|(own, _)| *own == called) {
            return Ok(path.clone());
        }
        if let Some(found) = placed(Path::new(&model.reference.path), self.folder) {
            return Ok(found);
        }
        let reference = PathBuf::from(model.reference.to_string());
        let located = models::located(&reference, self.quiet);
        let (path, note) = located.map_err(|failure| match failure {
            Failure::Usage { message, .. } => {
                self.text.show(&Fault::new(model.span.clone(), message))
            }
            other => other,
        })?;
        if !self.quiet {
            report::say_notes(note.as_slice());
        }
        if path.exists() {
            return Ok(path);
        }
        let message = format!("there is no model {}", model.reference);
        let fault = Fault::new(model.span.clone(), message).label("no such file or folder");
        Err(self.text.show(&fault))
    }

    /// Opens a model that was located.
    pub(super) fn open(self, model: &Referred, path: &Path) -> Result<Checkpoint, Failure> {
        Checkpoint::open(path).map_err(|fault| {
            let span = model.span.clone();
            self.text.show(&Fault::new(span, fault.to_string()))
        })
    }
}
