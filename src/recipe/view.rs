//! How a tensor is seen: as it is stored, or rearranged from others without arithmetic.
//!
//! Conversions between the key formats of a model family only move bytes. A recipe pushes them
//! down to where tensors are read, so that they cost no pass of their own: a merge of converted
//! models reads rearranged tensors. Rearrangements that undo each other vanish. The delta that an
//! adapter's factors make is computed while it is read, and so are means of rows, so that they are
//! tensors like any other.

use super::Rule;
use crate::kernel::joint::SharedOp;
use crate::keys::adapter::Delta;
use crate::keys::{Relation, Reshape};
use crate::vocabulary::RowMap;

/// A rearrangement of tensors named by `L`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum View<L> {
    /// A tensor as it is.
    Tensor(L),
    /// The same bytes in other dimensions.
    Reshaped(Box<View<L>>, Reshape),
    /// A matrix with its two dimensions swapped.
    Transposed(Box<View<L>>),
    /// One of `parts` equal runs of rows of the first dimension.
    Rows {
        /// Of what.
        of: Box<View<L>>,
        /// Which run.
        part: u64,
        /// How many there are.
        parts: u64,
    },
    /// One after the other along the first dimension.
    Joined(Vec<View<L>>),
    /// One after the other along a new first dimension.
    Stacked(Vec<View<L>>),
    /// Rows of several, the first of which it stands for: see [`RowMap`].
    Gathered {
        /// The sources of the map.
        of: Vec<View<L>>,
        /// Which rows.
        map: Rule<RowMap>,
    },
    /// What an adapter's factors make: a value to everything around it.
    Delta {
        /// The factors.
        delta: Delta<L>,
        /// The shape that it has where its elements fill it.
        shape: Vec<u64>,
    },
    /// One of several tensors that an operation gives anew, of its form.
    Joint {
        /// What the operation is on.
        of: Vec<View<L>>,
        /// What is done.
        op: SharedOp,
        /// Which of them it is.
        part: usize,
    },
    /// Zeros, of the form of what they are joined with.
    Zero,
}

impl<L: Clone + PartialEq> View<L> {
    /// The same bytes in other dimensions.
    pub fn reshaped(self, reshape: Reshape) -> View<L> {
        match self {
            View::Reshaped(of, before) if before != reshape => *of,
            other => View::Reshaped(Box::new(other), reshape),
        }
    }

    /// The transposed matrix.
    pub fn transposed(self) -> View<L> {
        match self {
            View::Transposed(of) => *of,
            other => View::Transposed(Box::new(other)),
        }
    }

    /// A run of rows.
    pub fn rows(self, part: u64, parts: u64) -> View<L> {
        match self {
            View::Joined(mut joined) if joined.len() as u64 == parts => {
                joined.swap_remove(part as usize)
            }
            other => View::Rows {
                of: Box::new(other),
                part,
                parts,
            },
        }
    }

    /// One after the other along the first dimension.
    pub fn joined(views: Vec<View<L>>) -> View<L> {
        let count = views.len() as u64;
        let whole = match views.first() {
            Some(View::Rows {
                of, part: 0, parts, ..
            }) if *parts == count => Some(of.clone()),
            _ => None,
        };
        let runs = views.iter().zip(0..);
        let complete = |whole: &View<L>| {
            runs.clone().all(|(view, number)| {
                matches!(view, View::Rows { of, part, parts }
                    if **of == *whole && *part == number && *parts == count)
            })
        };
        match whole {
            Some(whole) if complete(&whole) => *whole,
            _ => View::Joined(views),
        }
    }

    /// The tensors seen, in order.
    pub fn leaves(&self) -> Vec<&L> {
        match self {
            View::Tensor(leaf) => vec![leaf],
            View::Reshaped(of, _) | View::Transposed(of) | View::Rows { of, .. } => of.leaves(),
            View::Joined(views)
            | View::Stacked(views)
            | View::Gathered { of: views, .. }
            | View::Joint { of: views, .. } => views.iter().flat_map(View::leaves).collect(),
            View::Delta { delta, .. } => delta.factors(),
            View::Zero => Vec::new(),
        }
    }

    /// Whether its elements are those of tensors, moved at most.
    pub fn is_rearranged(&self) -> bool {
        match self {
            View::Tensor(_) | View::Zero => true,
            View::Reshaped(of, _) | View::Transposed(of) | View::Rows { of, .. } => {
                of.is_rearranged()
            }
            View::Joined(views) | View::Stacked(views) | View::Gathered { of: views, .. } => {
                views.iter().all(View::is_rearranged)
            }
            View::Joint { of, op, .. } => op.0.moves() && of.iter().all(View::is_rearranged),
            View::Delta { .. } => false,
        }
    }

    /// How many operations on several tensors lie one on the other.
    pub(super) fn operations(&self) -> usize {
        match self {
            View::Tensor(_) | View::Delta { .. } | View::Zero => 0,
            View::Reshaped(of, _) | View::Transposed(of) | View::Rows { of, .. } => of.operations(),
            View::Joined(views) | View::Stacked(views) | View::Gathered { of: views, .. } => {
                views.iter().map(View::operations).max().unwrap_or(0)
            }
            View::Joint { of, .. } => 1 + of.iter().map(View::operations).max().unwrap_or(0),
        }
    }

    /// The view with every tensor replaced by a view, or None if one of them has none.
    pub fn replace<M: Clone + PartialEq>(
        &self,
        with: &mut impl FnMut(&L) -> Option<View<M>>,
    ) -> Option<View<M>> {
        let mut all = |views: &[View<L>]| -> Option<Vec<View<M>>> {
            views.iter().map(|view| view.replace(with)).collect()
        };
        Some(match self {
            View::Tensor(leaf) => return with(leaf),
            View::Reshaped(of, reshape) => of.replace(with)?.reshaped(*reshape),
            View::Transposed(of) => of.replace(with)?.transposed(),
            View::Rows { of, part, parts } => of.replace(with)?.rows(*part, *parts),
            View::Joined(views) => View::joined(all(views)?),
            View::Stacked(views) => View::Stacked(all(views)?),
            View::Gathered { of, map } => View::Gathered {
                of: all(of)?,
                map: map.clone(),
            },
            View::Delta { delta, shape } => View::Delta {
                delta: delta.try_map(|factor| match with(factor)? {
                    View::Tensor(factor) => Some(factor),
                    _ => None,
                })?,
                shape: shape.clone(),
            },
            View::Joint { of, op, part } => View::Joint {
                of: all(of)?,
                op: op.clone(),
                part: *part,
            },
            View::Zero => View::Zero,
        })
    }

    /// Whether every element of one tensor is seen, in its order.
    pub fn is_whole(&self) -> bool {
        match self {
            View::Tensor(_) => true,
            View::Reshaped(of, _) => of.is_whole(),
            _ => false,
        }
    }
}

impl From<Relation> for View<String> {
    fn from(relation: Relation) -> View<String> {
        match relation {
            Relation::Same(name) => View::Tensor(name),
            Relation::Reshaped(name, reshape) => View::Tensor(name).reshaped(reshape),
            Relation::Transposed(name) => View::Tensor(name).transposed(),
            Relation::Rows {
                source,
                part,
                parts,
            } => View::Tensor(source).rows(part, parts),
            Relation::Joined(names) => View::joined(names.into_iter().map(View::Tensor).collect()),
        }
    }
}
