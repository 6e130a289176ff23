//! Routes that work on the layers of a model: each tensor is made of all that belong to its layer.

use std::sync::Arc;

use super::{Leaf, View};
use crate::kernel::joint::{Balance, Rebasin, SharedOp, Shuffle};
use crate::keys::{Layer, layer_of};

/// Operations on layers one on the other at most: each multiplies what a tensor is made of.
const OPERATIONS_MAX: usize = 2;

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
        }
    }

    /// The layer that a tensor is made of; None where it passes as it is.
    fn layer(self, name: &str) -> Option<(&'static Layer, usize)> {
        let is_attention = |layer: &Layer| !layer.pairs.is_empty();
        let wanted = |layer| self != LayerRoute::BalanceAttention || is_attention(layer);
        layer_of(name).filter(|(layer, _)| wanted(layer))
    }

    /// Whether all tensors of a view pass as they are.
    pub(super) fn passes(self, view: &View<String>) -> bool {
        let mut names = view.leaves().into_iter();
        names.all(|name| self.layer(name).is_none())
    }

    /// Inputs whose tensors a layer is made of.
    fn inputs(self) -> usize {
        match self {
            LayerRoute::Rebasin { .. } => 2,
            LayerRoute::Randperm { .. } | LayerRoute::BalanceAttention => 1,
        }
    }

    /// The tensors that a view is made of.
    pub(super) fn parts(self, view: &View<String>) -> Vec<Part> {
        let parts = view.leaves().into_iter().flat_map(|name| {
            let layer = self.layer(name).map(|(layer, _)| layer.names.as_slice());
            let inputs = if layer.is_some() { self.inputs() } else { 1 };
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
            let Some((layer, part)) = self.layer(name) else {
                return found.next();
            };
            let count = self.inputs() * layer.names.len();
            let of: Vec<View<Leaf>> = found.by_ref().take(count).collect();
            let below = of.iter().map(View::operations).max().unwrap_or(0);
            (of.len() == count && below < OPERATIONS_MAX).then(|| View::Joint {
                of,
                op: self.op(layer),
                part,
            })
        })
    }

    fn op(self, layer: &Layer) -> SharedOp {
        let units = layer.units.clone();
        SharedOp(match self {
            LayerRoute::Rebasin { .. } => Arc::new(Rebasin { units }),
            LayerRoute::Randperm { seed } => {
                let first = seed.unwrap_or(0);
                let seeds = layer.numbers.iter();
                let seeds = seeds.map(|[number, step]| [first.wrapping_add(*number), *step]);
                Arc::new(Shuffle {
                    units,
                    seeds: seeds.collect(),
                })
            }
            LayerRoute::BalanceAttention => Arc::new(Balance {
                pairs: layer.pairs.clone(),
            }),
        })
    }
}
