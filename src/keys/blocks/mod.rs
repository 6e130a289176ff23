//! Block weights: a ratio for every tensor, by its name.
//!
//! One text, several forms; [`BlockWeights::form`] says which one it took:
//!
//! | form | example |
//! |---|---|
//! | numbers of supermerger's blocks | `0,1,0.9,…` (26 for SD1/2, 20 or 21 for SDXL, 61 for Flux) |
//! | a preset of supermerger | `GRAD_V` |
//! | weights of named blocks | `BASE=0.2,IN00=0.5,M00=1,*=0.3` |
//! | elemental rules | `OUT03-OUT05:attn2:0.5` |
//! | a gradient along the depth | `0.2..0.8`, `0.1,0.5,0.3@depth` |
//! | regular expressions | `'double_blocks\.(\d+)\.': 0.2..0.8; *: 0.5` |
//! | the same along points | `'layers\.(\d+)\.': [0, 0.5, 0.3, 1]; *: 0.5` |
//!
//! Elemental rules may follow the first three and override them. Entries are separated by commas,
//! semicolons or lines. [`parse`] finds all that is wrong with the text alone;
//! [`BlockWeights::resolve`] finds the rest, once the names are known. Neither touches a tensor.

mod depth;
mod elemental;
mod entry;
mod error;
mod family;
mod kind;
mod numbers;
mod pattern;
mod places;
mod preset;
mod read;

use crate::figures::counted;
use std::collections::HashMap;

use indexmap::IndexMap;
use serde::Serialize;

use self::elemental::ElementalRule;
use self::family::{BlockMap, Family};
use self::pattern::PatternRule;

pub use depth::{depths, numbers};
pub use error::BlockError;
pub use kind::{Kind, expert};
pub use places::places;
pub use read::parse;

/// How a text gives its weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// One number per block, in supermerger's order.
    Numbers,
    /// The name of one of supermerger's presets.
    Preset,
    /// Blocks by their names.
    Named,
    /// Elemental rules with no weights below them.
    Elemental,
    /// Numbers along the depth of the network.
    Depth,
    /// Regular expressions over the names of tensors.
    Patterns,
    /// Nothing but `*=WEIGHT`.
    Flat,
}

/// Parsed weights, not yet bound to the tensors of a checkpoint.
#[derive(Clone, Debug, Default)]
pub struct BlockWeights {
    base: Base,
    rules: Vec<ElementalRule>,
    default: Option<f64>,
}

/// The weights that elemental rules override.
#[derive(Clone, Debug, Default)]
enum Base {
    #[default]
    Open,
    Numbers(Vec<f64>),
    Preset(&'static str, Vec<f64>),
    Named(Vec<(String, f64)>),
    Depth(Vec<f64>),
    Patterns(Vec<PatternRule>),
}

/// The weight that tensors of one block have.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct BlockRatio {
    /// The block, the layer or the rule.
    pub block: String,
    /// Their weight.
    pub ratio: f64,
    /// How many tensors of the block have it.
    pub tensors: usize,
}

/// The weights of the tensors of one checkpoint.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Resolved {
    /// Every tensor that has a weight.
    pub weights: HashMap<String, f64>,
    /// The same by block, in the order of the blocks; a block whose tensors differ has an entry for
    /// each weight.
    pub blocks: Vec<BlockRatio>,
    /// What a reader of the report should know, a line each.
    pub notes: Vec<String>,
    /// Tensors that no rule names, which keep the merge's own ratio. Only elemental rules and
    /// regular expressions leave any.
    pub unweighted: Vec<String>,
}

impl BlockWeights {
    /// The form that the text took.
    pub fn form(&self) -> Form {
        match &self.base {
            Base::Open if self.rules.is_empty() => Form::Flat,
            Base::Open => Form::Elemental,
            Base::Numbers(_) => Form::Numbers,
            Base::Preset(..) => Form::Preset,
            Base::Named(_) => Form::Named,
            Base::Depth(_) => Form::Depth,
            Base::Patterns(_) => Form::Patterns,
        }
    }

    /// The weights of the tensors named `keys`. `family` is the id of the recognised config, such
    /// as `sd1-ldm`; without one, the families are told by names that no other has.
    pub fn resolve<'a>(
        &self,
        keys: impl Iterator<Item = &'a str> + Clone,
        family: Option<&str>,
    ) -> Result<Resolved, BlockError> {
        let mut draft = Draft::new(keys);
        match &self.base {
            Base::Depth(points) => depth::weigh(&mut draft, points, self.default)?,
            Base::Patterns(rules) => pattern::weigh(&mut draft, rules)?,
            _ => self.weigh_blocks(&mut draft, family)?,
        }
        Ok(draft.resolve(self.default))
    }

    fn weigh_blocks(&self, draft: &mut Draft<'_>, id: Option<&str>) -> Result<(), BlockError> {
        let found = Family::recognise(id, &draft.keys);
        let family = |what: &str| {
            found.ok_or_else(|| BlockError::UnknownFamily {
                what: what.to_owned(),
                family: id.unwrap_or("unknown").to_owned(),
            })
        };
        let (map, weights) = match &self.base {
            Base::Numbers(values) => {
                let what = format!("a list of {}", counted(values.len(), "number"));
                numbers::fit(values, &what, family(&what)?, &mut draft.notes)?
            }
            Base::Preset(name, values) => {
                let what = format!("the preset {name} of {} numbers", values.len());
                numbers::fit(values, &what, family(&what)?, &mut draft.notes)?
            }
            Base::Named(named) => {
                let map = BlockMap::mecha(family("a weight by the name of a block")?);
                (map, map.weights(named, self.default)?)
            }
            _ if self.rules.is_empty() => return Ok(()),
            _ => match found {
                Some(found) => (BlockMap::supermerger(found), Vec::new()),
                None => return elemental::weigh(draft, &self.rules, None, id),
            },
        };
        let places = map.places(&draft.keys)?;
        draft.names = map.names();
        draft.places.clone_from(&places);
        for (weight, place) in draft.weights.iter_mut().zip(&places) {
            *weight = match place {
                Some(block) => weights.get(*block).copied(),
                None => Some(0.0),
            };
        }
        let mut apart = draft
            .keys
            .iter()
            .zip(&places)
            .filter(|(_, place)| place.is_none());
        if let Some((key, _)) = apart.next() {
            draft.notes.push(format!(
                "the weight 0 for {} of no block of {}, as `{key}`",
                counted(1 + apart.count(), "tensor"),
                map.family()
            ));
        }
        elemental::weigh(draft, &self.rules, Some((map, &places)), id)
    }
}

/// What tensors of no block are called.
pub(crate) const OTHERS: &str = "others";

/// Weights in the making: one place per tensor.
struct Draft<'a> {
    keys: Vec<&'a str>,
    weights: Vec<Option<f64>>,
    notes: Vec<String>,
    /// The names of blocks, layers or rules.
    names: Vec<String>,
    /// Which of them gave each tensor its weight.
    places: Vec<Option<usize>>,
}

impl<'a> Draft<'a> {
    fn new(keys: impl Iterator<Item = &'a str>) -> Draft<'a> {
        let keys: Vec<&str> = keys.collect();
        Draft {
            weights: vec![None; keys.len()],
            places: vec![None; keys.len()],
            names: Vec::new(),
            keys,
            notes: Vec::new(),
        }
    }

    /// How many tensors of each block have which weight.
    fn blocks(&self, default: Option<f64>) -> Vec<BlockRatio> {
        let mut counts: IndexMap<(usize, u64), usize> = IndexMap::new();
        for (weight, place) in self.weights.iter().zip(&self.places) {
            if let Some(weight) = weight.or(default) {
                let place = place.unwrap_or(self.names.len());
                *counts.entry((place, weight.to_bits())).or_default() += 1;
            }
        }
        counts.sort_by(|(a, _), _, (b, _), _| a.cmp(b));
        let blocks = counts.into_iter().map(|((place, ratio), tensors)| {
            let name = self.names.get(place).map_or(OTHERS, String::as_str);
            BlockRatio {
                block: name.to_owned(),
                ratio: f64::from_bits(ratio),
                tensors,
            }
        });
        blocks.collect()
    }

    fn resolve(self, default: Option<f64>) -> Resolved {
        let mut resolved = Resolved {
            blocks: self.blocks(default),
            notes: self.notes,
            ..Resolved::default()
        };
        for (key, weight) in self.keys.into_iter().zip(self.weights) {
            match weight.or(default) {
                Some(weight) => {
                    resolved.weights.insert(key.to_owned(), weight);
                }
                None => resolved.unweighted.push(key.to_owned()),
            }
        }
        resolved
    }
}
