//! A tokenizer, as far as its tokens have numbers.

use std::path::{Path, PathBuf};

use foldhash::fast::RandomState;
use indexmap::IndexMap;
use serde::de::IgnoredAny;

use super::fault::SENTENCE_PIECE;
use super::files::{ADDED, CONFIG, MERGES, Object, SPECIAL, TOKENIZER, VOCAB, field, json};
use super::special::{is_special, specials};
use super::{AddedToken, VocabularyError};

/// Tokens and their numbers.
pub(super) type Numbers = IndexMap<String, u32, RandomState>;

/// A tokenizer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tokenizer {
    /// The folder that it was read from.
    folder: PathBuf,
    /// How it is stored.
    layout: Layout,
    /// The tokens of its model and those that were added.
    pub(super) numbers: Numbers,
    /// How many tokens its model has.
    model_size: u32,
    /// The tokens that were added, by their text.
    pub(super) added: IndexMap<String, AddedToken>,
    /// The number behind that of the last token that was added.
    behind: u32,
    /// Whether tokens were added or taken out since it was read.
    pub(super) changed: bool,
    /// Whether tokens were taken out.
    pub(super) stripped: bool,
    /// What every token of its model is below, where tokens of it were taken out.
    pub(super) cut: Option<u32>,
}

/// How a tokenizer is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Layout {
    /// As tokenizer.json.
    One,
    /// As vocab.json and merges.txt.
    Pair,
}

impl Tokenizer {
    /// Reads the tokenizer of a model's folder.
    ///
    /// # Errors
    /// [`VocabularyError`] where there is none or it is not what it should be.
    pub fn read(folder: &Path) -> Result<Tokenizer, VocabularyError> {
        let mut tokenizer = match json::<Object>(&folder.join(TOKENIZER))? {
            Some(object) => Tokenizer::one(folder, &object)?,
            None => Tokenizer::pair(folder)?,
        };
        tokenizer.add_more()?;
        tokenizer.changed = false;
        Ok(tokenizer)
    }

    fn new(folder: &Path, layout: Layout, numbers: Numbers) -> Tokenizer {
        Tokenizer {
            folder: folder.to_owned(),
            layout,
            // A file of tokens has fewer bytes than 2^32.
            model_size: numbers.len() as u32,
            numbers,
            added: IndexMap::new(),
            behind: 0,
            changed: false,
            stripped: false,
            cut: None,
        }
    }

    fn one(folder: &Path, object: &Object) -> Result<Tokenizer, VocabularyError> {
        let path = folder.join(TOKENIZER);
        let absent = |name: &'static str| VocabularyError::Field {
            path: path.clone(),
            field: name,
            fault: "it is not there".to_owned(),
        };
        let model = object.get("model").ok_or_else(|| absent("model"))?;
        let model: Object = field(&path, "model", model)?;
        let vocabulary = model.get("vocab").ok_or_else(|| absent("model.vocab"))?;
        let numbers = match vocabulary.get().starts_with('[') {
            false => field(&path, "model.vocab", vocabulary)?,
            // In the order of their numbers, with a score each.
            true => {
                let tokens: Vec<(String, IgnoredAny)> = field(&path, "model.vocab", vocabulary)?;
                let tokens = tokens.into_iter().zip(0..);
                tokens.map(|((token, _), number)| (token, number)).collect()
            }
        };
        let mut tokenizer = Tokenizer::new(folder, Layout::One, numbers);
        if let Some(added) = object.get("added_tokens") {
            let added: Vec<AddedToken> = field(&path, "added_tokens", added)?;
            added.into_iter().for_each(|token| tokenizer.add(token));
        }
        Ok(tokenizer)
    }

    fn pair(folder: &Path) -> Result<Tokenizer, VocabularyError> {
        let numbers = json::<Numbers>(&folder.join(VOCAB))?;
        match numbers.filter(|_| folder.join(MERGES).is_file()) {
            Some(numbers) => Ok(Tokenizer::new(folder, Layout::Pair, numbers)),
            None => Err(VocabularyError::Absent {
                folder: folder.to_owned(),
                hint: match folder.join("tokenizer.model").is_file() {
                    true => SENTENCE_PIECE,
                    false => "",
                },
            }),
        }
    }

    /// Adds tokens that only the files beside it name.
    fn add_more(&mut self) -> Result<(), VocabularyError> {
        let path = self.folder.join(ADDED);
        let mut more: Vec<AddedToken> = Vec::new();
        let numbers = json::<Numbers>(&path)?.unwrap_or_default();
        more.extend(numbers.into_iter().map(|(token, id)| AddedToken {
            id,
            ..AddedToken::plain(&token)
        }));
        let path = self.folder.join(CONFIG);
        let config: Object = json(&path)?.unwrap_or_default();
        if let Some(decoder) = config.get("added_tokens_decoder") {
            let decoder: IndexMap<u32, AddedToken> = field(&path, "added_tokens_decoder", decoder)?;
            // Here more is told of a token than its number.
            let told = |token: &AddedToken| decoder.values().any(|t| t.content == token.content);
            more.retain(|token| !told(token));
            let decoder = decoder.into_iter();
            more.extend(decoder.map(|(id, token)| AddedToken { id, ..token }));
        }
        more.sort_by_key(|token| token.id);
        let special: Object = json(&self.folder.join(SPECIAL))?.unwrap_or_default();
        let named = config.iter().chain(&special);
        let named = named.filter(|(name, _)| is_special(name));
        more.extend(named.flat_map(|(_, value)| specials(value)));
        for token in more {
            if !self.numbers.contains_key(&token.content) {
                self.add(token);
            }
        }
        Ok(())
    }

    /// The folder that it was read from.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    pub(super) fn layout(&self) -> Layout {
        self.layout
    }

    /// The number of a token.
    pub fn number(&self, token: &str) -> Option<u32> {
        self.numbers.get(token).copied()
    }

    /// The tokens with their numbers.
    pub fn tokens(&self) -> impl Iterator<Item = (&str, u32)> {
        let tokens = self.numbers.iter();
        tokens.map(|(token, number)| (token.as_str(), *number))
    }

    /// The tokens that were added.
    pub fn added(&self) -> impl Iterator<Item = &AddedToken> {
        self.added.values()
    }

    /// Whether a token was added with these settings, whatever its number.
    pub(super) fn has_added(&self, token: &AddedToken) -> bool {
        let own = self.added.get(&token.content);
        own.is_some_and(|own| {
            let own = own.clone();
            *token
                == AddedToken {
                    id: token.id,
                    ..own
                }
        })
    }

    /// Adds a token as `tokenizers` does: one that is known keeps its number, another gets the
    /// number behind the last.
    pub fn add(&mut self, token: AddedToken) {
        if token.content.is_empty() {
            return;
        }
        let id = match self.number(&token.content) {
            Some(number) => number,
            None => self.next(),
        };
        self.changed = true;
        self.behind = self.behind.max(id.saturating_add(1));
        self.numbers.insert(token.content.clone(), id);
        let content = token.content.clone();
        self.added.insert(content, AddedToken { id, ..token });
    }

    /// The number of the next token that is added.
    fn next(&self) -> u32 {
        self.behind.max(self.model_size)
    }

    /// Takes out the tokens whose numbers are not below `rows`.
    pub fn strip(&mut self, rows: u32) {
        if self.numbers.values().all(|number| *number < rows) {
            return;
        }
        // What its model has comes first.
        let model = self.numbers.values().take(self.model_size as usize);
        // No more than its model has.
        let kept = model.filter(|number| **number < rows).count() as u32;
        if kept < self.model_size {
            self.cut = Some(rows);
            self.model_size = kept;
        }
        self.added.retain(|_, token| token.id < rows);
        let ends = self.added.values().map(|token| token.id.saturating_add(1));
        self.behind = ends.max().unwrap_or(0);
        self.numbers.retain(|_, number| *number < rows);
        self.stripped = true;
        self.changed = true;
    }
}
