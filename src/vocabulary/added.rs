//! Tokens that were added to a vocabulary.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::tokens::Settings;

/// A token that is cut out of a text before the rest is split, as `tokenizers` writes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AddedToken<'t> {
    /// Its number.
    #[serde(default)]
    pub id: u32,
    /// Its text.
    #[serde(default, borrow)]
    pub content: Cow<'t, str>,
    /// Whether it is only found between words.
    #[serde(default)]
    pub single_word: bool,
    /// Whether it takes the spaces to its left.
    #[serde(default)]
    pub lstrip: bool,
    /// Whether it takes the spaces to its right.
    #[serde(default)]
    pub rstrip: bool,
    /// Whether it is looked for in the normalized text.
    #[serde(default)]
    pub normalized: bool,
    /// Whether it is no part of what is said.
    #[serde(default)]
    pub special: bool,
}

impl<'t> AddedToken<'t> {
    /// A token as `tokenizers` adds a plain text.
    pub fn plain(content: impl Into<Cow<'t, str>>) -> AddedToken<'t> {
        AddedToken {
            id: 0,
            content: content.into(),
            single_word: false,
            lstrip: false,
            rstrip: false,
            normalized: true,
            special: false,
        }
    }

    /// A token that no text is made of.
    pub fn special(content: impl Into<Cow<'t, str>>) -> AddedToken<'t> {
        AddedToken {
            normalized: false,
            special: true,
            ..AddedToken::plain(content)
        }
    }

    pub(super) fn of(content: &'t str, id: u32, settings: Settings) -> AddedToken<'t> {
        let [single_word, lstrip, rstrip, normalized, special] = settings.all();
        AddedToken {
            id,
            content: content.into(),
            single_word,
            lstrip,
            rstrip,
            normalized,
            special,
        }
    }

    pub(super) fn settings(&self) -> Settings {
        let AddedToken {
            single_word,
            lstrip,
            rstrip,
            normalized,
            special,
            ..
        } = *self;
        Settings::of([single_word, lstrip, rstrip, normalized, special])
    }
}

impl Settings {
    fn of(all: [bool; 5]) -> Settings {
        let bits = all.into_iter().enumerate();
        Settings(bits.map(|(bit, set)| u8::from(set) << bit).sum())
    }

    fn all(self) -> [bool; 5] {
        [0, 1, 2, 3, 4].map(|bit| self.0 >> bit & 1 == 1)
    }
}
