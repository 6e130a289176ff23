//! The files of a tokenizer, read with bounds.

use std::path::Path;

use indexmap::IndexMap;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::VocabularyError;
use crate::checkpoint::read_beside;

/// Names of the files that make a tokenizer, and of those that speak of its tokens.
pub const TOKENIZER_FILES: [&str; 12] = [
    TOKENIZER,
    CONFIG,
    SPECIAL,
    ADDED,
    VOCAB,
    MERGES,
    "vocab.txt",
    "tokenizer.model",
    "spiece.model",
    "sentencepiece.bpe.model",
    TEMPLATE,
    CHAT,
];

pub(super) const TOKENIZER: &str = "tokenizer.json";
pub(super) const CONFIG: &str = "tokenizer_config.json";
pub(super) const SPECIAL: &str = "special_tokens_map.json";
pub(super) const ADDED: &str = "added_tokens.json";
pub(super) const VOCAB: &str = "vocab.json";
pub(super) const MERGES: &str = "merges.txt";
pub(super) const TEMPLATE: &str = "chat_template.jinja";
/// Where a processor keeps its template.
pub(super) const CHAT: &str = "chat_template.json";

/// A longer file is no tokenizer.
const BYTES_MAX: u64 = 256 << 20;

/// A JSON object whose values are as they stand in its text.
pub(super) type Object<'t> = IndexMap<String, &'t RawValue>;

/// The text of a file of a tokenizer; None where it is not there.
///
/// # Errors
/// [`VocabularyError`] where it cannot be read, is too long or no text.
pub fn file_text(path: &Path) -> Result<Option<String>, VocabularyError> {
    text_within(path, BYTES_MAX)
}

/// The text of a file of at most so many bytes; None where it is not there.
pub(super) fn text_within(path: &Path, max: u64) -> Result<Option<String>, VocabularyError> {
    let fault = |fault: String| VocabularyError::Read {
        path: path.to_owned(),
        fault,
    };
    let bytes = match read_beside(path, max) {
        Ok(bytes) => bytes,
        Err(error) if error.is_absence() => return Ok(None),
        Err(error) => return Err(fault(error.to_string())),
    };
    String::from_utf8(bytes)
        .map(Some)
        .map_err(|_| fault("it is not UTF-8".to_owned()))
}

/// The value that a JSON file holds.
pub(super) fn parsed<'t, T: Deserialize<'t>>(
    path: &Path,
    text: &'t str,
) -> Result<T, VocabularyError> {
    serde_json::from_str(text).map_err(|error| VocabularyError::Read {
        path: path.to_owned(),
        fault: error.to_string(),
    })
}

/// The value of a field of a JSON file.
pub(super) fn field<'t, T: Deserialize<'t>>(
    path: &Path,
    field: &'static str,
    value: &'t str,
) -> Result<T, VocabularyError> {
    serde_json::from_str(value).map_err(|error| VocabularyError::Field {
        path: path.to_owned(),
        field,
        fault: error.to_string(),
    })
}
