//! Tokens that were added to a vocabulary.

use serde::{Deserialize, Serialize};

/// A token that is cut out of a text before the rest is split, as `tokenizers` writes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AddedToken {
    /// Its number.
    #[serde(default)]
    pub id: u32,
    /// Its text.
    #[serde(default)]
    pub content: String,
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

impl AddedToken {
    /// A token as `tokenizers` adds a plain text.
    pub fn plain(content: &str) -> AddedToken {
        AddedToken {
            id: 0,
            content: content.to_owned(),
            single_word: false,
            lstrip: false,
            rstrip: false,
            normalized: true,
            special: false,
        }
    }

    /// A token that no text is made of.
    pub fn special(content: &str) -> AddedToken {
        AddedToken {
            normalized: false,
            special: true,
            ..AddedToken::plain(content)
        }
    }
}
