//! Ratios that move along the blocks.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use regex::Regex;
use serde_json::{Value as Json, json};

use super::common::PREFIX;
use crate::checkpoint::Checkpoint;
use crate::keys::blocks;
use crate::method::ParameterValue;
use crate::recipe::{Rule, Schedule, Scheduled};

/// Models whose ratio is not above this take no part.
const LEAST: f64 = 1e-6;

/// How blocks are numbered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BlockOrder {
    /// By the number behind `double_blocks.` or `single_blocks.`, which both begin at zero.
    #[default]
    Flux,
    /// By the number behind the name of any stack of layers, in any family.
    Number,
    /// By the depth, in any family: double blocks before single ones.
    Depth,
}

impl BlockOrder {
    /// All of them, with the words for them and what they mean.
    pub const ALL: [(BlockOrder, &'static str, &'static str); 3] = [
        (
            BlockOrder::Flux,
            "flux",
            "the number behind double_blocks. or single_blocks., which both begin at zero",
        ),
        (
            BlockOrder::Number,
            "number",
            "the number behind the name of any stack of layers, in any family",
        ),
        (
            BlockOrder::Depth,
            "depth",
            "how deep a layer lies, in any family: double blocks, then single ones",
        ),
    ];

    /// The order of this word.
    pub fn from_word(word: &str) -> Option<BlockOrder> {
        let mut all = BlockOrder::ALL.into_iter();
        all.find(|(_, own, _)| *own == word)
            .map(|(order, ..)| order)
    }

    /// The word for it, and what is counted.
    fn row(self) -> (&'static str, &'static str) {
        let mut all = BlockOrder::ALL.into_iter();
        let own = all.find(|(order, ..)| *order == self);
        own.map_or(("", ""), |(_, word, meaning)| (word, meaning))
    }

    /// What is counted.
    pub(super) fn describe(self) -> &'static str {
        self.row().1
    }

    /// The block of each tensor of any model that is in one, by its name without the prefix.
    pub(super) fn blocks(self, opened: &[Checkpoint]) -> HashMap<String, i64> {
        let names = opened.iter().flat_map(|model| model.tensors().keys());
        let names = names.map(|name| name.strip_prefix(PREFIX).unwrap_or(name));
        let names: &[&str] = &names.collect::<Vec<&str>>();
        let numbers: Vec<Option<u64>> = match self {
            BlockOrder::Flux => names.iter().copied().map(flux).collect(),
            BlockOrder::Number => blocks::numbers(names),
            BlockOrder::Depth => blocks::depths(names),
        };
        let blocks = names.iter().zip(numbers).filter_map(|(name, number)| {
            let number = i64::try_from(number?).ok()?;
            Some(((*name).to_owned(), number))
        });
        blocks.collect()
    }
}

/// The first number that stands behind the name of a stack, wherever in the name it is.
fn flux(name: &str) -> Option<u64> {
    static BLOCK: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"(?:single_blocks|double_blocks)\.([0-9]+)\.").expect("a sound expression")
    });
    BLOCK.captures(name)?.get(1)?.as_str().parse().ok()
}

/// Ratios by block: those of the start before the first block of a window, those of the end after
/// the last, and in between something in between; others outside of blocks.
#[derive(Clone, Debug)]
pub(super) struct Window {
    pub(super) base: Vec<f64>,
    pub(super) start: Vec<f64>,
    pub(super) end: Vec<f64>,
    /// The first block and the last; the first may come after the last, which makes a step.
    pub(super) first: i64,
    pub(super) last: i64,
    /// How blocks are numbered.
    pub(super) order: BlockOrder,
    /// The block of each tensor that is in one.
    pub(super) blocks: HashMap<String, i64>,
}

/// The schedule that a record tells, for models whose tensors have these names; None where it tells
/// of another kind.
pub(in crate::recipe) fn scheduled(record: &Json, opened: &[Checkpoint]) -> Option<Scheduled> {
    let ratios = |name: &str| {
        let ratios = record.get(name)?.as_array()?.iter();
        let ratios: Option<Vec<f64>> = ratios.map(Json::as_f64).collect();
        ratios.filter(|ratios| ratios.len() == opened.len())
    };
    let order = BlockOrder::from_word(record.get("block_order")?.as_str()?)?;
    let window = Window {
        base: ratios("outside")?,
        start: ratios("start")?,
        end: ratios("end")?,
        first: record.get("first_block")?.as_i64()?,
        last: record.get("last_block")?.as_i64()?,
        order,
        blocks: order.blocks(opened),
    };
    Some(Scheduled::Bound(Rule(Arc::new(window))))
}

impl Window {
    /// The ratios of the models for a tensor. Between the ends they are computed in f32, as the
    /// script does.
    fn ratios(&self, name: &str) -> Vec<f64> {
        let Some(&block) = self.blocks.get(name) else {
            return self.base.clone();
        };
        if block < self.first || (block == self.first && self.first == self.last) {
            return self.start.clone();
        }
        if block > self.last {
            return self.end.clone();
        }
        let share = (block - self.first) as f64 / (self.last - self.first) as f64;
        let (before, behind) = ((1.0 - share) as f32, share as f32);
        let pairs = self.start.iter().zip(&self.end);
        let ratios = pairs.map(|(&start, &end)| before * start as f32 + behind * end as f32);
        ratios.map(f64::from).collect()
    }
}

impl Schedule for Window {
    fn parameters(&self, name: &str) -> Vec<(&'static str, ParameterValue)> {
        vec![("weight", ParameterValue::Numbers(self.ratios(name)))]
    }

    fn takes_part(&self, name: &str, position: usize) -> bool {
        let ratios = self.ratios(name);
        ratios.get(position).is_some_and(|ratio| *ratio > LEAST)
    }

    fn record(&self) -> Json {
        json!({
            "outside": self.base,
            "start": self.start,
            "end": self.end,
            "first_block": self.first,
            "last_block": self.last,
            "block_order": self.order.row().0,
        })
    }
}
