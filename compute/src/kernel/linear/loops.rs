//! The loops in which nearly all time goes. They are written so that a compiler makes vectors of
//! them, and each sum has one order whatever the vectors are.

use std::fmt::Debug;

/// Rows of a product that are computed together.
pub const HIGH: usize = 4;

/// Columns of a product that are computed together.
pub const WIDE: usize = 8;

/// Columns that are turned together.
pub const STRIP: usize = 16;

/// Sums that a dot product keeps side by side.
const LANES: usize = 8;

/// A block of a product's result.
#[derive(Debug)]
pub struct Block<'a> {
    /// Its entries, from its first on.
    pub data: &'a mut [f64],
    /// Entries from one row to the next.
    pub stride: usize,
    /// Its rows.
    pub rows: usize,
    /// Its columns.
    pub columns: usize,
    /// What the product is multiplied by.
    pub factor: f64,
    /// The column of the diagonal in its first row, where only what lies on and below it is wanted.
    pub diagonal: Option<isize>,
}

/// The loops, compiled for some set of instructions. Their bits are those of any other.
pub trait Loops: Debug + Sync {
    /// [`tiles`].
    fn tiles(&self, a: &[f64], b: &[f64], depth: usize, block: Block<'_>);

    /// [`dots`].
    fn dots(&self, rows: &[f64], stride: usize, x: &[f64], out: &mut [f64]);

    /// [`turn`].
    fn turn(&self, strip: &mut [f64], rotations: &[(f64, f64)]);
}

/// Adds the product of packed rows and packed columns to a block, times its factor. `a` has groups
/// of [`HIGH`] rows, `b` groups of [`WIDE`] columns, each `depth` long. An entry is summed in the
/// order of the depth, and then added.
#[inline(always)]
pub fn tiles(a: &[f64], b: &[f64], depth: usize, block: Block<'_>) {
    for (across, b) in b.chunks_exact(depth * WIDE).enumerate() {
        for (down, a) in a.chunks_exact(depth * HIGH).enumerate() {
            let (row, column) = (down * HIGH, across * WIDE);
            let last = (row + HIGH) as isize - 1;
            if block.diagonal.is_some_and(|at| column as isize > at + last) {
                continue;
            }
            let mut sums = [[0.0_f64; WIDE]; HIGH];
            for (a, b) in a.as_chunks::<HIGH>().0.iter().zip(b.as_chunks::<WIDE>().0) {
                for (sums, a) in sums.iter_mut().zip(a) {
                    for (sum, b) in sums.iter_mut().zip(b) {
                        *sum += a * b;
                    }
                }
            }
            let width = WIDE.min(block.columns - column);
            for (own, sums) in sums.iter().enumerate().take(block.rows - row) {
                let place = &mut block.data[(row + own) * block.stride + column..][..width];
                for (entry, sum) in place.iter_mut().zip(sums) {
                    *entry += sum * block.factor;
                }
            }
        }
    }
}

/// The dot product of two vectors of one length.
#[inline(always)]
pub fn dot(a: &[f64], b: &[f64]) -> f64 {
    let (a, rest_a) = a.as_chunks::<LANES>();
    let (b, rest_b) = b.as_chunks::<LANES>();
    let mut sums = [0.0_f64; LANES];
    for (a, b) in a.iter().zip(b) {
        for ((sum, a), b) in sums.iter_mut().zip(a).zip(b) {
            *sum += a * b;
        }
    }
    for ((sum, a), b) in sums.iter_mut().zip(rest_a).zip(rest_b) {
        *sum += a * b;
    }
    let half = |first: usize| (sums[first] + sums[first + 4]) + (sums[first + 2] + sums[first + 6]);
    half(0) + half(1)
}

/// The dot products of a vector and rows that lie `stride` from each other.
#[inline(always)]
pub fn dots(rows: &[f64], stride: usize, x: &[f64], out: &mut [f64]) {
    for (row, out) in out.iter_mut().enumerate() {
        *out = dot(&rows[row * stride..][..x.len()], x);
    }
}

/// Turns neighbouring rows of a strip of [`STRIP`] columns, the last pair first: a rotation (c, s)
/// makes c x - s y of the upper row x, and s x + c y of the lower row y.
#[inline(always)]
pub fn turn(strip: &mut [f64], rotations: &[(f64, f64)]) {
    let (rows, _) = strip.as_chunks_mut::<STRIP>();
    let count = rotations.len();
    for (number, (c, s)) in rotations.iter().enumerate() {
        let (above, below) = rows.split_at_mut(count - number);
        let Some(upper) = above.last_mut() else {
            continue;
        };
        for (x, y) in upper.iter_mut().zip(&mut below[0]) {
            let old = *y;
            *y = s * *x + c * old;
            *x = c * *x - s * old;
        }
    }
}
