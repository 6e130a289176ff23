//! Routes that work on the layers of a model: each tensor is made of all that belong to its layer.

use std::sync::Arc;

use super::{Leaf, View};
use crate::kernel::joint::{Balance, Rebasin, RegMean, SharedOp, Shuffle};
use crate::keys::{Layer, layer_of};

/// Operations on layers one on the other at most: each multiplies what a tensor is made of.
const OPERATIONS_MAX: usize = 2;
/// Tensors of models that one is made of at most.
const LEAVES_MAX: usize = 4096;

/// What is done to layers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LayerRoute {
    /// The first input with hidden units in the order of the second's.
    Rebasin {
        /// How often sd-mecha looks at most. One time finds the best order.
        iters: u64,
    },
    /// Hidden units in a random order.
    Randperm {
        /// The seed of the first units' generator. Without one it is 0.
        seed: Option<u64>,
    },
    /// Attentions whose heads are balanced between queries and keys, and values and outputs.
    BalanceAttention,
    /// The regression mean of models, each with its statistics behind it.
    RegMean {
        /// How many models there are.
        models: usize,
        /// The bits of what statistics outside the diagonals are multiplied by.
        scale: u64,
    },
}

/// A tensor of an input.
pub(super) struct Part {
    pub(super) input: usize,
    pub(super) name: String,
}

impl LayerRoute {
    /// The identifier in recipes.
    pub fn id(self) -> &'static str {
        match self {
            LayerRoute::Rebasin { .. } => "rebasin",
            LayerRoute::Randperm { .. } => "randperm",
            LayerRoute::BalanceAttention => "balance_attention",
            LayerRoute::RegMean { .. } => "regmean",
        }
    }

    /// Whether it knows the layers of one model config alone.
    pub(super) fn is_of_config(self) -> bool {
        !matches!(self, LayerRoute::RegMean { .. })
    }

    /// The layer that a tensor is made of; None where it passes as it is.
    fn layer(self, name: &str) -> Option<(&'static Layer, usize)> {
        let is_attention = |layer: &Layer| !layer.pairs.is_empty();
        let wanted = |layer| self != LayerRoute::BalanceAttention || is_attention(layer);
        let found = layer_of(name).filter(|(layer, _)| wanted(layer));
        found.filter(|_| self.is_of_config())
    }

    /// Whether all tensors of a view pass as they are.
    pub(super) fn passes(self, view: &View<String>) -> bool {
        if !self.is_of_config() {
            return false;
        }
        let mut names = view.leaves().into_iter();
        names.all(|name| self.layer(name).is_none())
    }

    /// Inputs whose tensors a layer is made of.
    fn inputs(self) -> usize {
        match self {
            LayerRoute::Rebasin { .. } => 2,
            LayerRoute::Randperm { .. } | LayerRoute::BalanceAttention => 1,
            LayerRoute::RegMean { models, .. } => 2 * models,
        }
    }

    /// The tensors that a view is made of.
    pub(super) fn parts(self, view: &View<String>) -> Vec<Part> {
        let parts = view.leaves().into_iter().flat_map(|name| {
            let layer = self.layer(name).map(|(layer, _)| layer.names.as_slice());
            let passes = layer.is_none() && self.is_of_config();
            let inputs = if passes { 1 } else { self.inputs() };
            let names = layer.unwrap_or(std::slice::from_ref(name));
            (0..inputs).flat_map(move |input| {
                let names = names.iter().cloned();
                names.map(move |name| Part { input, name })
            })
        });
        parts.collect()
    }

    /// The view, of what was found of the tensors that it is made of.
    pub(super) fn made(
        self,
        view: &View<String>,
        found: impl IntoIterator<Item = View<Leaf>>,
    ) -> Option<View<Leaf>> {
        let mut found = found.into_iter();
        view.replace(&mut |name: &String| {
            let layer = self.layer(name);
            if layer.is_none() && self.is_of_config() {
                return found.next();
            }
            let names = layer.map_or(1, |(layer, _)| layer.names.len());
            let count = self.inputs() * names;
            let of: Vec<View<Leaf>> = found.by_ref().take(count).collect();
            let below = of.iter().map(View::operations).max().unwrap_or(0);
            let leaves: usize = of.iter().map(|view| view.leaves().len()).sum();
            let few = below < OPERATIONS_MAX && leaves <= LEAVES_MAX;
            (of.len() == count && few).then(|| View::Joint {
                of,
                op: self.op(layer.map(|(layer, _)| layer)),
                part: layer.map_or(0, |(_, part)| part),
            })
        })
    }

    /// What is done to a layer, or to a tensor by itself.
    fn op(self, layer: Option<&Layer>) -> SharedOp {
        let units = || layer.map(|layer| layer.units.clone()).unwrap_or_default();
        SharedOp(match self {
            LayerRoute::Rebasin { .. } => Arc::new(Rebasin { units: units() }),
            LayerRoute::Randperm { seed } => {
                let first = seed.unwrap_or(0);
                let seeds = layer.into_iter().flat_map(|layer| &layer.numbers);
                let seeds = seeds.map(|[number, step]| [first.wrapping_add(*number), *step]);
                Arc::new(Shuffle {
                    units: units(),
                    seeds: seeds.collect(),
                })
            }
            LayerRoute::BalanceAttention => Arc::new(Balance {
                pairs: layer.map(|layer| layer.pairs.clone()).unwrap_or_default(),
            }),
            LayerRoute::RegMean { scale, .. } => Arc::new(RegMean {
                scale: f64::from_bits(scale),
            }),
        })
    }
}
