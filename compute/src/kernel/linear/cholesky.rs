//! Linear equations of a symmetric matrix without negative eigenvalues.

use super::{Loops, Matrix, add_product};

/// Columns that are eliminated together.
const BLOCK: usize = 64;

/// What is left of an entry of the diagonal, as a share of it, below which its row is a combination
/// of those before it.
const LEAST: f64 = 1e-12;

/// S = L Lᵀ, L lower triangular. A row that those before it determine has none of its own, and what
/// is solved for is zero there.
#[derive(Debug)]
pub struct Cholesky {
    lower: Matrix,
    /// Of each entry of the diagonal what it is divided by; zero for rows without their own.
    inverse: Vec<f64>,
}

impl Cholesky {
    /// Of a symmetric matrix, of which the lower half is looked at.
    pub fn of(loops: &dyn Loops, mut s: Matrix) -> Cholesky {
        let count = s.rows();
        let whole: Vec<f64> = (0..count).map(|at| s.row(at)[at]).collect();
        let mut inverse = Vec::with_capacity(count);
        for first in (0..count).step_by(BLOCK) {
            let end = (first + BLOCK).min(count);
            for (at, whole) in (first..end).zip(&whole[first..end]) {
                let left = s.row(at)[at];
                let factor = match left > LEAST * whole && left > 0.0 {
                    true => 1.0 / left.sqrt(),
                    false => 0.0,
                };
                for row in at..count {
                    s.row_mut(row)[at] *= factor;
                }
                inverse.push(factor);
                let own: Vec<f64> = (at + 1..end).map(|row| s.row(row)[at]).collect();
                for row in at + 1..count {
                    let entries = s.row_mut(row);
                    let factor = entries[at];
                    let others = entries[at + 1..end].iter_mut().zip(&own);
                    others.for_each(|(entry, own)| *entry -= factor * own);
                }
            }
            let panel = s.view().part(end..count, first..end).matrix();
            let both = (panel.view(), panel.turned());
            add_product(loops, &mut s, (end, end), -1.0, both);
        }
        Cholesky { lower: s, inverse }
    }

    /// Puts X into the place of B, X S = B.
    pub fn solve(&self, loops: &dyn Loops, b: &mut Matrix) {
        let (rows, count) = (b.rows(), self.inverse.len());
        let lower = self.lower.view();
        let blocks = (0..count).step_by(BLOCK);
        for first in blocks.clone() {
            let end = (first + BLOCK).min(count);
            for row in 0..rows {
                let entries = b.row_mut(row);
                for at in first..end {
                    let before = entries[first..at]
                        .iter()
                        .zip(&self.lower.row(at)[first..at]);
                    let sum: f64 = before.map(|(x, l)| x * l).sum();
                    entries[at] = (entries[at] - sum) * self.inverse[at];
                }
            }
            let done = b.view().part(0..rows, first..end).matrix();
            let below = lower.part(end..count, first..end);
            add_product(loops, b, (0, end), -1.0, (done.view(), below.turned()));
        }
        for first in blocks.rev() {
            let end = (first + BLOCK).min(count);
            for row in 0..rows {
                let entries = b.row_mut(row);
                for at in (first..end).rev() {
                    let behind = entries[at + 1..end].iter().zip(at + 1..end);
                    let sum: f64 = behind.map(|(x, row)| x * self.lower.row(row)[at]).sum();
                    entries[at] = (entries[at] - sum) * self.inverse[at];
                }
            }
            let done = b.view().part(0..rows, first..end).matrix();
            let before = lower.part(first..end, 0..first);
            add_product(loops, b, (0, 0), -1.0, (done.view(), before));
        }
    }
}

/// Bytes that both take besides their matrices, of so many rows of B and of S.
pub fn bytes(rows: u64, count: u64) -> u64 {
    let panels = super::bytes(&[(count, BLOCK as u64), (rows, BLOCK as u64), (2, count)]);
    panels.saturating_add(super::PRODUCT_BYTES)
}
