//! A gradient along the depth of any network.
//!
//! A layer is a number in a name behind the name of a stack, as in `layers.7.`. The layers of all
//! stacks are numbered through: a stack is deeper than those that the names show first, and where
//! a network is made of several stacks whose order is known, they lie in that order.

use crate::figures::counted;
use std::collections::{BTreeSet, HashMap};

use indexmap::{IndexMap, IndexSet};

use super::{BlockError, Draft};

/// What stands beside the network in a whole checkpoint and is no part of its depth.
pub(super) const COMPANIONS: &[&str] = &[
    "cond_stage_model.",
    "conditioner.",
    "text_encoders.",
    "first_stage_model.",
    "vae.",
    "model_ema.",
];

/// Weighs the layers along `points`, which lie at equal distances from the first to the last, and
/// the tensors without a layer by `default`.
pub(super) fn weigh(
    draft: &mut Draft<'_>,
    points: &[f64],
    default: Option<f64>,
) -> Result<(), BlockError> {
    let Some(Depths {
        layers,
        stacks,
        depths,
    }) = Depths::of(&draft.keys)
    else {
        return Err(BlockError::NoLayers {
            keys: draft.keys.len(),
        });
    };
    draft.names = vec![String::new(); depths.len()];
    for (layer, &depth) in &depths {
        draft.names[depth] = format!("{}{}", layer.stack, layer.number);
    }
    for (at, layer) in layers.iter().enumerate() {
        let depth = layer.as_ref().and_then(|layer| depths.get(layer)).copied();
        draft.places[at] = depth;
        let last = depths.len() as u64 - 1;
        draft.weights[at] = depth.map_or(default, |d| Some(along(points, d as u64, last)));
    }
    let mut without = draft
        .keys
        .iter()
        .zip(&draft.weights)
        .filter(|(_, w)| w.is_none());
    if let Some((key, _)) = without.next() {
        return Err(BlockError::Layerless {
            count: 1 + without.count(),
            key: (*key).to_owned(),
        });
    }
    let stacks = stacks.iter().map(|(stack, numbers)| {
        let (first, last) = (numbers.first().unwrap_or(&0), numbers.last().unwrap_or(&0));
        format!("{stack}{first}-{last}")
    });
    let stacks: Vec<String> = stacks.collect();
    draft.notes.push(format!(
        "a gradient along {}: {}",
        counted(depths.len(), "layer"),
        stacks.join(", ")
    ));
    Ok(())
}

/// For each name the number of its layer, counted through all stacks in the order of their depth;
/// None where it is in none.
pub fn depths(keys: &[&str]) -> Vec<Option<u64>> {
    match Depths::of(keys) {
        Some(found) => {
            let depth =
                |layer: &Option<Layer<'_>>| Some(*found.depths.get(layer.as_ref()?)? as u64);
            found.layers.iter().map(depth).collect()
        }
        None => vec![None; keys.len()],
    }
}

/// For each name the number of its layer within its stack; None where it is in none.
pub fn numbers(keys: &[&str]) -> Vec<Option<u64>> {
    let layers = layers(keys).into_iter();
    layers.map(|layer| Some(layer?.number)).collect()
}

/// The layers of a network, and how deep they lie.
pub(super) struct Depths<'k> {
    /// The layer of each name.
    pub(super) layers: Vec<Option<Layer<'k>>>,
    /// The numbers of the layers of each stack, the first stack first.
    stacks: IndexMap<&'k str, BTreeSet<u64>>,
    depths: HashMap<Layer<'k>, usize>,
}

impl<'k> Depths<'k> {
    /// None where no name has a layer.
    pub(super) fn of(keys: &[&'k str]) -> Option<Depths<'k>> {
        let layers = layers(keys);
        let mut stacks: IndexMap<&str, BTreeSet<u64>> = IndexMap::new();
        for layer in layers.iter().flatten() {
            stacks.entry(layer.stack).or_default().insert(layer.number);
        }
        if stacks.is_empty() {
            return None;
        }
        let networks: IndexSet<&str> = stacks.keys().map(|stack| parts(stack).0).collect();
        stacks.sort_by_cached_key(|stack, _| {
            let (network, name) = parts(stack);
            (networks.get_index_of(network), rank(name))
        });
        let order = stacks.iter().flat_map(|(stack, numbers)| {
            let numbers = numbers.iter();
            numbers.map(|&number| Layer { stack, number })
        });
        let depths = order.enumerate().map(|(at, layer)| (layer, at)).collect();
        Some(Depths {
            layers,
            stacks,
            depths,
        })
    }
}

/// The value at `depth` of `0..=last`: linear between points at equal distances. Where there is but
/// one depth, it takes the first.
pub(super) fn along(points: &[f64], depth: u64, last: u64) -> f64 {
    let place = depth as f64 * (points.len() - 1) as f64 / last.max(1) as f64;
    let before = (place as usize).min(points.len() - 1);
    let after = (before + 1).min(points.len() - 1);
    let part = place - before as f64;
    (1.0 - part) * points[before] + part * points[after]
}

/// Where a tensor lies.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Layer<'k> {
    /// Its name up to the number, `model.layers.`.
    pub(super) stack: &'k str,
    pub(super) number: u64,
}

/// The layer of every tensor. A checkpoint of companions alone is a network after all, and so is
/// one whose numbers stand behind names that are not known for stacks.
fn layers<'k>(keys: &[&'k str]) -> Vec<Option<Layer<'k>>> {
    let beside = |key: &str| {
        COMPANIONS
            .iter()
            .any(|companion| key.starts_with(companion))
    };
    let search = |companions: bool, known: bool| {
        let of = |key: &&'k str| {
            let taken = companions || !beside(key);
            taken.then(|| layer(key, known)).flatten()
        };
        let found: Vec<Option<Layer<'k>>> = keys.iter().map(of).collect();
        found.iter().any(Option::is_some).then_some(found)
    };
    search(false, true)
        .or_else(|| search(true, true))
        .or_else(|| search(true, false))
        .unwrap_or_else(|| vec![None; keys.len()])
}

/// The first number in a name, behind the name of a stack if it must be a known one.
fn layer(key: &str, known: bool) -> Option<Layer<'_>> {
    let mut start = 0;
    let mut before = "";
    for segment in key.split('.') {
        if let Ok(number) = segment.parse::<u64>()
            && (!known || is_stack(before))
        {
            let stack = &key[..start];
            return Some(Layer { stack, number });
        }
        before = segment;
        start += segment.len() + 1;
    }
    None
}

/// Whether a name is one that networks give to their stacks of layers.
fn is_stack(name: &str) -> bool {
    name == "h"
        || ["layer", "layers", "block", "blocks"]
            .iter()
            .any(|end| name.ends_with(end))
}

/// The network that a stack is in, and its name there.
fn parts(stack: &str) -> (&str, &str) {
    let stack = stack.trim_end_matches('.');
    stack.rsplit_once('.').unwrap_or(("", stack))
}

/// The place of a stack among those of its network, where the names do not show it.
fn rank(stack: &str) -> u8 {
    match stack {
        "middle_block" | "mid_block" | "single_blocks" | "single_transformer_blocks" => 1,
        "output_blocks" | "up_blocks" => 2,
        _ => 0,
    }
}
