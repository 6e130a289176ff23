//! A tensor's directions of the largest singular values alone.

use super::elements;
use crate::kernel::HostOp;
use crate::kernel::linear::{
    Basis, Loops, PRODUCT_BYTES, View, directions, round_product, rounded_bytes, truncated_bytes,
};

/// The nearest matrix of so many directions; a tensor is one of its first dimension and all others.
/// Source: sd-mecha `truncate_rank`.
#[derive(Clone, Copy, Debug)]
pub struct LowRank {
    /// Directions, fewer than the matrix has.
    pub rank: u64,
    /// How they are found.
    pub basis: Basis,
}

/// Rows and columns of a tensor as a matrix.
pub(super) fn sides(shape: &[u64]) -> [u64; 2] {
    let (rows, rest) = shape
        .split_first()
        .map_or((1, shape), |(rows, rest)| (*rows, rest));
    [rows, elements(rest)]
}

/// Replaces a matrix by its nearest of so many directions. Entries that are not finite leave none
/// that is a number.
pub(super) fn truncate(
    loops: &dyn Loops,
    values: &mut [f32],
    [rows, columns]: [u64; 2],
    (rank, basis): (u64, Basis),
) {
    if !values.iter().all(|x| x.is_finite()) {
        values.fill(f32::NAN);
        return;
    }
    let rank = rank.min(rows).min(columns) as usize;
    let view = View::new(values, rows as usize, columns as usize);
    let (left, right) = directions(loops, view, rank, basis);
    round_product(loops, (left.view(), right.view()), values);
}

/// Bytes that [`truncate`] holds at most.
pub(super) fn bytes([rows, columns]: [u64; 2], (rank, basis): (u64, Basis)) -> u64 {
    let rank = rank.min(rows).min(columns);
    truncated_bytes(rows, columns, rank, basis)
        .saturating_add(rounded_bytes(columns))
        .saturating_add(PRODUCT_BYTES)
}

impl HostOp for LowRank {
    fn name(&self) -> &'static str {
        "low rank"
    }

    fn purpose(&self) -> &'static str {
        "find the directions of"
    }

    fn numbers(&self) -> Vec<u64> {
        let mut numbers = vec![self.rank];
        numbers.extend(self.basis.numbers());
        numbers
    }

    fn working_bytes(&self, shape: &[u64], _: u64) -> u64 {
        bytes(sides(shape), (self.rank, self.basis))
    }

    fn run(&self, loops: &dyn Loops, shape: &[u64], mut values: Vec<Vec<f32>>) -> Vec<f32> {
        let mut a = values.swap_remove(0);
        truncate(loops, &mut a, sides(shape), (self.rank, self.basis));
        a
    }
}
