//! Models as far as their headers show them.

use std::path::PathBuf;
use std::sync::Arc;

use crate::checkpoint::Tensors;
use crate::vocabulary::{Tokenizer, VocabularyError};

/// The models that a text names.
#[derive(Clone, Copy, Debug)]
pub struct Outlines<'m> {
    /// Those that are merged, in the order of [`Script::models`](super::Script::models).
    pub models: &'m [Outline<'m>],
    /// The tokenizers of [`Script::tokenizers`](super::Script::tokenizers), in their order.
    pub tokenizers: &'m [Result<Arc<Tokenizer>, VocabularyError>],
}

/// A model that a text names, as far as its headers show it.
#[derive(Clone, Debug)]
pub struct Outline<'m> {
    /// Where it is.
    pub path: PathBuf,
    /// Its tensors.
    pub tensors: &'m Tensors,
    /// Its tokenizer; None where the text does not ask for tokenizers.
    pub tokenizer: Option<Result<Arc<Tokenizer>, VocabularyError>>,
    /// How many tokens its configuration counts, if it says so.
    pub counted: Result<Option<u64>, VocabularyError>,
}
