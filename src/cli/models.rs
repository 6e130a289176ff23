//! Models that are named by a Hugging Face reference, on their way to be paths.

use std::path::{Path, PathBuf};

use super::bar::Bar;
use super::failure::Failure;
use super::out::{self, Kind};
use super::process;
use crate::hub::{Hub, HubError, Settings, Watch};
use crate::merge::Progress;
use crate::recipe::{Recipe, RecipeNode};

/// Where the model is that a path or a reference names, with what there is to say about it.
pub(super) fn located(path: &Path, quiet: bool) -> Result<(PathBuf, Option<String>), Failure> {
    // What the environment says of the hub matters to references alone.
    if let Some(found) = Hub::snapshot(path).map_err(failed)? {
        return Ok((found.path, found.note));
    }
    if Hub::reference(path).map_err(failed)?.is_none() {
        return Ok((path.to_path_buf(), None));
    }
    // An interrupt ends a download where it is, and the next one goes on from there.
    process::cancel_on_signal(super::wants_json());
    let hub = Hub::new(Settings::from_env());
    let bar = Bar::new(quiet);
    let found = hub.locate(path, &Download { bar: &bar, quiet });
    bar.clear();
    match found.map_err(failed)? {
        Some(found) => Ok((found.path, found.note)),
        None => Ok((path.to_path_buf(), None)),
    }
}

/// Whether one of some models may have to be downloaded.
pub(super) fn any_reference(models: &[PathBuf]) -> Result<bool, Failure> {
    for path in models {
        if Hub::reference(path).map_err(failed)?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Puts the places of models where a recipe has references. What there is to say comes back.
pub(super) fn locate_all(recipe: &mut Recipe, quiet: bool) -> Result<Vec<String>, Failure> {
    let mut notes = Vec::new();
    for number in 0..recipe.models.len() {
        let found = located(&recipe.models[number], quiet);
        let (path, note) = found.map_err(|failure| at_line(failure, recipe, number))?;
        recipe.models[number] = path;
        notes.extend(note);
    }
    Ok(notes)
}

/// The failure with the line of the recipe that names the model.
fn at_line(failure: Failure, recipe: &Recipe, number: usize) -> Failure {
    let names = |node: &RecipeNode| match node {
        RecipeNode::Model { model, .. } => model.index() == number,
        _ => false,
    };
    let node = recipe.nodes.iter().position(names);
    match (failure, node.and_then(|node| recipe.lines.get(node))) {
        (Failure::Usage { message, hint, .. }, Some(&line)) => Failure::Usage {
            message,
            hint,
            line: Some(line),
        },
        (failure, _) => failure,
    }
}

fn failed(fault: HubError) -> Failure {
    match fault {
        HubError::Interrupted => Failure::Interrupted(0),
        fault if fault.is_usage() => Failure::input(fault.to_string()),
        fault => Failure::Run(fault.to_string()),
    }
}

/// Shows a download.
struct Download<'a> {
    bar: &'a Bar,
    quiet: bool,
}

impl Watch for Download<'_> {
    fn begin(&self, what: &str, bytes: u64) {
        self.bar.begin(what, bytes);
    }

    fn advance(&self, bytes: u64) {
        self.bar.advance(bytes);
    }

    fn say(&self, message: &str) {
        if !self.quiet {
            out::say(Kind::Note, message);
        }
    }

    fn is_cancelled(&self) -> bool {
        false
    }
}
