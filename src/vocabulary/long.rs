//! Texts of which long lists of tokens are made while they are written.

use std::io::{self, Write};
use std::sync::Arc;

use indexmap::IndexMap;
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::value::RawValue;

use super::AddedToken;
use super::files::Object;
use super::tokens::Tokens;

/// A text. Of lists of tokens in it there are the tokens.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LongText(Vec<Part>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(Box<str>),
    Tokens(Arc<Tokens>, Form),
}

/// How tokens that were added are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// As tokenizer.json has them.
    Added,
    /// As tokenizer_config.json has them, by their numbers.
    Told,
}

/// A value of a field of a JSON object.
pub(super) enum Value<'t> {
    /// As it was written.
    Kept(&'t RawValue),
    /// Another one.
    New(Box<RawValue>),
    /// Tokens that were added, by their numbers.
    Tokens(Arc<Tokens>, Form),
}

/// A JSON object some of whose values are other ones.
pub(super) type Fields<'t> = IndexMap<String, Value<'t>>;

/// An object whose values are as they were.
pub(super) fn fields(object: Object<'_>) -> Fields<'_> {
    let fields = object.into_iter();
    fields
        .map(|(name, value)| (name, Value::Kept(value)))
        .collect()
}

/// An object as a file, a line for each field.
pub(super) fn written(fields: &Fields<'_>) -> LongText {
    let (mut parts, mut text) = (Vec::new(), "{\n".to_owned());
    for (number, (name, value)) in fields.iter().enumerate() {
        let comma = if number > 0 { ",\n" } else { "" };
        let name = serde_json::Value::from(name.as_str());
        text += &format!("{comma}  {name}: ");
        match value {
            Value::Kept(value) => text += value.get(),
            Value::New(value) => text += value.get(),
            Value::Tokens(tokens, form) => {
                parts.push(Part::Text(std::mem::take(&mut text).into()));
                parts.push(Part::Tokens(Arc::clone(tokens), *form));
            }
        }
    }
    text += "\n}\n";
    parts.push(Part::Text(text.into()));
    LongText(parts)
}

/// A value as JSON that stands in a file.
pub(super) fn raw<T: Serialize>(value: &T) -> Option<Box<RawValue>> {
    let mut text = Vec::new();
    pretty(value, &mut text).ok()?;
    RawValue::from_string(String::from_utf8(text).ok()?).ok()
}

fn pretty<T: Serialize>(value: &T, to: impl Write) -> io::Result<()> {
    let to = Indented(to);
    let formatter = serde_json::ser::PrettyFormatter::new();
    let mut serializer = serde_json::Serializer::with_formatter(to, formatter);
    Ok(value.serialize(&mut serializer)?)
}

/// Writes lines as they stand in an object.
struct Indented<W>(W);

impl<W: Write> Write for Indented<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_all(bytes)?;
        Ok(bytes.len())
    }

    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        for line in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.0.write_all(line)?;
            if line.ends_with(b"\n") {
                self.0.write_all(b"  ")?;
            }
        }
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

impl LongText {
    /// Writes it.
    ///
    /// # Errors
    /// The first of `to`.
    pub fn write(&self, to: &mut dyn Write) -> io::Result<()> {
        for part in &self.0 {
            match part {
                Part::Text(text) => to.write_all(text.as_bytes())?,
                Part::Tokens(tokens, Form::Added) => pretty(&AsAdded(tokens), &mut *to)?,
                Part::Tokens(tokens, Form::Told) => pretty(&AsTold(tokens), &mut *to)?,
            }
        }
        Ok(())
    }

    /// Bytes that it has.
    pub fn bytes(&self) -> u64 {
        let mut count = Count(0);
        // Counting does not fail.
        let _ = self.write(&mut count);
        count.0
    }

    /// Bytes that are held for it. Those of tokens that several texts list count for each.
    pub fn held_bytes(&self) -> u64 {
        let parts = self.0.iter().map(|part| match part {
            Part::Text(text) => text.len() as u64,
            Part::Tokens(tokens, _) => tokens.held_bytes(),
        });
        parts.sum()
    }
}

impl From<String> for LongText {
    fn from(text: String) -> LongText {
        LongText(vec![Part::Text(text.into())])
    }
}

struct Count(u64);

impl Write for Count {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct AsAdded<'t>(&'t Tokens);

impl Serialize for AsAdded<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let tokens = self.0.iter();
        to.collect_seq(tokens.filter_map(|(text, id, set)| Some(AddedToken::of(text, id, set?))))
    }
}

struct AsTold<'t>(&'t Tokens);

impl Serialize for AsTold<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut tokens = self.0.iter().peekable();
        let mut map = to.serialize_map(None)?;
        while let Some((text, id, settings)) = tokens.next() {
            // Two with one number cannot both be told.
            let again = tokens.peek().is_some_and(|(_, next, _)| *next == id);
            if let (Some(settings), false) = (settings, again) {
                let token = AddedToken::of(text, id, settings);
                map.serialize_entry(&id.to_string(), &Told::of(&token))?;
            }
        }
        map.end()
    }
}

/// Tokens as an object with their numbers.
pub(super) struct AsNumbers<'t>(pub &'t Tokens);

impl Serialize for AsNumbers<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_map(self.0.iter().map(|(text, number, _)| (text, number)))
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

impl<'t> Told<'t> {
    fn of(token: &'t AddedToken<'_>) -> Told<'t> {
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
