//! The words of a recipe's line.
//!
//! Spaces and tabs separate words. A double quote opens a string that ends at the next one. Where
//! the form of the format has escapes, a backslash takes the next character as it is, within
//! strings and without; the old form has none. A word `name=value`
//! gives a name to its value; an equals sign within a string does not.

use std::ops::Range;

use crate::recipe::Fault;

/// A word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Token {
    /// The name before the equals sign, with its place.
    pub(super) name: Option<(String, Range<usize>)>,
    /// The value without quotes and backslashes.
    pub(super) text: String,
    /// Whether it was quoted.
    pub(super) quoted: bool,
    /// The value's place in the text, quotes included.
    pub(super) span: Range<usize>,
}

impl Token {
    /// The place of the whole word.
    pub(super) fn whole(&self) -> Range<usize> {
        let start = self.name.as_ref().map(|(_, span)| span.start);
        start.unwrap_or(self.span.start)..self.span.end
    }
}

/// Splits a line, which begins at `offset` of the text, into words. Gives how many bytes it took:
/// a backslash at the end of a line continues a string on the next.
pub(super) fn tokens(
    text: &str,
    offset: usize,
    escapes: bool,
) -> Result<(Vec<Token>, usize), Fault> {
    let mut cursor = Cursor {
        text,
        at: offset,
        escapes,
    };
    let mut tokens = Vec::new();
    loop {
        cursor.skip_space();
        match cursor.peek() {
            None => return Ok((tokens, cursor.at)),
            Some('\n') => return Ok((tokens, cursor.at + 1)),
            Some(_) => tokens.push(cursor.token()?),
        }
    }
}

struct Cursor<'a> {
    text: &'a str,
    at: usize,
    escapes: bool,
}

impl Cursor<'_> {
    fn peek(&self) -> Option<char> {
        self.text[self.at..].chars().next()
    }

    fn next(&mut self) -> Option<char> {
        let next = self.peek()?;
        self.at += next.len_utf8();
        Some(next)
    }

    fn skip_space(&mut self) {
        while matches!(self.peek(), Some(' ' | '\t' | '\r')) {
            self.next();
        }
    }

    fn token(&mut self) -> Result<Token, Fault> {
        let start = self.at;
        let mut name = None;
        let mut text = String::new();
        let mut value_start = start;
        loop {
            match self.peek() {
                None | Some(' ' | '\t' | '\r' | '\n') => break,
                Some('"') if text.is_empty() => return self.quoted(name, value_start),
                Some('"') => {
                    let place = self.at..self.at + 1;
                    let fault = Fault::new(place, "a string begins in the middle of a word");
                    return Err(fault
                        .label("unexpected quote")
                        .help("separate them by a space"));
                }
                Some('=') if name.is_none() => {
                    name = Some((std::mem::take(&mut text), start..self.at));
                    self.next();
                    value_start = self.at;
                }
                Some('\\') if self.escapes => {
                    self.next();
                    text.extend(self.next());
                }
                Some(_) => text.extend(self.next()),
            }
        }
        Ok(Token {
            name,
            text,
            quoted: false,
            span: value_start..self.at,
        })
    }

    fn quoted(
        &mut self,
        name: Option<(String, Range<usize>)>,
        start: usize,
    ) -> Result<Token, Fault> {
        self.next();
        let mut text = String::new();
        loop {
            match self.peek() {
                None | Some('\n') => {
                    let fault = Fault::new(start..self.at, "this string does not end");
                    let help = match self.escapes {
                        true => "close it with a double quote; a quote within it is written \\\"",
                        false => "close it with a double quote",
                    };
                    return Err(fault.label("begins here").help(help));
                }
                Some('"') => {
                    self.next();
                    break;
                }
                Some('\\') if self.escapes => {
                    self.next();
                    text.extend(self.next());
                }
                Some(_) => text.extend(self.next()),
            }
        }
        match self.peek() {
            None | Some(' ' | '\t' | '\r' | '\n') => {}
            Some(next) => {
                let place = self.at..self.at + next.len_utf8();
                let fault = Fault::new(place, "a word begins right after a string");
                return Err(fault.label("expected a space here"));
            }
        }
        Ok(Token {
            name,
            text,
            quoted: true,
            span: start..self.at,
        })
    }
}
