//! The files of the result's tokenizer.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::VocabularyError;
use super::cut::cut_model;
use super::files::{
    ADDED, CHAT, CONFIG, MERGES, Object, SPECIAL, TEMPLATE, TOKENIZER, TOKENIZER_FILES, VOCAB,
    file_text, parsed,
};
use super::long::{AsNumbers, Fields, Form, LongText, Value, fields, written};
use super::special::{is_special, known};
use super::tokenizer::{Layout, Tokenizer};
use super::tokens::Tokens;

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
    Text(LongText),
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
    let path = folder.join(CONFIG);
    let config = match file_text(&path)? {
        None => None,
        Some(text) => {
            let mut config: Object<'_> = parsed(&path, &text)?;
            config.shift_remove("chat_template");
            Some((CONFIG, written(&fields(config))))
        }
    };
    let template = (TEMPLATE, template.to_owned().into());
    let texts = config.into_iter().chain([template]);
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
        let added = match self.changed {
            true => self.by_number(),
            false => Tokens::default(),
        };
        let added = Arc::new(added);
        for name in TOKENIZER_FILES {
            let content = self.content(name, (template, &added))?;
            found.extend(content.map(|content| TokenizerFile { name, content }));
        }
        Ok(found)
    }

    /// What one of its files holds; None where the result does not have it.
    fn content(
        &self,
        name: &'static str,
        (template, added): (Option<&str>, &Arc<Tokens>),
    ) -> Result<Option<TokenizerContent>, VocabularyError> {
        let path = self.folder().join(name);
        let rewritten = self.changed || template.is_some();
        let is_one = self.layout() == Layout::One;
        let text = match name {
            TOKENIZER if self.changed && is_one => Some(self.edited(&path, added)?),
            ADDED if self.changed && !is_one => numbers(added).map(LongText::from),
            VOCAB if self.cut.is_some() && !is_one => {
                let fault = "it has tokens beyond the model's vocab_size, which are only taken \
                    out of tokenizer.json: write that once with transformers";
                let fault = fault.to_owned();
                return Err(VocabularyError::Read { path, fault });
            }
            CONFIG if rewritten => self.config(&path, template.is_some(), added)?,
            SPECIAL if self.stripped => self.config(&path, false, added)?,
            TEMPLATE => match template {
                Some(template) => Some(template.to_owned().into()),
                None if rewritten && !path.is_file() => self.config_template()?.map(LongText::from),
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
        let path = self.folder().join(CONFIG);
        let Some(text) = file_text(&path)? else {
            return Ok(None);
        };
        let object: Object<'_> = parsed(&path, &text)?;
        let template = object.get("chat_template");
        Ok(template.and_then(|template| serde_json::from_str(template.get()).ok()))
    }

    /// The tokens that were added, by their numbers: they get them in the order in which they are
    /// read.
    fn by_number(&self) -> Tokens {
        let mut sorted = Tokens::default();
        for place in self.tokens.by_number(|_, added| added.is_some()) {
            let (text, number, settings) = self.tokens.at(place);
            sorted.insert(text, number, settings);
        }
        sorted
    }

    /// tokenizer.json with these tokens.
    fn edited(&self, path: &Path, added: &Arc<Tokens>) -> Result<LongText, VocabularyError> {
        let text = file_text(path)?.unwrap_or_else(|| "{}".to_owned());
        let mut fields = fields(parsed(path, &text)?);
        if let (Some(rows), Some(Value::Kept(model))) = (self.cut, fields.get("model")) {
            let model = cut_model(path, model, rows)?;
            fields.insert("model".to_owned(), Value::New(model));
        }
        let added = Value::Tokens(Arc::clone(added), Form::Added);
        fields.insert("added_tokens".to_owned(), added);
        Ok(written(&fields))
    }

    /// A configuration that names no token that is gone. Its template has a file of its own, or
    /// gives way to another.
    fn config(
        &self,
        path: &Path,
        other: bool,
        added: &Arc<Tokens>,
    ) -> Result<Option<LongText>, VocabularyError> {
        let Some(text) = file_text(path)? else {
            return Ok(None);
        };
        let mut object: Object<'_> = parsed(path, &text)?;
        let own = object.get("chat_template");
        let is_text = own.is_some_and(|own| own.get().starts_with('"'));
        if other || is_text {
            object.shift_remove("chat_template");
        }
        let mut fields = fields(object);
        let is_config = path.ends_with(CONFIG);
        let decoder = "added_tokens_decoder";
        let tells = fields.contains_key(decoder) || self.layout() == Layout::Pair;
        if self.changed && is_config && tells {
            let added = Value::Tokens(Arc::clone(added), Form::Told);
            fields.insert(decoder.to_owned(), added);
        }
        if self.stripped {
            fields = self.without_gone(fields);
        }
        Ok(Some(written(&fields)))
    }

    /// Fields that name no token that is gone.
    fn without_gone<'t>(&self, fields: Fields<'t>) -> Fields<'t> {
        let is = |token: &str| self.number(token).is_some();
        let fields = fields.into_iter().filter_map(|(name, value)| match value {
            Value::Kept(value) if is_special(&name) => Some((name, known(value, is)?)),
            value => Some((name, value)),
        });
        fields.collect()
    }
}

/// added_tokens.json: those that the model does not have.
fn numbers(added: &Tokens) -> Option<String> {
    let mut text = serde_json::to_string_pretty(&AsNumbers(added)).ok()?;
    text.push('\n');
    Some(text)
}
