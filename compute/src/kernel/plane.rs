//! Planes: values per element that the host makes beside the inputs.
//!
//! What no formula can say element by element, because it depends on a row or on a generator that
//! runs through the whole tensor, is made on the host and lies in the arena like an input. To a
//! Program it is one more input of f32.

use super::{Derive, Node, SlotId};

/// A plane of an expression.
#[derive(Clone, Debug)]
pub struct Plane {
    /// The input slot in which Programs find it.
    pub slot: SlotId,
    /// What it holds.
    pub made: Made,
}

/// What a plane holds.
#[derive(Clone, Debug)]
pub enum Made {
    /// Uniform numbers in [0, 1): the low 24 bits of torch's Mersenne Twister, one word per
    /// element, row-major. `draw` tensors of the same size were drawn from the generator before.
    TorchUniform {
        /// The generator's seed, of which the low 32 bits count.
        seed: u64,
        /// How many tensors of this size the generator has filled before.
        draw: u32,
    },
    /// One number per row of the last dimension, from sums over the row.
    Rows(RowSums),
    /// One number per column of the first dimension, from sums over it: all elements that differ
    /// in the first index alone.
    Columns(RowSums),
    /// 1 where numpy's `default_rng(seed).binomial(1, share)` is 1, else 0, row-major. `draw`
    /// tensors of the same size were drawn from the generator before.
    NumpyBinomial {
        /// The generator's seed.
        seed: u64,
        /// How many tensors of this size the generator has filled before.
        draw: u32,
        /// The share of ones.
        share: f64,
    },
}

/// A number per row or column, from products of values summed over it in f64.
#[derive(Clone, Debug)]
pub struct RowSums {
    /// The values.
    pub values: Vec<Node>,
    /// Which of them are multiplied and summed.
    pub products: Vec<(usize, usize)>,
    /// From the sums, in order, to its number.
    pub derive: Derive,
}

impl Made {
    /// The values it is made of.
    pub fn values(&self) -> &[Node] {
        match self {
            Made::TorchUniform { .. } | Made::NumpyBinomial { .. } => &[],
            Made::Rows(sums) | Made::Columns(sums) => &sums.values,
        }
    }

    /// Whether another is made in the same way of the same values, whatever its numbers.
    pub(super) fn is_like(&self, other: &Made) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other)
            && self.values() == other.values()
    }

    /// Whether two planes of one tensor hold the same numbers.
    pub fn is_same(&self, other: &Made) -> bool {
        match (self, other) {
            (
                Made::TorchUniform { seed, draw },
                Made::TorchUniform {
                    seed: other_seed,
                    draw: other_draw,
                },
            ) => (seed, draw) == (other_seed, other_draw),
            (
                Made::NumpyBinomial { seed, draw, share },
                Made::NumpyBinomial {
                    seed: other_seed,
                    draw: other_draw,
                    share: other_share,
                },
            ) => (seed, draw, share) == (other_seed, other_draw, other_share),
            (Made::Rows(rows), Made::Rows(other)) | (Made::Columns(rows), Made::Columns(other)) => {
                (&rows.values, &rows.products) == (&other.values, &other.products)
                    && rows.derive.numbers() == other.derive.numbers()
            }
            _ => false,
        }
    }

    /// Whether it depends on how the tensor is divided into rows.
    pub fn reads_rows(&self) -> bool {
        matches!(self, Made::Rows(_) | Made::Columns(_))
    }
}
