//! The entries of a text and the fields of an entry, cut where no quotes or brackets hold them
//! together: a regular expression may have every separator inside.

use super::BlockError;

/// One entry of a text.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    /// Which entry it is, from 1.
    pub(super) at: usize,
    /// Its text, without the spaces around it.
    pub(super) text: String,
}

/// The entries of a text. Empty lines and a separator at the end of a line mean nothing; an entry
/// left out between two commas would shift all weights behind it.
pub(super) fn entries(text: &str) -> Result<Vec<Entry>, BlockError> {
    let mut entries = Vec::new();
    for statement in split(text, &[';', '\n']) {
        let mut texts: Vec<&str> = split(statement, &[','])
            .into_iter()
            .map(str::trim)
            .collect();
        if texts.last().is_some_and(|last| last.is_empty()) {
            texts.pop();
        }
        for text in texts {
            let at = entries.len() + 1;
            if text.is_empty() {
                return Err(BlockError::EmptyEntry { at });
            }
            let text = text.to_owned();
            entries.push(Entry { at, text });
        }
    }
    Ok(entries)
}

/// Cuts a text at separators outside of quotes and brackets; a backslash protects what follows it.
pub(super) fn split<'t>(text: &'t str, separators: &[char]) -> Vec<&'t str> {
    let mut parts = Vec::new();
    let (mut start, mut depth, mut quote) = (0, 0_usize, None);
    let mut letters = text.char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '\\' => {
                letters.next();
            }
            _ if quote.is_some() => quote = quote.filter(|&open| open != letter),
            '\'' | '"' => quote = Some(letter),
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth = depth.saturating_sub(1),
            _ if depth == 0 && separators.contains(&letter) => {
                parts.push(&text[start..at]);
                start = at + letter.len_utf8();
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    parts
}

/// A text without the quotes around it.
pub(super) fn unquoted(text: &str) -> &str {
    let inside = |quote| text.strip_prefix(quote)?.strip_suffix(quote);
    inside('\'').or_else(|| inside('"')).unwrap_or(text)
}
