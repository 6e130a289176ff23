//! Texts with numbers, one behind the other in memory: a vocabulary has hundreds of thousands.

use std::borrow::Cow;
use std::fmt;
use std::hash::BuildHasher;

use foldhash::fast::RandomState;
use hashbrown::HashTable;
use serde::de::{IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

/// Tokens and their numbers, each text once, in the order in which they came.
#[derive(Clone, Default)]
pub(super) struct Tokens {
    /// All texts.
    texts: String,
    tokens: Vec<Token>,
    /// Places in `tokens` by the hashes of texts.
    places: HashTable<usize>,
    hasher: RandomState,
}

#[derive(Clone, Copy)]
struct Token {
    /// Where its text ends.
    end: usize,
    number: u32,
    /// How it was added, where it was.
    settings: Option<Settings>,
}

/// How a token that was added is found in a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Settings(pub u8);

impl Tokens {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.tokens.len()
    }

    /// The text of the token at a place.
    pub fn text(&self, place: usize) -> &str {
        let start = place.checked_sub(1).map_or(0, |at| self.tokens[at].end);
        &self.texts[start..self.tokens[place].end]
    }

    fn place(&self, text: &str) -> Option<usize> {
        let hash = self.hasher.hash_one(text);
        let found = self.places.find(hash, |place| self.text(*place) == text);
        found.copied()
    }

    /// The number of a token.
    pub fn number(&self, text: &str) -> Option<u32> {
        Some(self.tokens[self.place(text)?].number)
    }

    /// How a token was added, where it was.
    pub fn settings(&self, text: &str) -> Option<Settings> {
        self.tokens[self.place(text)?].settings
    }

    /// Gives a token a number. One that is there stays at its place.
    pub fn insert(&mut self, text: &str, number: u32, settings: Option<Settings>) {
        if let Some(known) = self.place(text) {
            let known = &mut self.tokens[known];
            known.number = number;
            known.settings = settings.or(known.settings);
            return;
        }
        self.texts.push_str(text);
        let (end, place) = (self.texts.len(), self.tokens.len());
        self.tokens.push(Token {
            end,
            number,
            settings,
        });
        let Tokens {
            texts,
            tokens,
            places,
            hasher,
        } = self;
        let hash_of = |place: &usize| {
            let start = place.checked_sub(1).map_or(0, |at| tokens[at].end);
            hasher.hash_one(&texts[start..tokens[*place].end])
        };
        places.insert_unique(hasher.hash_one(text), place, hash_of);
    }

    /// The tokens with their numbers, and how they were added.
    pub fn iter(&self) -> impl Iterator<Item = (&str, u32, Option<Settings>)> {
        (0..self.tokens.len()).map(|place| self.at(place))
    }

    /// The token at a place, its number, and how it was added.
    pub fn at(&self, place: usize) -> (&str, u32, Option<Settings>) {
        let token = &self.tokens[place];
        (self.text(place), token.number, token.settings)
    }

    /// The places of tokens that a condition holds for, by their numbers.
    pub fn by_number(&self, stays: impl Fn(u32, Option<Settings>) -> bool) -> Vec<usize> {
        let tokens = self.tokens.iter().enumerate();
        let kept = tokens.filter(|(_, token)| stays(token.number, token.settings));
        let mut places: Vec<usize> = kept.map(|(place, _)| place).collect();
        places.sort_unstable_by_key(|place| (self.tokens[*place].number, *place));
        places
    }

    /// The numbers in the order of the tokens.
    pub fn numbers(&self) -> impl Iterator<Item = u32> {
        self.tokens.iter().map(|token| token.number)
    }

    /// Those of the tokens whose numbers a condition holds for.
    pub fn filtered(&self, stays: impl Fn(u32) -> bool) -> Tokens {
        let mut kept = Tokens::default();
        for (text, number, settings) in self.iter() {
            if stays(number) {
                kept.insert(text, number, settings);
            }
        }
        kept
    }

    /// Bytes on the heap.
    pub fn held_bytes(&self) -> u64 {
        let tokens = self.tokens.capacity() * size_of::<Token>();
        (self.texts.capacity() + tokens + self.places.allocation_size()) as u64
    }
}

impl fmt::Debug for Tokens {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.debug_list().entries(self.iter()).finish()
    }
}

impl PartialEq for Tokens {
    fn eq(&self, other: &Tokens) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for Tokens {}

/// An object from texts to numbers.
impl<'de> Deserialize<'de> for Tokens {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Tokens, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Tokens;

            fn expecting(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
                to.write_str("an object from tokens to numbers")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Tokens, M::Error> {
                let mut tokens = Tokens::default();
                while let Some((Text(text), number)) = map.next_entry::<Text<'de>, u32>()? {
                    tokens.insert(&text, number, None);
                }
                Ok(tokens)
            }
        }
        from.deserialize_map(Reader)
    }
}

/// A list of tokens in the order of their numbers, with a score each.
pub(super) struct Scored(pub Tokens);

impl<'de> Deserialize<'de> for Scored {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Scored, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Scored;

            fn expecting(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
                to.write_str("a list of tokens with scores")
            }

            fn visit_seq<S: SeqAccess<'de>>(self, mut list: S) -> Result<Scored, S::Error> {
                let mut tokens = Tokens::default();
                let mut numbers = 0..=u32::MAX;
                while let Some((Text(text), _)) = list.next_element::<(Text<'de>, IgnoredAny)>()? {
                    let number = numbers.next();
                    let beyond = || serde::de::Error::custom("more tokens than 32 bits count");
                    tokens.insert(&text, number.ok_or_else(beyond)?, None);
                }
                Ok(Scored(tokens))
            }
        }
        from.deserialize_seq(Reader)
    }
}

/// A text as it stands in what is read, where no character of it is escaped.
#[derive(Deserialize)]
struct Text<'t>(#[serde(borrow)] Cow<'t, str>);
