//! Products of matrices. An entry's terms are summed in runs of [`DEPTH`], each in order, and the
//! runs in order.

use super::loops::{Block, HIGH, WIDE};
use super::{Loops, Matrix, View};

/// Terms that are summed before their sum is added to an entry.
const DEPTH: usize = 256;

/// Rows that are packed at a time.
const ROWS: usize = 32 * HIGH;

/// Columns that are packed at a time.
const COLUMNS: usize = 64 * WIDE;

/// Bytes that a product holds besides its matrices.
pub const BYTES: u64 = ((ROWS + COLUMNS) * DEPTH * size_of::<f64>()) as u64;

/// Lays out some rows of a view in groups of `G`, each column by column, filled up with zeros.
fn pack<const G: usize, T: Copy + Into<f64>>(view: View<'_, T>, packed: &mut Vec<f64>) {
    packed.clear();
    for first in (0..view.rows).step_by(G) {
        let start = packed.len();
        packed.resize(start + G * view.columns, 0.0);
        let group = &mut packed[start..];
        let rows = G.min(view.rows - first);
        for row in 0..rows {
            let own = &view.data[(first + row) * view.row_stride..];
            let entries = own.iter().step_by(view.column_stride);
            for (place, entry) in group[row..].iter_mut().step_by(G).zip(entries) {
                *place = (*entry).into();
            }
        }
    }
}

/// Which entries of a product are wanted.
#[derive(Clone, Copy, PartialEq)]
enum Wanted {
    All,
    /// Those on and below the diagonal; some above it are computed as well.
    Lower,
}

fn accumulate<A: Copy + Into<f64>, B: Copy + Into<f64>>(
    loops: &dyn Loops,
    (out, stride): (&mut [f64], usize),
    factor: f64,
    (a, b): (View<'_, A>, View<'_, B>),
    wanted: Wanted,
) {
    assert_eq!(a.columns, b.rows, "the inner dimensions of a product");
    let (mut left, mut right) = (Vec::new(), Vec::new());
    for depth in (0..a.columns).step_by(DEPTH) {
        let run = depth..(depth + DEPTH).min(a.columns);
        for column in (0..b.columns).step_by(COLUMNS) {
            let columns = column..(column + COLUMNS).min(b.columns);
            let own = b.part(run.clone(), columns.clone()).turned();
            pack::<WIDE, B>(own, &mut right);
            let first = match wanted {
                Wanted::All => 0,
                Wanted::Lower => column / ROWS * ROWS,
            };
            for row in (first..a.rows).step_by(ROWS) {
                let rows = row..(row + ROWS).min(a.rows);
                pack::<HIGH, A>(a.part(rows.clone(), run.clone()), &mut left);
                let block = Block {
                    data: &mut out[row * stride + column..],
                    stride,
                    rows: rows.len(),
                    columns: columns.len(),
                    factor,
                    diagonal: (wanted == Wanted::Lower).then(|| row as isize - column as isize),
                };
                loops.tiles(&left, &right, run.len(), block);
            }
        }
    }
}

/// Adds factor a b to a part of a matrix whose first entry is that of row and column `at`.
pub fn add_product<A: Copy + Into<f64>, B: Copy + Into<f64>>(
    loops: &dyn Loops,
    out: &mut Matrix,
    at: (usize, usize),
    factor: f64,
    (a, b): (View<'_, A>, View<'_, B>),
) {
    if a.rows == 0 || b.columns == 0 || a.columns == 0 {
        return;
    }
    let stride = out.columns();
    let data = &mut out.data_mut()[at.0 * stride + at.1..];
    accumulate(loops, (data, stride), factor, (a, b), Wanted::All);
}

/// a b.
pub fn product<A: Copy + Into<f64>, B: Copy + Into<f64>>(
    loops: &dyn Loops,
    a: View<'_, A>,
    b: View<'_, B>,
) -> Matrix {
    let mut out = Matrix::zeros(a.rows, b.columns);
    add_product(loops, &mut out, (0, 0), 1.0, (a, b));
    out
}

/// a aᵀ, symmetric to the bit.
pub fn gram<A: Copy + Into<f64>>(loops: &dyn Loops, a: View<'_, A>) -> Matrix {
    let n = a.rows;
    let mut out = Matrix::zeros(n, n);
    if n > 0 {
        let pair = (a, a.turned());
        accumulate(loops, (out.data_mut(), n), 1.0, pair, Wanted::Lower);
    }
    out.mirror();
    out
}

/// Rows of a product that are computed before they are rounded to f32.
const ROUNDED: usize = 256;

/// Writes a b into `out`, row by row, rounded to f32.
pub fn round_product<A: Copy + Into<f64>, B: Copy + Into<f64>>(
    loops: &dyn Loops,
    (a, b): (View<'_, A>, View<'_, B>),
    out: &mut [f32],
) {
    let wide = b.columns.max(1);
    for (first, out) in (0..a.rows)
        .step_by(ROUNDED)
        .zip(out.chunks_mut(ROUNDED * wide))
    {
        let rows = first..(first + ROUNDED).min(a.rows);
        let own = product(loops, a.part(rows, 0..a.columns), b);
        for (place, entry) in out.iter_mut().zip(own.data()) {
            *place = *entry as f32;
        }
    }
}

/// Bytes that [`round_product`] holds for so many columns.
pub fn rounded_bytes(columns: u64) -> u64 {
    let rows = (ROUNDED * size_of::<f64>()) as u64;
    columns.saturating_mul(rows)
}
