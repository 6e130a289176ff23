//! Models as far as their headers show them.

use std::path::PathBuf;

use crate::checkpoint::Tensors;

/// A model that a text names, as far as its headers show it.
#[derive(Clone, Debug)]
pub struct Outline<'m> {
    /// Where it is.
    pub path: PathBuf,
    /// Its tensors.
    pub tensors: &'m Tensors,
    /// What tells its tokenizer from others, if it has one.
    pub tokenizer: Option<Vec<u8>>,
}
