//! The model of a tokenizer without its last tokens.

use std::borrow::Cow;
use std::path::Path;

use indexmap::IndexMap;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::VocabularyError;
use super::files::{Object, field};
use super::long::{AsNumbers, raw};
use super::tokens::Tokens;

/// What of the JSON of a model of tokenizer.json has tokens below `rows` only.
pub(super) fn cut_model(
    path: &Path,
    model: &RawValue,
    rows: u32,
) -> Result<Box<RawValue>, VocabularyError> {
    let model: Object<'_> = field(path, "model", model.get())?;
    let (mut vocabulary, mut merges) = (None, None);
    if let Some(own) = model.get("vocab") {
        match field::<Tokens>(path, "model.vocab", own.get()) {
            Ok(numbers) => {
                let gone = numbers.filtered(|number| number >= rows);
                if let Some(own) = model.get("merges") {
                    merges = raw(&kept_merges(path, own, &gone)?);
                }
                vocabulary = raw(&AsNumbers(&numbers.filtered(|number| number < rows)));
            }
            // A list, whose scores are kept as they were written.
            Err(_) => {
                let tokens: Vec<&RawValue> = field(path, "model.vocab", own.get())?;
                vocabulary = raw(&&tokens[..tokens.len().min(rows as usize)]);
            }
        }
    }
    let model = model.into_iter().map(|(name, value)| {
        let other = match name.as_str() {
            "vocab" => vocabulary.as_deref(),
            "merges" => merges.as_deref(),
            _ => None,
        };
        (name, other.unwrap_or(value))
    });
    let model: IndexMap<String, &RawValue> = model.collect();
    raw(&model).ok_or_else(|| VocabularyError::Field {
        path: path.to_owned(),
        field: "model",
        fault: "it cannot be written".to_owned(),
    })
}

/// The merges that no token takes part in which is gone.
fn kept_merges<'t>(
    path: &Path,
    merges: &'t RawValue,
    gone: &Tokens,
) -> Result<Vec<&'t RawValue>, VocabularyError> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Merge<'t> {
        Text(#[serde(borrow)] Cow<'t, str>),
        Pair([String; 2]),
    }
    let stays = |merge: &RawValue| -> Result<bool, VocabularyError> {
        let (first, second) = match field::<Merge<'_>>(path, "model.merges", merge.get())? {
            Merge::Pair([first, second]) => (first, second),
            Merge::Text(text) => match text.split_once(' ') {
                Some((first, second)) => (first.to_owned(), second.to_owned()),
                None => return Ok(true),
            },
        };
        let whole = format!("{first}{second}");
        Ok(![first, second, whole]
            .iter()
            .any(|token| gone.number(token).is_some()))
    };
    let merges: Vec<&RawValue> = field(path, "model.merges", merges.get())?;
    let mut kept = Vec::with_capacity(merges.len());
    for merge in merges {
        if stays(merge)? {
            kept.push(merge);
        }
    }
    Ok(kept)
}
