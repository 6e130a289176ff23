//! What other libraries call the modules of transformers and text encoders.

mod families;
mod group;
mod streams;

use super::place::Part;
use families::FAMILIES;
use group::Group;
use streams::STREAMS;

/// Another name of a module, and which of the rows of the one with the original name are those of
/// the one with the other.
pub(super) type Alias = (String, Part);

/// Names for a name: what is behind `from` in each row that is as `name` is goes behind `to`.
fn named(group: &Group, name: &str, is_original: bool) -> Option<Vec<Alias>> {
    let (from, to) = match is_original {
        true => (group.from, group.to),
        false => (group.to, group.from),
    };
    let (numbers, rest) = numbers(name, from)?;
    let found = group.rows.iter().filter_map(|(original, other, part)| {
        let (known, wanted) = if is_original {
            (original, other)
        } else {
            (other, original)
        };
        (*known == rest).then(|| (filled(to, &numbers) + wanted, *part))
    });
    Some(found.collect())
}

/// What other libraries call the module of an original name.
pub(super) fn others(original: &str) -> Vec<Alias> {
    let groups = STREAMS.iter().chain(&FAMILIES);
    let found = groups.filter_map(|group| named(group, original, true));
    found.flatten().collect()
}

/// The original names of the modules that another library's module is, or is a part of.
pub(super) fn originals(other: &str) -> Vec<Alias> {
    let groups = STREAMS.iter().chain(&FAMILIES);
    let found = groups.filter_map(|group| named(group, other, false));
    found.flatten().collect()
}

/// The numbers that a name has where `pattern`, which it begins with, has `#`, and the rest of it.
fn numbers<'n>(mut name: &'n str, pattern: &str) -> Option<(Vec<&'n str>, &'n str)> {
    let mut numbers = Vec::new();
    for (at, words) in pattern.split('#').enumerate() {
        if at > 0 {
            let end = name
                .find(|c: char| !c.is_ascii_digit())
                .unwrap_or(name.len());
            let (number, rest) = name.split_at(end);
            if number.is_empty() {
                return None;
            }
            numbers.push(number);
            name = rest;
        }
        name = name.strip_prefix(words)?;
    }
    Some((numbers, name))
}

/// `pattern` with numbers for `#`.
fn filled(pattern: &str, numbers: &[&str]) -> String {
    let mut filled = String::new();
    for (at, words) in pattern.split('#').enumerate() {
        if at > 0 {
            filled.push_str(numbers.get(at - 1).copied().unwrap_or_default());
        }
        filled.push_str(words);
    }
    filled
}
