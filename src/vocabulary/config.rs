//! What a model's configuration says of its vocabulary.

use std::path::Path;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::VocabularyError;
use super::files::{parsed, text_within};
use crate::checkpoint::CONFIG_BYTES_MAX;

/// What of a configuration is read, of the language model of a model of several senses too.
#[derive(Default, Deserialize)]
struct Config<'t> {
    #[serde(borrow)]
    vocab_size: Option<&'t RawValue>,
    #[serde(borrow)]
    text_config: Option<&'t RawValue>,
    #[serde(borrow)]
    llm_config: Option<&'t RawValue>,
    #[serde(borrow)]
    language_config: Option<&'t RawValue>,
    #[serde(borrow)]
    thinker_config: Option<&'t RawValue>,
    #[serde(borrow)]
    decoder: Option<&'t RawValue>,
}

impl<'t> Config<'t> {
    /// The first size, the outer one before those of its parts.
    fn size(&self) -> Option<&'t RawValue> {
        let parts = [
            self.text_config,
            self.llm_config,
            self.language_config,
            self.thinker_config,
            self.decoder,
        ];
        let parts = parts.into_iter().flatten();
        let parts = parts.filter(|part| part.get().starts_with('{'));
        let sizes = parts.filter_map(|part| {
            let part: Config<'t> = serde_json::from_str(part.get()).ok()?;
            part.vocab_size
        });
        self.vocab_size.into_iter().chain(sizes).next()
    }
}

/// How many tokens config.json in a model's folder counts; None where it does not say or is not
/// there.
///
/// # Errors
/// [`VocabularyError`] where it cannot be read, or the number is none.
pub fn counted_tokens(folder: &Path) -> Result<Option<u64>, VocabularyError> {
    let path = folder.join("config.json");
    let Some(text) = text_within(&path, CONFIG_BYTES_MAX)? else {
        return Ok(None);
    };
    let config: &RawValue = parsed(&path, &text)?;
    let config = match config.get().starts_with('{') {
        true => parsed(&path, config.get())?,
        false => Config::default(),
    };
    let Some(size) = config.size() else {
        return Ok(None);
    };
    match size.get().parse() {
        Ok(size) => Ok(Some(size)),
        Err(_) => Err(VocabularyError::Field {
            path,
            field: "vocab_size",
            fault: format!("{size} is no number of tokens"),
        }),
    }
}
