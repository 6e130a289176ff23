//! What must be known about whole tensors before their elements can be computed.

use super::{CutoffId, Kept, Node, ScalarId, Ties};

/// Over what a selection of the largest magnitudes ranges.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    /// One tensor.
    Tensor,
    /// All tensors of a model in a merge: statistics with the same numbers are one selection.
    Model {
        /// Which merge of the recipe.
        merge: usize,
        /// Which of its models.
        model: usize,
    },
}

/// Turns sums over a tensor into scalars, on the host in f64.
#[derive(Clone, Debug)]
pub struct Derive {
    /// From the sums and the parameters to the scalars.
    pub function: fn(sums: &[f64], parameters: &[f64]) -> Vec<f64>,
    /// Constants of the merge.
    pub parameters: Vec<f64>,
}

/// An iteration over a tensor.
#[derive(Clone, Debug)]
pub struct Iterate {
    /// Begins it, from the number of values and the parameters.
    pub begin: fn(values: usize, parameters: &[f64]) -> Box<dyn Passes>,
    /// Constants of the merge.
    pub parameters: Vec<f64>,
}

/// The passes of an iteration.
pub trait Passes: std::fmt::Debug {
    /// Takes the next elements of all values, in order. All calls of a pass but the last give a
    /// multiple of eight elements.
    fn take(&mut self, values: &[&[f32]]);

    /// Ends a pass over the whole tensor. The scalars, if it was the last.
    fn end(&mut self) -> Option<Vec<f64>>;
}

/// What must be known about whole tensors before a value can be computed.
#[derive(Clone, Debug)]
pub enum Statistic {
    /// The magnitude threshold that keeps the largest entries of a value.
    Largest {
        /// Whose entries.
        value: Node,
        /// How many of them.
        kept: Kept,
        /// What happens at the threshold.
        ties: Ties,
        /// One tensor or the whole model.
        scope: Scope,
        /// The elements that may be kept, where not all are the value's: the others are zero.
        among: Option<u64>,
        /// The scalar that receives the threshold's bits.
        threshold: ScalarId,
        /// The cutoff that receives the index up to which ties are kept.
        cutoff: CutoffId,
    },
    /// Sums of values over the tensor, turned into scalars.
    Sums {
        /// What is summed.
        values: Vec<Node>,
        /// How the sums become scalars.
        derive: Derive,
        /// The first scalar that receives a result.
        first: ScalarId,
        /// How many scalars there are.
        count: u16,
    },
    /// Scalars that an iteration finds in several passes over the tensor, on the host.
    Iterated {
        /// What the passes see.
        values: Vec<Node>,
        /// The iteration.
        iterate: Iterate,
        /// The first scalar that receives a result.
        first: ScalarId,
        /// How many scalars there are.
        count: u16,
    },
}

impl Derive {
    /// Whether two are the same, bit for bit.
    pub(super) fn is_same(&self, other: &Derive) -> bool {
        std::ptr::fn_addr_eq(self.function, other.function)
            && are_same(&self.parameters, &other.parameters)
    }
}

/// Whether numbers are the same, bit for bit.
fn are_same(numbers: &[f64], others: &[f64]) -> bool {
    let bits = |numbers: &[f64]| numbers.iter().map(|x| x.to_bits()).collect::<Vec<u64>>();
    numbers.len() == others.len() && bits(numbers) == bits(others)
}

impl Statistic {
    /// Of so many elements of its tensor those that may be kept.
    pub fn among(&self, elements: u64) -> u64 {
        match self {
            Statistic::Largest { among, .. } => among.unwrap_or(elements),
            Statistic::Sums { .. } | Statistic::Iterated { .. } => elements,
        }
    }

    /// Whether another is of the same kind and about the same values, whatever its numbers.
    pub fn is_like(&self, other: &Statistic) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other)
            && self.values() == other.values()
    }

    /// Whether two are the same, bit for bit.
    pub fn is_same(&self, other: &Statistic) -> bool {
        if !self.is_like(other) {
            return false;
        }
        match (self, other) {
            (
                Statistic::Largest {
                    kept,
                    ties,
                    scope,
                    threshold,
                    cutoff,
                    among,
                    ..
                },
                Statistic::Largest {
                    kept: other_kept,
                    ties: other_ties,
                    scope: other_scope,
                    threshold: other_threshold,
                    cutoff: other_cutoff,
                    among: other_among,
                    ..
                },
            ) => {
                kept.is_same(*other_kept)
                    && (ties, scope) == (other_ties, other_scope)
                    && (threshold, cutoff, among) == (other_threshold, other_cutoff, other_among)
            }
            (
                Statistic::Sums {
                    derive,
                    first,
                    count,
                    ..
                },
                Statistic::Sums {
                    derive: other_derive,
                    first: other_first,
                    count: other_count,
                    ..
                },
            ) => derive.is_same(other_derive) && (first, count) == (other_first, other_count),
            (
                Statistic::Iterated {
                    iterate,
                    first,
                    count,
                    ..
                },
                Statistic::Iterated {
                    iterate: other_iterate,
                    first: other_first,
                    count: other_count,
                    ..
                },
            ) => {
                std::ptr::fn_addr_eq(iterate.begin, other_iterate.begin)
                    && are_same(&iterate.parameters, &other_iterate.parameters)
                    && (first, count) == (other_first, other_count)
            }
            _ => false,
        }
    }

    /// The values it looks at.
    pub fn values(&self) -> &[Node] {
        match self {
            Statistic::Largest { value, .. } => std::slice::from_ref(value),
            Statistic::Sums { values, .. } | Statistic::Iterated { values, .. } => values,
        }
    }
}
