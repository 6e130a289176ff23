//! The tokenizer of a result, made of those of its models.

use std::borrow::Cow;
use std::collections::HashSet;

use super::{AddedToken, Tokenizer};

/// A model's tokenizer with the number of its tokens that count.
#[derive(Clone, Copy, Debug)]
pub struct CountedTokenizer<'t> {
    /// The tokenizer.
    pub tokenizer: &'t Tokenizer,
    /// What numbers of tokens are below; others are left out.
    pub counted: u32,
}

impl CountedTokenizer<'_> {
    /// The tokenizer without the tokens that do not count.
    pub fn stripped(&self) -> Tokenizer {
        let mut own = self.tokenizer.clone();
        own.strip(self.counted);
        own
    }

    fn added(&self) -> impl Iterator<Item = AddedToken<'_>> {
        let added = self.tokenizer.added();
        added.filter(|token| token.id < self.counted)
    }
}

/// A tokenizer with the tokens of several. Those of the base keep their numbers and its model
/// splits texts; those of the others become added tokens: model by model in the order given, first
/// all that are plain, then all that were added there, each by their numbers. A token that several
/// added is the first one's.
pub fn union(base: CountedTokenizer<'_>, others: &[CountedTokenizer<'_>]) -> Tokenizer {
    let mut output = base.stripped();
    let parts = || std::iter::once(&base).chain(others);
    let added: HashSet<Cow<'_, str>> = parts()
        .flat_map(CountedTokenizer::added)
        .map(|token| token.content)
        .collect();
    for part in others {
        let tokens = &part.tokenizer.tokens;
        for place in tokens.by_number(|number, _| number < part.counted) {
            let (token, ..) = tokens.at(place);
            if !added.contains(token) && output.number(token).is_none() {
                output.add(&AddedToken::plain(token));
            }
        }
    }
    drop(added);
    let mut known: HashSet<Cow<'_, str>> = HashSet::new();
    for part in parts() {
        let mut own: Vec<AddedToken<'_>> = part.added().collect();
        own.sort_by_key(|token| token.id);
        for token in own {
            if !known.contains(&token.content) && !output.has_added(&token) {
                output.add(&token);
            }
            known.insert(token.content);
        }
    }
    output
}

/// Adds tokens that are none of a tokenizer's yet.
pub fn add_texts<'t>(output: &mut Tokenizer, texts: impl IntoIterator<Item = &'t str>) {
    for text in texts {
        if output.number(text).is_none() {
            output.add(&AddedToken::plain(text));
        }
    }
}
