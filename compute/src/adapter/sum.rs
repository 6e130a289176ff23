//! Sums of products, in one order.

use crate::level::{Level, at_level};

/// Terms that are summed one after the other before their sum is added to the others.
const RUN: usize = 16;

/// Sums that are waited with: of 2^n runs at place n.
const HELD: usize = 48;

/// Columns that are summed beside each other.
const WIDE: usize = 64;

/// Columns beside each other where fewer than [`WIDE`] are left.
const NARROW: usize = 8;

/// Writes the product of `left`, rows by `rank`, and `right`, `rank` by `columns`: for each element
/// runs of 16 terms, the runs pairwise.
pub(super) fn multiply(
    level: Level,
    rank: usize,
    columns: usize,
    left: &[f32],
    right: &[f32],
    out: &mut [f32],
) {
    if rank == 0 || columns == 0 {
        out.fill(0.0);
        return;
    }
    at_level!(
        level,
        multiply_inline(
            rank: usize = rank,
            columns: usize = columns,
            left: &[f32] = left,
            right: &[f32] = right,
            out: &mut [f32] = out,
        )
    );
}

#[inline(always)]
fn multiply_inline(rank: usize, columns: usize, left: &[f32], right: &[f32], out: &mut [f32]) {
    let end = strip::<WIDE>(0, rank, columns, left, right, out);
    let end = strip::<NARROW>(end, rank, columns, left, right, out);
    strip::<1>(end, rank, columns, left, right, out);
}

/// All rows of the columns from `start` on, `N` at a time; says where fewer are left.
#[inline(always)]
fn strip<const N: usize>(
    start: usize,
    rank: usize,
    columns: usize,
    left: &[f32],
    right: &[f32],
    out: &mut [f32],
) -> usize {
    let mut held = [[0.0_f32; N]; HELD];
    let mut column = start;
    while column + N <= columns {
        for (row, left) in left.chunks_exact(rank).enumerate() {
            let sums = dot(left, &right[column..], columns, &mut held);
            out[row * columns + column..][..N].copy_from_slice(&sums);
        }
        column += N;
    }
    column
}

/// One row by `N` columns that stand beside each other.
#[inline(always)]
fn dot<const N: usize>(
    left: &[f32],
    right: &[f32],
    columns: usize,
    held: &mut [[f32; N]; HELD],
) -> [f32; N] {
    let mut runs = 0_usize;
    let mut start = 0;
    while start < left.len() {
        let end = (start + RUN).min(left.len());
        let mut sums = [0.0_f32; N];
        for term in start..end {
            let row = &right[term * columns..][..N];
            for n in 0..N {
                sums[n] += left[term] * row[n];
            }
        }
        let place = runs.trailing_ones() as usize;
        for earlier in &held[..place] {
            for n in 0..N {
                sums[n] += earlier[n];
            }
        }
        held[place] = sums;
        runs += 1;
        start = end;
    }
    let mut total = [0.0_f32; N];
    let mut is_first = true;
    for (place, earlier) in held.iter().enumerate() {
        if runs >> place & 1 == 0 {
            continue;
        }
        for n in 0..N {
            total[n] = if is_first {
                earlier[n]
            } else {
                earlier[n] + total[n]
            };
        }
        is_first = false;
    }
    total
}

/// The sum of the squares of `values`, in the same order.
pub(super) fn squares(level: Level, values: &[f32]) -> f32 {
    let mut sum = [0.0];
    multiply(level, values.len(), 1, values, values, &mut sum);
    sum[0]
}
