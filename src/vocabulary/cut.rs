//! The model of a tokenizer without its last tokens.

use std::path::Path;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::VocabularyError;
use super::files::{self, Object, field};
use super::tokenizer::Numbers;

/// What of the JSON of a model of tokenizer.json has tokens below `rows` only.
pub(super) fn cut_model(
    path: &Path,
    model: &RawValue,
    rows: u32,
) -> Result<Box<RawValue>, VocabularyError> {
    let mut model: Object = field(path, "model", model)?;
    if let Some(vocabulary) = model.get("vocab") {
        let cut = match field::<Numbers>(path, "model.vocab", vocabulary) {
            Ok(mut numbers) => {
                let gone: Numbers = numbers.extract_if(.., |_, id| *id >= rows).collect();
                cut_merges(path, &mut model, &gone)?;
                files::raw(&numbers)
            }
            // A list, whose scores are kept as they were written.
            Err(_) => {
                let tokens: Vec<Box<RawValue>> = field(path, "model.vocab", vocabulary)?;
                let kept: Vec<Box<RawValue>> = tokens.into_iter().take(rows as usize).collect();
                files::raw(&kept)
            }
        };
        if let Some(cut) = cut {
            model.insert("vocab".to_owned(), cut);
        }
    }
    files::raw(&model).ok_or_else(|| VocabularyError::Field {
        path: path.to_owned(),
        field: "model",
        fault: "it cannot be written".to_owned(),
    })
}

/// Takes out the merges that tokens take part in which are gone.
fn cut_merges(path: &Path, model: &mut Object, gone: &Numbers) -> Result<(), VocabularyError> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Merge {
        Text(String),
        Pair([String; 2]),
    }
    let Some(merges) = model.get("merges") else {
        return Ok(());
    };
    let stays = |merge: &RawValue| -> Result<bool, VocabularyError> {
        let (first, second) = match field::<Merge>(path, "model.merges", merge)? {
            Merge::Pair([first, second]) => (first, second),
            Merge::Text(text) => match text.split_once(' ') {
                Some((first, second)) => (first.to_owned(), second.to_owned()),
                None => return Ok(true),
            },
        };
        let whole = format!("{first}{second}");
        Ok(![first, second, whole]
            .iter()
            .any(|token| gone.contains_key(token)))
    };
    let merges: Vec<Box<RawValue>> = field(path, "model.merges", merges)?;
    let mut kept = Vec::with_capacity(merges.len());
    for merge in merges {
        if stays(&merge)? {
            kept.push(merge);
        }
    }
    if let Some(kept) = files::raw(&kept) {
        model.insert("merges".to_owned(), kept);
    }
    Ok(())
}
