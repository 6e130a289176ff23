//! The files of the result's tokenizer.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use indexmap::IndexMap;

use super::cut::cut_model;
use super::files::{
    self, ADDED, CHAT, CONFIG, MERGES, Object, SPECIAL, TEMPLATE, TOKENIZER, TOKENIZER_FILES,
    VOCAB, json,
};
use super::special::{is_special, known};
use super::tokenizer::{Layout, Tokenizer};
use super::{AddedToken, VocabularyError};

/// A file of a tokenizer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenizerFile {
    /// Its name.
    pub name: &'static str,
    /// What it holds.
    pub content: TokenizerContent,
}

/// What a file of a tokenizer holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TokenizerContent {
    /// The same as this file.
    Copy(PathBuf),
    /// A text.
    Text(String),
}

impl TokenizerFile {
    /// Whether it is a text.
    pub fn is_text(&self) -> bool {
        !self.name.ends_with(".model")
    }
}

/// The files of a model's folder that change where it gets another chat template.
///
/// # Errors
/// [`VocabularyError`] where its configuration cannot be read.
pub fn with_template(folder: &Path, template: &str) -> Result<Vec<TokenizerFile>, VocabularyError> {
    let config = json::<Object>(&folder.join(CONFIG))?;
    let config = config.map(|mut config| {
        config.shift_remove("chat_template");
        (CONFIG, files::written(&config))
    });
    let texts = config.into_iter().chain([(TEMPLATE, template.to_owned())]);
    let files = texts.map(|(name, text)| TokenizerFile {
        name,
        content: TokenizerContent::Text(text),
    });
    Ok(files.collect())
}

impl Tokenizer {
    /// Its files as a result has them, with a chat template if one is given instead of its own.
    /// Where nothing was changed they are copies; else JSON is edited field by field, and files
    /// that say nothing more than tokenizer.json are left out.
    ///
    /// # Errors
    /// [`VocabularyError`] where a file cannot be read any more.
    pub fn files(&self, template: Option<&str>) -> Result<Vec<TokenizerFile>, VocabularyError> {
        let mut found = Vec::new();
        for name in TOKENIZER_FILES {
            let content = self.content(name, template)?;
            found.extend(content.map(|content| TokenizerFile { name, content }));
        }
        Ok(found)
    }

    /// What one of its files holds; None where the result does not have it.
    fn content(
        &self,
        name: &'static str,
        template: Option<&str>,
    ) -> Result<Option<TokenizerContent>, VocabularyError> {
        let path = self.folder().join(name);
        let rewritten = self.changed || template.is_some();
        let is_one = self.layout() == Layout::One;
        let text = match name {
            TOKENIZER if self.changed && is_one => Some(self.edited(&path)?),
            ADDED if self.changed && !is_one => Some(self.numbers_added()),
            VOCAB if self.cut.is_some() && !is_one => {
                let fault = "it has tokens beyond the model's vocab_size, which are only taken \
                    out of tokenizer.json: write that once with transformers";
                let fault = fault.to_owned();
                return Err(VocabularyError::Read { path, fault });
            }
            CONFIG if rewritten => self.config(&path, template.is_some())?,
            SPECIAL if self.stripped => self.config(&path, false)?,
            TEMPLATE => match template {
                Some(template) => Some(template.to_owned()),
                None if rewritten && !path.is_file() => self.config_template()?,
                None => None,
            },
            _ => None,
        };
        let stale = match name {
            ADDED | VOCAB | MERGES => self.changed && is_one,
            CONFIG | SPECIAL | TOKENIZER | TEMPLATE => false,
            CHAT => template.is_some(),
            // What was trained has no place for tokens that were added.
            _ => self.changed,
        };
        Ok(match text {
            Some(text) => Some(TokenizerContent::Text(text)),
            None if stale || !path.is_file() => None,
            None => Some(TokenizerContent::Copy(path)),
        })
    }

    /// The template that its configuration holds, which gets a file of its own.
    fn config_template(&self) -> Result<Option<String>, VocabularyError> {
        let object: Object = json(&self.folder().join(CONFIG))?.unwrap_or_default();
        let template = object.get("chat_template");
        Ok(template.and_then(|template| serde_json::from_str(template.get()).ok()))
    }

    /// tokenizer.json with these tokens.
    fn edited(&self, path: &Path) -> Result<String, VocabularyError> {
        let mut object: Object = json(path)?.unwrap_or_default();
        if let (Some(rows), Some(model)) = (self.cut, object.get("model")) {
            let model = cut_model(path, model, rows)?;
            object.insert("model".to_owned(), model);
        }
        let mut added: Vec<&AddedToken> = self.added.values().collect();
        // They get their numbers in the order in which they are read.
        added.sort_by_key(|token| token.id);
        if let Some(added) = files::raw(&added) {
            object.insert("added_tokens".to_owned(), added);
        }
        Ok(files::written(&object))
    }

    /// added_tokens.json: those that the model does not have.
    fn numbers_added(&self) -> String {
        let added = self.added.values();
        let added: BTreeMap<u32, &str> = added.map(|t| (t.id, t.content.as_str())).collect();
        let numbers = added.into_iter().map(|(id, token)| (token, id));
        let object: Object = numbers
            .filter_map(|(token, id)| Some((token.to_owned(), files::raw(&id)?)))
            .collect();
        files::written(&object)
    }

    /// A configuration that names no token that is gone. Its template has a file of its own, or
    /// gives way to another.
    fn config(&self, path: &Path, other: bool) -> Result<Option<String>, VocabularyError> {
        let Some(mut object) = json::<Object>(path)? else {
            return Ok(None);
        };
        let own = object.get("chat_template");
        let is_text = own.is_some_and(|own| own.get().starts_with('"'));
        if other || is_text {
            object.shift_remove("chat_template");
        }
        let is_config = path.ends_with(CONFIG);
        let decoder = "added_tokens_decoder";
        let tells = object.contains_key(decoder) || self.layout() == Layout::Pair;
        if self.changed && is_config && tells {
            let mut added: Vec<&AddedToken> = self.added.values().collect();
            added.sort_by_key(|token| token.id);
            let added: IndexMap<String, Told<'_>> = added
                .into_iter()
                .map(|token| (token.id.to_string(), Told::of(token)))
                .collect();
            if let Some(added) = files::raw(&added) {
                object.insert(decoder.to_owned(), added);
            }
        }
        if self.stripped {
            let is = |token: &str| self.number(token).is_some();
            object = object
                .into_iter()
                .filter_map(|(name, value)| match is_special(&name) {
                    true => Some((name, known(value, is)?)),
                    false => Some((name, value)),
                })
                .collect();
        }
        Ok(Some(files::written(&object)))
    }
}

/// An added token as tokenizer_config.json tells it.
#[derive(serde::Serialize)]
struct Told<'t> {
    content: &'t str,
    lstrip: bool,
    normalized: bool,
    rstrip: bool,
    single_word: bool,
    special: bool,
}

impl Told<'_> {
    fn of(token: &AddedToken) -> Told<'_> {
        Told {
            content: &token.content,
            lstrip: token.lstrip,
            normalized: token.normalized,
            rstrip: token.rstrip,
            single_word: token.single_word,
            special: token.special,
        }
    }
}
