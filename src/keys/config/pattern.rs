//! Sizes and names that depend on numbers: `4width`, `layers.{0..depth}.norm{1,2}`.

use std::fmt::{Display, Write};

/// A number, a parameter, or a multiple of a parameter.
pub(super) struct Size {
    factor: u64,
    parameter: Option<usize>,
}

impl Size {
    /// Reads `768`, `width` or `4width`.
    pub(super) fn read(text: &str, parameters: &[&str]) -> Result<Size, String> {
        let letters = text.find(|c: char| !c.is_ascii_digit());
        let (factor, name) = text.split_at(letters.unwrap_or(text.len()));
        let parameter = parameters.iter().position(|&parameter| parameter == name);
        if parameter.is_none() && (!name.is_empty() || factor.is_empty()) {
            return Err(format!("`{text}` is no number and no parameter"));
        }
        let factor = if factor.is_empty() { "1" } else { factor };
        Ok(Size {
            factor: factor
                .parse()
                .map_err(|_| format!("`{text}` is too large"))?,
            parameter,
        })
    }

    pub(super) fn value(&self, arguments: &[u64]) -> u64 {
        let parameter = self.parameter.map_or(1, |parameter| arguments[parameter]);
        self.factor * parameter
    }
}

enum Piece<'t> {
    Text(&'t str),
    Words(Vec<&'t str>),
    Number(Size),
    Range {
        first: Size,
        end: Size,
        digits: usize,
    },
}

/// A name with braces in it, which stands for several names.
pub(super) struct Pattern<'t>(Vec<Piece<'t>>);

impl<'t> Pattern<'t> {
    pub(super) fn read(text: &'t str, parameters: &[&str]) -> Result<Pattern<'t>, String> {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some((before, braces)) = rest.split_once('{') {
            let (inside, after) = braces
                .split_once('}')
                .ok_or_else(|| format!("`{text}` lacks a closing brace"))?;
            pieces.extend([Piece::Text(before), Piece::read(inside, parameters)?]);
            rest = after;
        }
        pieces.push(Piece::Text(rest));
        Ok(Pattern(pieces))
    }

    /// Calls `each` with every name in turn, put behind `name`.
    pub(super) fn expand(
        &self,
        name: &mut String,
        arguments: &[u64],
        each: &mut dyn FnMut(&mut String),
    ) {
        expand(&self.0, name, arguments, each);
    }
}

fn expand(
    pieces: &[Piece<'_>],
    name: &mut String,
    arguments: &[u64],
    each: &mut dyn FnMut(&mut String),
) {
    let Some((piece, rest)) = pieces.split_first() else {
        return each(name);
    };
    let length = name.len();
    let mut with = |word: &dyn Display| {
        // A String takes all text.
        let _ = write!(name, "{word}");
        expand(rest, name, arguments, each);
        name.truncate(length);
    };
    match piece {
        Piece::Text(text) => with(text),
        Piece::Words(words) => words.iter().for_each(|word| with(word)),
        Piece::Number(size) => with(&size.value(arguments)),
        Piece::Range { first, end, digits } => {
            for number in first.value(arguments)..end.value(arguments) {
                with(&format_args!("{number:0digits$}"));
            }
        }
    }
}

impl<'t> Piece<'t> {
    /// Reads what stands between braces.
    fn read(text: &'t str, parameters: &[&str]) -> Result<Piece<'t>, String> {
        if let Some((first, end)) = text.split_once("..") {
            return Ok(Piece::Range {
                digits: first.len(),
                first: Size::read(first, parameters)?,
                end: Size::read(end, parameters)?,
            });
        }
        if text.contains(',') {
            return Ok(Piece::Words(text.split(',').collect()));
        }
        Ok(Piece::Number(Size::read(text, parameters)?))
    }
}
