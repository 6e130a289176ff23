//! The largest singular values of a matrix, and their vectors.

use super::eigen;
use super::loops::dot;
use super::matrix;
use super::product::{add_product, gram, product};
use super::{Eigen, Loops, Matrix, View};

/// Singular values below this share of the largest are noise: inputs are f32.
const NOISE: f64 = 1e-9;

/// Singular values above this share of the largest are found well through their squares.
const STEP: f64 = 1e-4;

/// Singular triples, the largest first. Those that are noise are zero, with vectors of zeros.
#[derive(Debug)]
pub struct Leading {
    /// The singular values.
    pub values: Vec<f64>,
    /// The left singular vectors, a row each.
    pub left: Matrix,
    /// The right singular vectors, a row each.
    pub right: Matrix,
}

/// Bytes that [`Leading::of`] holds at most besides the matrix, its result included.
pub fn bytes(rows: u64, columns: u64) -> u64 {
    let (least, most) = (rows.min(columns), rows.max(columns));
    let matrices = [(4 * least, least), (2 * least, most)];
    matrix::bytes(&matrices).saturating_add(eigen::thin_bytes(least))
}

impl Leading {
    /// Of a matrix of finite entries; `count` is not above its rows or columns.
    ///
    /// Squares lose what is below 1e-8 of the largest. So only those above 1e-4 are taken from the
    /// squares of the whole; what is left is looked at by itself, without these.
    pub fn of<T: Copy + Into<f64>>(loops: &dyn Loops, a: View<'_, T>, count: usize) -> Leading {
        let wide = a.rows <= a.columns;
        let own = if wide { a } else { a.turned() };
        let short = Eigen::of(loops, gram(loops, own)).vectors;
        let long = product(loops, short.view(), own);
        let mut pair = [short, long];
        let mut values = lengths(&pair[1]);
        let noise = NOISE * values.first().copied().unwrap_or(0.0);
        let mut start = 0;
        while start < count {
            let least = (STEP * values[start]).max(noise);
            let end = values[start..]
                .iter()
                .take_while(|value| **value > least)
                .count()
                + start;
            for (row, value) in values.iter().enumerate().take(end).skip(start) {
                pair[1].row_mut(row).iter_mut().for_each(|x| *x /= value);
            }
            if end == start {
                break;
            }
            start = end;
            if start < count {
                pair = refined(loops, pair, start);
                values.splice(start.., lengths(&pair[1]).into_iter().skip(start));
            }
        }
        values.truncate(start);
        values.resize(count, 0.0);
        for row in start..count {
            let [short, long] = &mut pair;
            short.row_mut(row).fill(0.0);
            long.row_mut(row).fill(0.0);
        }
        let [short, long] = pair.map(|vectors| vectors.keep_rows(0..count));
        let (left, right) = if wide { (short, long) } else { (long, short) };
        Leading {
            values,
            left,
            right,
        }
    }

    /// Appends others.
    pub fn extend(&mut self, other: &Leading) {
        self.values.extend(&other.values);
        self.left.extend(&other.left);
        self.right.extend(&other.right);
    }
}

/// The lengths of rows.
fn lengths(rows: &Matrix) -> Vec<f64> {
    let rows = (0..rows.rows()).map(|row| rows.row(row));
    rows.map(|row| dot(row, row).sqrt()).collect()
}

/// Singular vectors and their images anew from row `start` on: the images before are orthonormal,
/// those behind lose their parts along them and come to lie across each other.
fn refined(loops: &dyn Loops, pair: [Matrix; 2], start: usize) -> [Matrix; 2] {
    let [mut short, mut long] = pair;
    let (rows, columns) = (long.rows(), long.columns());
    let part =
        |of: &Matrix, rows: std::ops::Range<usize>| of.view().part(rows, 0..of.columns()).matrix();
    let mut rest = part(&long, start..rows);
    let done = long.view().part(0..start, 0..columns);
    let along = product(loops, rest.view(), done.turned());
    add_product(loops, &mut rest, (0, 0), -1.0, (along.view(), done));
    let turn = Eigen::of(loops, gram(loops, rest.view())).vectors;
    let own = part(&short, start..rows);
    for (target, own) in [(&mut long, rest), (&mut short, own)] {
        let turned = product(loops, turn.view(), own.view());
        let first = start * target.columns();
        target.data_mut()[first..].copy_from_slice(turned.data());
    }
    [short, long]
}
