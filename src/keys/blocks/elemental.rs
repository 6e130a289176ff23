//! supermerger's elemental rules, `BLOCKS:ELEMENTS:WEIGHT`: the tensors of some blocks whose names
//! contain some words. Both fields list names separated by spaces; `NOT` in front inverts a field,
//! and an empty one means all. Later rules win.

use super::entry::Entry;
use super::family::BlockMap;
use super::{BlockError, Draft};

/// One rule.
#[derive(Clone, Debug)]
pub(super) struct ElementalRule {
    entry: Entry,
    blocks: Names,
    elements: Names,
    weight: f64,
}

/// A field of a rule.
#[derive(Clone, Debug)]
struct Names {
    inverted: bool,
    names: Vec<String>,
}

impl Names {
    fn read(field: &str, entry: &Entry) -> Result<Names, BlockError> {
        let mut words = field.split_whitespace().peekable();
        let inverted = words.next_if_eq(&"NOT").is_some();
        let names: Vec<String> = words.map(str::to_owned).collect();
        if inverted && names.is_empty() {
            return Err(BlockError::NotNothing {
                at: entry.at,
                text: entry.text.clone(),
            });
        }
        Ok(Names { inverted, names })
    }

    /// Whether the field takes what `named` finds among its names.
    fn take(&self, named: impl Fn() -> bool) -> bool {
        self.names.is_empty() || named() != self.inverted
    }
}

impl ElementalRule {
    /// The rule of an entry from its three fields.
    pub(super) fn read(
        entry: &Entry,
        blocks: &str,
        elements: &str,
        weight: f64,
    ) -> Result<ElementalRule, BlockError> {
        Ok(ElementalRule {
            blocks: Names::read(blocks, entry)?,
            elements: Names::read(elements, entry)?,
            entry: entry.clone(),
            weight,
        })
    }

    /// For every block, whether the first field names it, on its own or in a range.
    fn named(&self, map: BlockMap) -> Result<Vec<bool>, BlockError> {
        let all = map.names();
        let mut named = vec![false; all.len()];
        for name in &self.blocks.names {
            let (first, last) = name.split_once('-').unwrap_or((name, name));
            let (first, last) = (map.find(&all, first)?, map.find(&all, last)?);
            named[first.min(last)..=first.max(last)].fill(true);
        }
        Ok(named)
    }
}

/// Applies the rules over the weights that are there. `blocks` holds the block of every tensor,
/// where the family has any; a tensor without a block among them is never merged, by no rule.
pub(super) fn weigh(
    draft: &mut Draft<'_>,
    rules: &[ElementalRule],
    blocks: Option<(BlockMap, &[Option<usize>])>,
    family: Option<&str>,
) -> Result<(), BlockError> {
    for rule in rules {
        if blocks.is_none() && !rule.blocks.names.is_empty() {
            return Err(BlockError::UnknownFamily {
                what: format!("entry {}, `{}`,", rule.entry.at, rule.entry.text),
                family: family.unwrap_or("unknown").to_owned(),
            });
        }
        let named = blocks.map(|(map, _)| rule.named(map)).transpose()?;
        let in_blocks = |at: usize| match (&named, blocks) {
            (Some(named), Some((_, places))) => {
                places[at].is_some_and(|block| rule.blocks.take(|| named[block]))
            }
            _ => true,
        };
        let mut matched = 0_usize;
        for (at, key) in draft.keys.iter().enumerate() {
            let among = || {
                rule.elements
                    .names
                    .iter()
                    .any(|name| key.contains(name.as_str()))
            };
            if in_blocks(at) && rule.elements.take(among) {
                draft.weights[at] = Some(rule.weight);
                matched += 1;
            }
        }
        if matched == 0 {
            let Entry { at, text } = &rule.entry;
            draft
                .notes
                .push(format!("entry {at}, `{text}`, matches no tensor"));
        }
    }
    Ok(())
}
