//! The files of a tokenizer, read with bounds.

use std::path::Path;

use serde::de::DeserializeOwned;
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

/// A JSON object whose values are kept as they were written.
pub(super) type Object = indexmap::IndexMap<String, Box<RawValue>>;

/// The text of a file of a tokenizer; None where it is not there.
///
/// # Errors
/// [`VocabularyError`] where it cannot be read, is too long or no text.
pub fn file_text(path: &Path) -> Result<Option<String>, VocabularyError> {
    let fault = |fault: String| VocabularyError::Read {
        path: path.to_owned(),
        fault,
    };
    let bytes = match read_beside(path, BYTES_MAX) {
        Ok(bytes) => bytes,
        Err(error) if error.is_absence() => return Ok(None),
        Err(error) => return Err(fault(error.to_string())),
    };
    String::from_utf8(bytes)
        .map(Some)
        .map_err(|_| fault("it is not UTF-8".to_owned()))
}

/// The value of a JSON file; None where it is not there.
pub(super) fn json<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, VocabularyError> {
    let Some(text) = file_text(path)? else {
        return Ok(None);
    };
    let value = serde_json::from_str(&text);
    value.map(Some).map_err(|error| VocabularyError::Read {
        path: path.to_owned(),
        fault: error.to_string(),
    })
}

/// The value of a field of a JSON file.
pub(super) fn field<T: DeserializeOwned>(
    path: &Path,
    field: &'static str,
    value: &RawValue,
) -> Result<T, VocabularyError> {
    serde_json::from_str(value.get()).map_err(|error| VocabularyError::Field {
        path: path.to_owned(),
        field,
        fault: error.to_string(),
    })
}

/// A value as JSON that stands in a file.
pub(super) fn raw<T: serde::Serialize>(value: &T) -> Option<Box<RawValue>> {
    let text = serde_json::to_string_pretty(value).ok()?;
    RawValue::from_string(text.replace('\n', "\n  ")).ok()
}

/// An object as a file, a line for each field.
pub(super) fn written(object: &Object) -> String {
    let fields = object.iter().map(|(name, value)| {
        let name = serde_json::Value::from(name.as_str());
        format!("  {name}: {value}")
    });
    format!("{{\n{}\n}}\n", fields.collect::<Vec<_>>().join(",\n"))
}
