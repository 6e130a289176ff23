//! What the plan knows of the models and of the output: headers and names.

use std::path::PathBuf;

use indexmap::IndexMap;

use crate::checkpoint::Tensors;
use crate::checkpoint::convention::ConventionError;
use crate::recipe::Names;

/// A model's headers.
#[derive(Clone, Debug)]
pub struct Source<'a> {
    /// The path the user gave.
    pub path: PathBuf,
    /// The tensors, in file order.
    pub tensors: &'a Tensors,
    /// What its files hold, entry by entry: where some are codes, other than the tensors.
    pub entries: &'a Tensors,
    /// The entries that mark it as one of codes, and belong to no tensor.
    pub markers: &'a [String],
    /// The metadata of its headers.
    pub metadata: &'a IndexMap<String, String>,
    /// Why what is stored as codes is not understood, if it is not:
    /// [`Checkpoint::check_decoded`](crate::checkpoint::Checkpoint::check_decoded).
    pub undecoded: Option<Box<ConventionError>>,
    /// A short name for what it holds:
    /// [`Checkpoint::fingerprint`](crate::checkpoint::Checkpoint::fingerprint).
    pub fingerprint: String,
    /// Its files: the file's name, or for a folder the path inside it.
    pub files: Vec<PathBuf>,
    /// Whether it is a folder.
    pub is_folder: bool,
}

impl Source<'_> {
    /// Which of its files holds a tensor, or an entry, of this name.
    pub(super) fn file_of(&self, key: &str) -> Option<usize> {
        let info = self.tensors.get(key).or_else(|| self.entries.get(key));
        info.map(|info| info.file)
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
