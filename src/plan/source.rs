//! What the plan knows of the models and of the output: headers and names.

use std::path::PathBuf;

use indexmap::IndexMap;

use crate::checkpoint::convention::{self, ConventionError};
use crate::checkpoint::{Stored, Tensors};
use crate::recipe::Names;

/// A model's headers.
#[derive(Clone, Debug)]
pub struct Source<'a> {
    /// The path the user gave.
    pub path: PathBuf,
    /// The tensors, in file order.
    pub tensors: &'a Tensors,
    /// The metadata of its headers.
    pub metadata: &'a IndexMap<String, String>,
    /// Its tensors that are stored as codes, where there may be some:
    /// [`Checkpoint::stored`](crate::checkpoint::Checkpoint::stored).
    pub stored: Option<&'a Stored>,
    /// A short name for what it holds:
    /// [`Checkpoint::fingerprint`](crate::checkpoint::Checkpoint::fingerprint).
    pub fingerprint: String,
    /// Its files: the file's name, or for a folder the path inside it.
    pub files: Vec<PathBuf>,
    /// Whether it is a folder.
    pub is_folder: bool,
}

impl Source<'_> {
    /// Checks that its tensors are plain numbers and integers.
    pub(super) fn check_plain(&self) -> Result<(), Box<ConventionError>> {
        match self.stored {
            Some(stored) => convention::check_plain(self.tensors, &self.path, stored),
            None => Ok(()),
        }
    }
}

/// The headers, as far as names go.
pub(super) fn names<'a>(sources: &'a [Source<'a>]) -> Vec<Names<'a>> {
    let names = sources.iter().map(|source| Names {
        path: &source.path,
        tensors: source.tensors,
    });
    names.collect()
}

/// Where the output goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// One `.safetensors` file.
    File,
    /// A folder with the reference model's files, or shards.
    Folder,
}
