//! That no output touches an input: every file that is written is compared with every file that is
//! read, and folders with what lies in them.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::side::Companions;
use crate::checkpoint::{Checkpoint, FileIdentity};
use crate::sink::{self, OutputLayout, Root};

/// An output that would change an input.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InputError {
    /// A file of the output is a file that is read.
    #[error(
        "the output {output} is {input}, which this merge reads: inputs are never written, give \
         another output"
    )]
    Overwritten {
        /// The file of the output.
        output: PathBuf,
        /// The input.
        input: PathBuf,
    },
    /// The output's folder holds an input.
    #[error(
        "the output {output} is a folder that holds the input {input}: what loads the output would \
         find both; give a folder of its own"
    )]
    Holds {
        /// The folder.
        output: PathBuf,
        /// The input.
        input: PathBuf,
    },
    /// The output lies in an input's folder.
    #[error(
        "the output {output} lies in the folder of the input {input}: what loads that model would \
         find both; give a place outside of it"
    )]
    Inside {
        /// The output.
        output: PathBuf,
        /// The input's folder.
        input: PathBuf,
    },
}

/// What a merge reads.
#[derive(Debug, Default)]
pub(super) struct Inputs {
    /// Every file, by what it is.
    files: HashMap<FileIdentity, PathBuf>,
    /// The models and all of their files.
    models: Vec<PathBuf>,
    /// The folders of models, by what they are.
    folders: HashMap<FileIdentity, PathBuf>,
}

impl Inputs {
    /// The files of the opened models, of those that a recipe names, what is copied along, and
    /// `others`, such as the recipe itself.
    pub(super) fn new(
        checkpoints: &[Checkpoint],
        companions: &Companions,
        named: &[PathBuf],
        others: &[PathBuf],
    ) -> Inputs {
        let mut inputs = Inputs::default();
        for checkpoint in checkpoints {
            let path = checkpoint.path();
            inputs.add_model(path);
            for file in checkpoint.files() {
                inputs.add_model(&file.path);
                inputs
                    .files
                    .insert(file.identity().clone(), file.path.clone());
            }
            for index in checkpoint.indexes() {
                inputs.add(&path.join(index));
            }
        }
        named.iter().for_each(|path| inputs.add_model(path));
        others.iter().for_each(|path| inputs.add(path));
        for companion in &companions.copied {
            inputs.add(&companion.origin);
        }
        inputs
    }

    fn add_model(&mut self, path: &Path) {
        self.models.push(path.to_path_buf());
        self.add(path);
    }

    /// What is not there, such as a model that a recipe names and does not use, cannot be harmed.
    fn add(&mut self, path: &Path) {
        let Ok(identity) = FileIdentity::of(path) else {
            return;
        };
        let known = match path.is_dir() {
            true => &mut self.folders,
            false => &mut self.files,
        };
        known.insert(identity, path.to_path_buf());
    }

    /// Checks that an output leaves all of it alone.
    pub(super) fn check(&self, layout: &OutputLayout) -> Result<(), InputError> {
        for output in layout.paths() {
            let identity = FileIdentity::of(&output).ok();
            if let Some(input) = identity.and_then(|identity| self.files.get(&identity)) {
                let input = input.clone();
                return Err(InputError::Overwritten { output, input });
            }
        }
        let output = layout.output();
        if let Root::Folder(_) = layout.root {
            self.check_inside(output)?;
        }
        // The folder that the output is made in, which exists, and all around it.
        match around(sink::parent(output)).find_map(|identity| self.folders.get(&identity)) {
            None => Ok(()),
            Some(input) => Err(InputError::Inside {
                output: output.to_path_buf(),
                input: input.clone(),
            }),
        }
    }

    /// Checks that a folder is no input and holds none.
    fn check_inside(&self, folder: &Path) -> Result<(), InputError> {
        let Ok(identity) = FileIdentity::of(folder) else {
            return Ok(());
        };
        if let Some(input) = self.folders.get(&identity) {
            return Err(InputError::Overwritten {
                output: folder.to_path_buf(),
                input: input.clone(),
            });
        }
        let inside = |input: &&PathBuf| around(input).any(|around| around == identity);
        match self.models.iter().find(inside) {
            None => Ok(()),
            Some(input) => Err(InputError::Holds {
                output: folder.to_path_buf(),
                input: input.clone(),
            }),
        }
    }
}

/// What a path leads to and every folder around that.
fn around(path: &Path) -> impl Iterator<Item = FileIdentity> {
    let full = std::fs::canonicalize(path).unwrap_or_default();
    let folders: Vec<PathBuf> = full.ancestors().map(Path::to_path_buf).collect();
    folders
        .into_iter()
        .filter_map(|folder| FileIdentity::of(&folder).ok())
}
