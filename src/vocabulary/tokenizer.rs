//! A tokenizer, as far as its tokens have numbers.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use indexmap::IndexMap;

use super::fault::SENTENCE_PIECE;
use super::files::{ADDED, CONFIG, MERGES, Object, SPECIAL, TOKENIZER, VOCAB, field};
use super::files::{file_text, parsed};
use super::special::{is_special, specials};
use super::tokens::{Scored, Tokens};
use super::{AddedToken, VocabularyError};

/// A tokenizer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tokenizer {
    /// The folder that it was read from.
    folder: PathBuf,
    /// How it is stored.
    layout: Layout,
    /// The tokens of its model and those that were added.
    pub(super) tokens: Tokens,
    /// How many tokens its model has.
    model_size: u32,
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
        let path = folder.join(TOKENIZER);
        let mut tokenizer = match file_text(&path)? {
            Some(text) => Tokenizer::one(folder, &parsed(&path, &text)?)?,
            None => Tokenizer::pair(folder)?,
        };
        tokenizer.add_more()?;
        tokenizer.changed = false;
        Ok(tokenizer)
    }

    fn new(folder: &Path, layout: Layout, tokens: Tokens) -> Tokenizer {
        Tokenizer {
            folder: folder.to_owned(),
            layout,
            // A file of tokens has fewer bytes than 2^32.
            model_size: tokens.len() as u32,
            tokens,
            behind: 0,
            changed: false,
            stripped: false,
            cut: None,
        }
    }

    fn one(folder: &Path, object: &Object<'_>) -> Result<Tokenizer, VocabularyError> {
        let path = folder.join(TOKENIZER);
        let absent = |name: &'static str| VocabularyError::Field {
            path: path.clone(),
            field: name,
            fault: "it is not there".to_owned(),
        };
        let model = object.get("model").ok_or_else(|| absent("model"))?;
        let model: Object<'_> = field(&path, "model", model.get())?;
        let vocabulary = model.get("vocab").ok_or_else(|| absent("model.vocab"))?;
        let vocabulary = vocabulary.get();
        let tokens = match vocabulary.starts_with('[') {
            false => field(&path, "model.vocab", vocabulary)?,
            true => field::<Scored>(&path, "model.vocab", vocabulary)?.0,
        };
        let mut tokenizer = Tokenizer::new(folder, Layout::One, tokens);
        if let Some(added) = object.get("added_tokens") {
            let added: Vec<AddedToken<'_>> = field(&path, "added_tokens", added.get())?;
            added.iter().for_each(|token| tokenizer.add(token));
        }
        Ok(tokenizer)
    }

    fn pair(folder: &Path) -> Result<Tokenizer, VocabularyError> {
        let path = folder.join(VOCAB);
        let text = file_text(&path)?;
        let tokens = text.map(|text| parsed(&path, &text)).transpose()?;
        match tokens.filter(|_| folder.join(MERGES).is_file()) {
            Some(tokens) => Ok(Tokenizer::new(folder, Layout::Pair, tokens)),
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
        let folder = self.folder.clone();
        let read = |name: &str| -> Result<(String, PathBuf), VocabularyError> {
            let path = folder.join(name);
            Ok((file_text(&path)?.unwrap_or_else(|| "{}".to_owned()), path))
        };
        let (text, path) = read(ADDED)?;
        let numbers: Tokens = parsed(&path, &text)?;
        let (text, path) = read(CONFIG)?;
        let config: Object<'_> = parsed(&path, &text)?;
        let decoder = config.get("added_tokens_decoder");
        let decoder: IndexMap<u32, AddedToken<'_>> = match decoder {
            Some(decoder) => field(&path, "added_tokens_decoder", decoder.get())?,
            None => IndexMap::new(),
        };
        // There more is told of a token than its number.
        let told: HashSet<&str> = decoder.values().map(|token| &*token.content).collect();
        let others = numbers.iter().filter(|(text, ..)| !told.contains(text));
        let others = others.map(|(text, id, _)| AddedToken {
            id,
            ..AddedToken::plain(text)
        });
        let mut more: Vec<AddedToken<'_>> = others.collect();
        drop(told);
        let decoder = decoder.into_iter();
        more.extend(decoder.map(|(id, token)| AddedToken { id, ..token }));
        more.sort_by_key(|token| token.id);
        let (text, path) = read(SPECIAL)?;
        let special: Object<'_> = parsed(&path, &text)?;
        let named = config.iter().chain(&special);
        let named = named.filter(|(name, _)| is_special(name));
        more.extend(named.flat_map(|(_, value)| specials(value)));
        for token in more {
            if self.number(&token.content).is_none() {
                self.add(&token);
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
        self.tokens.number(token)
    }

    /// The tokens with their numbers.
    pub fn tokens(&self) -> impl Iterator<Item = (&str, u32)> {
        let tokens = self.tokens.iter();
        tokens.map(|(token, number, _)| (token, number))
    }

    /// How many tokens it has.
    pub fn count(&self) -> usize {
        self.tokens.len()
    }

    /// The tokens that were added.
    pub fn added(&self) -> impl Iterator<Item = AddedToken<'_>> {
        let tokens = self.tokens.iter();
        tokens.filter_map(|(token, id, settings)| Some(AddedToken::of(token, id, settings?)))
    }

    /// Whether a token was added with these settings, whatever its number.
    pub(super) fn has_added(&self, token: &AddedToken<'_>) -> bool {
        self.tokens.settings(&token.content) == Some(token.settings())
    }

    /// Adds a token as `tokenizers` does: one that is known keeps its number, another gets the
    /// number behind the last.
    pub fn add(&mut self, token: &AddedToken<'_>) {
        if token.content.is_empty() {
            return;
        }
        let id = match self.number(&token.content) {
            Some(number) => number,
            None => self.next(),
        };
        self.changed = true;
        self.behind = self.behind.max(id.saturating_add(1));
        self.tokens
            .insert(&token.content, id, Some(token.settings()));
    }

    /// The number of the next token that is added.
    fn next(&self) -> u32 {
        self.behind.max(self.model_size)
    }

    /// Takes out the tokens whose numbers are not below `rows`.
    pub fn strip(&mut self, rows: u32) {
        if self.tokens.numbers().all(|number| number < rows) {
            return;
        }
        // What its model has comes first.
        let model = self.tokens.numbers().take(self.model_size as usize);
        // No more than its model has.
        let kept = model.filter(|number| *number < rows).count() as u32;
        if kept < self.model_size {
            self.cut = Some(rows);
            self.model_size = kept;
        }
        self.tokens = self.tokens.filtered(|number| number < rows);
        let ends = self.added().map(|token| token.id.saturating_add(1));
        self.behind = ends.max().unwrap_or(0);
        self.stripped = true;
        self.changed = true;
    }

    /// Bytes that its tokens take.
    pub fn held_bytes(&self) -> u64 {
        self.tokens.held_bytes()
    }
}
