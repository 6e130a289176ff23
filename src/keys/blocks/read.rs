//! From a text to weights: what each entry is, and which may stand together.

use super::elemental::ElementalRule;
use super::entry::{Entry, entries, split};
use super::pattern::{PatternRule, Weight};
use super::{Base, BlockError, BlockWeights, Form, numbers, preset};
use crate::keys::nearest::hint;

/// Reads block weights in any of their forms. The errors name the entry and its number.
pub fn parse(text: &str) -> Result<BlockWeights, BlockError> {
    let entries = entries(text)?;
    let mut weights = BlockWeights::default();
    for entry in &entries {
        let item = Item::read(entry)?;
        weights.take(entry, item)?;
    }
    if entries.is_empty() {
        return Err(BlockError::Empty);
    }
    match (&weights.base, weights.default) {
        (Base::Numbers(_) | Base::Preset(..), Some(default)) => Err(BlockError::DefaultUnused {
            default,
            before: weights.form().describe(),
        }),
        (Base::Numbers(given), None) if !numbers::COUNTS.contains(&given.len()) => {
            let given = given.len();
            Err(BlockError::Count { given })
        }
        _ => Ok(weights),
    }
}

/// What an entry says.
enum Item {
    Number(f64),
    /// The last number of a list along the depth.
    LastPoint(f64),
    Gradient(f64, f64),
    Preset(&'static str, Vec<f64>),
    Named(String, f64),
    Default(f64),
    Elemental(ElementalRule),
    Pattern(PatternRule),
}

impl Item {
    fn read(entry: &Entry) -> Result<Item, BlockError> {
        match split(&entry.text, &[':'])[..] {
            [word] => Item::word(entry, word),
            ["*", weight] => number(entry, weight).map(Item::Default),
            [pattern, weight] => {
                let weight = Weight::read(entry, weight)?;
                PatternRule::read(entry, pattern, weight).map(Item::Pattern)
            }
            [blocks, elements, weight] => {
                let weight = number(entry, weight)?;
                ElementalRule::read(entry, blocks, elements, weight).map(Item::Elemental)
            }
            _ => Err(unreadable(entry)),
        }
    }

    /// An entry without a colon.
    fn word(entry: &Entry, word: &str) -> Result<Item, BlockError> {
        if let Some((name, weight)) = word.split_once('=') {
            let weight = number(entry, weight)?;
            return Ok(match name.trim() {
                "*" => Item::Default(weight),
                name => Item::Named(name.to_owned(), weight),
            });
        }
        if let Some(point) = word.strip_suffix("@depth") {
            return number(entry, point).map(Item::LastPoint);
        }
        if let Some((start, end)) = gradient(entry, word)? {
            return Ok(Item::Gradient(start, end));
        }
        if word.parse::<f64>().is_ok() {
            return number(entry, word).map(Item::Number);
        }
        let found = preset::find(word).ok_or_else(|| unreadable(entry))?;
        Ok(Item::Preset(found.0, found.1))
    }

    fn describe(&self) -> &'static str {
        match self {
            Item::Number(_) => Form::Numbers.describe(),
            Item::LastPoint(_) | Item::Gradient(..) => Form::Depth.describe(),
            Item::Preset(..) => Form::Preset.describe(),
            Item::Named(..) => Form::Named.describe(),
            Item::Default(_) => Form::Flat.describe(),
            Item::Elemental(_) => Form::Elemental.describe(),
            Item::Pattern(_) => Form::Patterns.describe(),
        }
    }
}

impl Weight {
    fn read(entry: &Entry, text: &str) -> Result<Weight, BlockError> {
        if let Some(points) = list(entry, text)? {
            return Ok(Weight::Points(points));
        }
        Ok(match gradient(entry, text)? {
            Some((start, end)) => Weight::Points(vec![start, end]),
            None => Weight::Flat(number(entry, text)?),
        })
    }
}

impl Form {
    /// What the form is called in messages.
    fn describe(self) -> &'static str {
        match self {
            Form::Numbers => "a number per block",
            Form::Preset => "a preset",
            Form::Named => "a weight by the name of a block",
            Form::Elemental => "an elemental rule",
            Form::Depth => "a gradient along the depth",
            Form::Patterns => "a regular expression",
            Form::Flat => "a default",
        }
    }
}

impl BlockWeights {
    fn take(&mut self, entry: &Entry, item: Item) -> Result<(), BlockError> {
        match (&mut self.base, item) {
            (_, Item::Default(weight)) => {
                if let Some(first) = self.default.replace(weight) {
                    return Err(twice(entry, "*", first, weight));
                }
            }
            (
                Base::Open | Base::Numbers(_) | Base::Preset(..) | Base::Named(_),
                Item::Elemental(rule),
            ) => self.rules.push(rule),
            // Rules override the weights that they follow, so no weights follow rules.
            (Base::Open, item) if self.rules.is_empty() => self.base = Base::from(item),
            (Base::Numbers(values), Item::Number(value)) if self.rules.is_empty() => {
                values.push(value);
            }
            (Base::Numbers(values), Item::LastPoint(point)) if self.rules.is_empty() => {
                values.push(point);
                self.base = Base::Depth(std::mem::take(values));
            }
            (Base::Named(named), Item::Named(name, weight)) if self.rules.is_empty() => {
                let known = |(known, _): &&(String, f64)| known.eq_ignore_ascii_case(&name);
                if let Some((_, first)) = named.iter().find(known) {
                    return Err(twice(entry, &name, *first, weight));
                }
                named.push((name, weight));
            }
            (Base::Patterns(rules), Item::Pattern(rule)) => rules.push(rule),
            (_, item) => return Err(self.mixed(entry, &item)),
        }
        Ok(())
    }

    fn mixed(&self, entry: &Entry, item: &Item) -> BlockError {
        let before = match self.rules.is_empty() {
            true => self.form(),
            false => Form::Elemental,
        };
        BlockError::Mixed {
            at: entry.at,
            text: entry.text.clone(),
            found: item.describe(),
            before: before.describe(),
            hint: match (before, item) {
                (Form::Patterns, Item::Number(_) | Item::LastPoint(_)) => {
                    "; a list along a number stands in brackets, as \
                     `'layers\\.(\\d+)\\.': [0, 0.5, 1]`"
                }
                _ => "",
            },
        }
    }
}

impl From<Item> for Base {
    fn from(item: Item) -> Base {
        match item {
            Item::Number(value) => Base::Numbers(vec![value]),
            Item::LastPoint(point) => Base::Depth(vec![point]),
            Item::Gradient(start, end) => Base::Depth(vec![start, end]),
            Item::Preset(name, values) => Base::Preset(name, values),
            Item::Named(name, weight) => Base::Named(vec![(name, weight)]),
            Item::Pattern(rule) => Base::Patterns(vec![rule]),
            Item::Default(_) | Item::Elemental(_) => Base::Open,
        }
    }
}

fn number(entry: &Entry, weight: &str) -> Result<f64, BlockError> {
    let weight = weight.trim();
    let finite = weight.parse().ok().filter(|value: &f64| value.is_finite());
    finite.ok_or_else(|| BlockError::NotNumber {
        at: entry.at,
        text: entry.text.clone(),
        weight: weight.to_owned(),
    })
}

/// The numbers of `[A, B, C]`; None for a text without brackets.
fn list(entry: &Entry, text: &str) -> Result<Option<Vec<f64>>, BlockError> {
    let inside = text.trim().strip_prefix('[');
    let Some(inside) = inside.and_then(|text| text.strip_suffix(']')) else {
        return Ok(None);
    };
    let points = inside.split(',').map(|point| number(entry, point));
    points.collect::<Result<_, _>>().map(Some)
}

/// The two ends of `START..END`; None for a text without `..`.
fn gradient(entry: &Entry, text: &str) -> Result<Option<(f64, f64)>, BlockError> {
    let ends = text.split_once("..");
    ends.map(|(start, end)| Ok((number(entry, start)?, number(entry, end)?)))
        .transpose()
}

fn unreadable(entry: &Entry) -> BlockError {
    BlockError::Unreadable {
        at: entry.at,
        text: entry.text.clone(),
        hint: hint(&entry.text.to_ascii_uppercase(), preset::names()),
    }
}

fn twice(entry: &Entry, name: &str, first: f64, second: f64) -> BlockError {
    BlockError::Twice {
        at: entry.at,
        name: name.to_owned(),
        first,
        second,
    }
}
