//! What tokenizers take, as their files tell it before any is held.

use std::borrow::Cow;
use std::fmt;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use serde::de::{DeserializeOwned, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::files::{ADDED, CONFIG, MERGES, SPECIAL, TOKENIZER, VOCAB};

/// Bytes that a token takes besides its text until the tokens of all models are in one order: its
/// places in the vocabularies of its model and of the result, and in the list of those that were
/// added.
const TOKEN_BYTES: u64 = 128;
/// The same for each model: its row there, and its run of rows.
const MODEL_BYTES: u64 = 28;
/// How many times texts of tokens are held at once.
const TEXTS: u64 = 4;
/// How many times the text of a file is held at once, while it is edited.
const FILES: u64 = 3;

/// Bytes that the tokenizers of folders take at most until their tokens are in one order, or so
/// many as are known to be within `room`. Of a file nothing is held meanwhile.
pub fn tokenizer_bytes(folders: &[&Path], room: u64) -> u64 {
    let models = folders.len() as u64;
    let each = TOKEN_BYTES.saturating_add(MODEL_BYTES.saturating_mul(models));
    let mut all = Found::default();
    for folder in folders {
        all.add(Found::by_lengths(folder));
    }
    if all.needed(each) <= room {
        return all.needed(each);
    }
    let mut all = Found::default();
    for folder in folders {
        all.add(Found::by_counting(folder));
    }
    all.needed(each)
}

/// Tokens in files.
#[derive(Clone, Copy, Default)]
struct Found {
    tokens: u64,
    /// Bytes of their texts.
    texts: u64,
    /// Bytes of the longest file.
    longest: u64,
}

impl Found {
    fn add(&mut self, other: Found) {
        self.tokens = self.tokens.saturating_add(other.tokens);
        self.texts = self.texts.saturating_add(other.texts);
        self.longest = self.longest.max(other.longest);
    }

    fn needed(&self, each: u64) -> u64 {
        let texts = self.texts.saturating_mul(TEXTS);
        let files = self.longest.saturating_mul(FILES);
        let tokens = self.tokens.saturating_mul(each);
        tokens.saturating_add(texts).saturating_add(files)
    }

    /// What files of such lengths can hold at most: `"a":1,` is a token.
    fn by_lengths(folder: &Path) -> Found {
        const LEAST: u64 = 6;
        let mut found = Found::default();
        for name in [TOKENIZER, VOCAB, ADDED, CONFIG, SPECIAL] {
            let bytes = length(&folder.join(name));
            found.add(Found {
                tokens: bytes / LEAST,
                texts: bytes,
                longest: bytes,
            });
        }
        found
    }

    /// What files hold; of tokenizer.json that does not read, what it can hold at most.
    fn by_counting(folder: &Path) -> Found {
        let mut found = Found::default();
        let mut count = |counted: &Count| {
            found.tokens = found.tokens.saturating_add(counted.tokens);
            found.texts = found.texts.saturating_add(counted.texts);
        };
        match read::<Tokenizer>(&folder.join(TOKENIZER)) {
            Some(one) => {
                count(&one.model.vocab);
                count(&one.added_tokens);
            }
            None if length(&folder.join(TOKENIZER)) > 0 => return Found::by_lengths(folder),
            None => count(&read(&folder.join(VOCAB)).unwrap_or_default()),
        }
        count(&read(&folder.join(ADDED)).unwrap_or_default());
        let config: Config = read(&folder.join(CONFIG)).unwrap_or_default();
        count(&config.added_tokens_decoder);
        let names = [TOKENIZER, VOCAB, ADDED, CONFIG, SPECIAL, MERGES];
        let lengths = names.iter().map(|name| length(&folder.join(name)));
        found.longest = lengths.max().unwrap_or(0);
        found
    }
}

fn length(path: &Path) -> u64 {
    std::fs::metadata(path).map_or(0, |found| found.len())
}

/// What a file holds, read without holding its text.
fn read<T: DeserializeOwned>(path: &Path) -> Option<T> {
    let found = std::fs::metadata(path)
        .ok()
        .filter(|found| found.is_file())?;
    let text = BufReader::new(File::open(path).ok()?.take(found.len()));
    serde_json::from_reader(text).ok()
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Tokenizer {
    model: Model,
    added_tokens: Count,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Model {
    vocab: Count,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Config {
    added_tokens_decoder: Count,
}

/// The tokens of a list or an object, and the bytes of their texts.
#[derive(Default)]
struct Count {
    tokens: u64,
    texts: u64,
}

impl Count {
    fn note(&mut self, text: &str) {
        self.tokens += 1;
        self.texts += text.len() as u64;
    }
}

impl<'de> Deserialize<'de> for Count {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Count, D::Error> {
        struct Counter;
        impl<'de> Visitor<'de> for Counter {
            type Value = Count;

            fn expecting(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
                to.write_str("tokens")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Count, M::Error> {
                let mut count = Count::default();
                while let Some((text, told)) = map.next_entry::<Cow<'de, str>, Entry>()? {
                    count.note(told.0.as_deref().unwrap_or(&text));
                }
                Ok(count)
            }

            fn visit_seq<S: SeqAccess<'de>>(self, mut list: S) -> Result<Count, S::Error> {
                let mut count = Count::default();
                while let Some(told) = list.next_element::<Entry>()? {
                    count.note(told.0.as_deref().unwrap_or_default());
                }
                Ok(count)
            }
        }
        from.deserialize_any(Counter)
    }
}

/// What is told of a token: its text, where that is told.
struct Entry(Option<String>);

impl<'de> Deserialize<'de> for Entry {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Entry, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Told {
            Added { content: String },
            Scored(String, IgnoredAny),
            Other(IgnoredAny),
        }
        Ok(Entry(match Told::deserialize(from)? {
            Told::Added { content } | Told::Scored(content, _) => Some(content),
            Told::Other(_) => None,
        }))
    }
}
