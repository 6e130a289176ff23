//! What a model's configuration says of its vocabulary.

use std::path::Path;

use serde_json::Value;

use super::VocabularyError;
use super::files::json;

/// Where the configuration of the language model of a model of several senses stands.
const INNER: [&str; 5] = [
    "text_config",
    "llm_config",
    "language_config",
    "thinker_config",
    "decoder",
];

/// How many tokens config.json in a model's folder counts; None where it does not say or is not
/// there.
///
/// # Errors
/// [`VocabularyError`] where it cannot be read, or the number is none.
pub fn counted_tokens(folder: &Path) -> Result<Option<u64>, VocabularyError> {
    let path = folder.join("config.json");
    let Some(config) = json::<Value>(&path)? else {
        return Ok(None);
    };
    let inner = INNER.iter().map(|name| &config[*name]);
    let sizes = std::iter::once(&config).chain(inner);
    let mut sizes = sizes.map(|config| &config["vocab_size"]);
    match sizes.find(|size| !size.is_null()) {
        None => Ok(None),
        Some(size) => match size.as_u64() {
            Some(size) => Ok(Some(size)),
            None => Err(VocabularyError::Field {
                path,
                field: "vocab_size",
                fault: format!("{size} is no number of tokens"),
            }),
        },
    }
}
