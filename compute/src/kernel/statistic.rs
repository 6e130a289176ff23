//! What must be known about whole tensors before their elements can be computed.

use std::sync::Arc;

use super::reduce::{self, Filled, Found, Reduce};
use super::{Compute, Node, Output, Row, TILE, Threshold, ValueId};

/// Over what a statistic ranges.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scope {
    /// One tensor.
    Tensor,
    /// All tensors of a model in a merge: statistics with the same numbers are one.
    Model {
        /// Which merge of the recipe.
        merge: usize,
        /// Which of its models.
        model: usize,
    },
}

/// What must be known about whole tensors before a value can be computed.
#[derive(Clone, Debug)]
pub struct Statistic {
    /// The values it looks at.
    pub values: Vec<Node>,
    /// What is found out about them.
    pub reduce: Arc<dyn Reduce>,
    /// One tensor or the whole model.
    pub scope: Scope,
    /// The elements that count, where not all are the values': the others are zero.
    pub among: Option<u64>,
    /// Where the result goes.
    pub place: Filled,
}

impl Statistic {
    /// Whether the host alone can find it.
    pub fn needs_host(&self) -> bool {
        let mut outputs = self.outputs().into_iter();
        outputs.any(|output| matches!(output, Output::Collect(_)))
    }

    /// How many outputs of a Program it asks about.
    pub fn asks(&self) -> usize {
        self.outputs().len()
    }

    /// Its outputs, of whatever values.
    fn outputs(&self) -> Vec<Output> {
        self.reduce
            .outputs(&vec![ValueId::default(); self.values.len()])
    }

    /// Of so many elements of its tensor those that count.
    pub fn among(&self, elements: u64) -> u64 {
        self.among.unwrap_or(elements)
    }

    /// Whether another is of the same kind and about the same values, whatever its numbers.
    pub fn is_like(&self, other: &Statistic) -> bool {
        self.reduce.name() == other.reduce.name() && self.values == other.values
    }

    /// Whether two are the same, bit for bit.
    pub fn is_same(&self, other: &Statistic) -> bool {
        self.is_like(other)
            && reduce::are_same(self.reduce.as_ref(), other.reduce.as_ref())
            && (self.scope, self.among, self.place) == (other.scope, other.among, other.place)
    }

    /// Puts what was found into a row, of a tensor that begins with a tile of what the statistic
    /// ranges over.
    pub fn fill(&self, found: &Found, tile: u64, compute: Compute, row: &mut Row) {
        let begin = tile * TILE as u64;
        let seen = match found {
            // Tensors before the last tie that is kept keep all of theirs, those after it none.
            Found::Threshold(Threshold { key, cutoff }) if *cutoff != u64::MAX => {
                Found::Threshold(Threshold {
                    key: *key,
                    cutoff: cutoff.saturating_sub(begin),
                })
            }
            found => found.clone(),
        };
        self.reduce.fill(&seen, self.place, compute, row);
    }
}
