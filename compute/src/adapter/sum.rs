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

/// The right factor of a product: where its elements lie.
#[derive(Clone, Copy, Debug)]
pub(super) struct Right<'a> {
    /// The elements.
    values: &'a [f32],
    /// How many columns it has.
    columns: usize,
    /// How far its rows lie from each other.
    row: usize,
    /// How far its columns lie from each other.
    column: usize,
}

impl<'a> Right<'a> {
    /// A matrix whose rows lie one after the other.
    pub(super) fn of(columns: usize, values: &'a [f32]) -> Right<'a> {
        Right {
            values,
            columns,
            row: columns,
            column: 1,
        }
    }

    /// A matrix of so many rows whose columns lie one after the other.
    pub(super) fn flipped(rows: usize, columns: usize, values: &'a [f32]) -> Right<'a> {
        Right {
            values,
            columns,
            row: 1,
            column: rows,
        }
    }
}

/// Writes the product of `left`, rows by `rank`, and `right`, which has `rank` rows: for each
/// element runs of 16 terms, the runs pairwise.
pub(super) fn multiply(level: Level, rank: usize, left: &[f32], right: Right<'_>, out: &mut [f32]) {
    if rank == 0 || right.columns == 0 {
        out.fill(0.0);
        return;
    }
    at_level!(
        level,
        multiply_inline(
            rank: usize = rank,
            left: &[f32] = left,
            right: Right<'_> = right,
            out: &mut [f32] = out,
        )
    );
}

#[inline(always)]
fn multiply_inline(rank: usize, left: &[f32], right: Right<'_>, out: &mut [f32]) {
    let end = strip::<WIDE>(0, rank, left, right, out);
    let end = strip::<NARROW>(end, rank, left, right, out);
    strip::<1>(end, rank, left, right, out);
}

/// All rows of the columns from `start` on, `N` at a time; says where fewer are left.
#[inline(always)]
fn strip<const N: usize>(
    start: usize,
    rank: usize,
    left: &[f32],
    right: Right<'_>,
    out: &mut [f32],
) -> usize {
    let columns = right.columns;
    if start + N > columns {
        return start;
    }
    let mut held = [[0.0_f32; N]; HELD];
    let mut packed = vec![[0.0_f32; N]; rank];
    let mut column = start;
    while column + N <= columns {
        // Rows that lie a power of two apart would push each other out of the cache.
        for (term, packed) in packed.iter_mut().enumerate() {
            let place = term * right.row + column * right.column;
            if right.column == 1 {
                packed.copy_from_slice(&right.values[place..][..N]);
            } else {
                for (n, packed) in packed.iter_mut().enumerate() {
                    *packed = right.values[place + n * right.column];
                }
            }
        }
        for (row, left) in left.chunks_exact(rank).enumerate() {
            let sums = dot(left, &packed, &mut held);
            out[row * columns + column..][..N].copy_from_slice(&sums);
        }
        column += N;
    }
    column
}

/// One row by `N` columns that stand beside each other.
#[inline(always)]
fn dot<const N: usize>(left: &[f32], right: &[[f32; N]], held: &mut [[f32; N]; HELD]) -> [f32; N] {
    let mut runs = 0_usize;
    for (left, right) in left.chunks(RUN).zip(right.chunks(RUN)) {
        let mut sums = [0.0_f32; N];
        for (factor, row) in left.iter().zip(right) {
            for n in 0..N {
                sums[n] += factor * row[n];
            }
        }
        hold(sums, runs, held);
        runs += 1;
    }
    total(runs, held)
}

/// Adds the sums of a run to those of as many runs before it, of which there are `runs`.
#[inline(always)]
fn hold<const N: usize>(mut sums: [f32; N], runs: usize, held: &mut [[f32; N]; HELD]) {
    let place = runs.trailing_ones() as usize;
    for earlier in &held[..place] {
        for n in 0..N {
            sums[n] += earlier[n];
        }
    }
    held[place] = sums;
}

/// The sums of so many runs.
#[inline(always)]
fn total<const N: usize>(runs: usize, held: &[[f32; N]; HELD]) -> [f32; N] {
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

/// For each column the sum over rows of the products of two matrices' elements.
pub(super) fn column_products(level: Level, columns: usize, a: &[f32], b: &[f32]) -> Vec<f32> {
    let mut out = vec![0.0; columns];
    at_level!(
        level,
        columns_inline(
            columns: usize = columns,
            a: &[f32] = a,
            b: &[f32] = b,
            out: &mut [f32] = &mut out,
        )
    );
    out
}

#[inline(always)]
fn columns_inline(columns: usize, a: &[f32], b: &[f32], out: &mut [f32]) {
    let end = columns_strip::<WIDE>(0, columns, a, b, out);
    let end = columns_strip::<NARROW>(end, columns, a, b, out);
    columns_strip::<1>(end, columns, a, b, out);
}

/// The columns from `start` on, `N` at a time; says where fewer are left.
#[inline(always)]
fn columns_strip<const N: usize>(
    start: usize,
    columns: usize,
    a: &[f32],
    b: &[f32],
    out: &mut [f32],
) -> usize {
    let mut column = start;
    if column + N > columns {
        return column;
    }
    let mut held = [[0.0_f32; N]; HELD];
    let rows = a.len().min(b.len()) / columns;
    while column + N <= columns {
        let mut runs = 0;
        for first in (0..rows).step_by(RUN) {
            let mut sums = [0.0_f32; N];
            for row in first..(first + RUN).min(rows) {
                let place = row * columns + column;
                let (a, b) = (&a[place..][..N], &b[place..][..N]);
                for n in 0..N {
                    sums[n] += a[n] * b[n];
                }
            }
            hold(sums, runs, &mut held);
            runs += 1;
        }
        out[column..][..N].copy_from_slice(&total(runs, &held));
        column += N;
    }
    column
}

/// The sum of the products of elements: in 64 columns, then those and what is left pairwise.
pub(super) fn product(level: Level, a: &[f32], b: &[f32]) -> f32 {
    let whole = a.len() / WIDE * WIDE;
    let (a, a_rest) = a.split_at(whole);
    let (b, b_rest) = b.split_at(whole);
    let mut sums = column_products(level, WIDE, a, b);
    sums.extend(a_rest.iter().zip(b_rest).map(|(a, b)| a * b));
    pairwise(sums)
}

/// The sum of some numbers, neighbours first.
pub(super) fn pairwise(mut sums: Vec<f32>) -> f32 {
    while sums.len() > 1 {
        sums = sums.chunks(2).map(|pair| pair.iter().sum()).collect();
    }
    sums.first().copied().unwrap_or(0.0)
}
