//! Householder reflections, applied a block at a time.

use super::loops::dot;
use super::product::{add_product, product};
use super::{Loops, Matrix};

/// Reflections that are made together.
pub(super) const BLOCK: usize = 32;

/// Reflections that are applied together once all are made.
const APPLIED: usize = 64;

/// The product of reflections H₀ H₁ …, Hᵢ = I - fᵢ vᵢ vᵢᵀ.
#[derive(Debug)]
pub(super) struct Reflectors {
    /// vᵢ lies in row i, from column i + `offset` on; what lies before is no part of it.
    pub vectors: Matrix,
    /// fᵢ; zero where Hᵢ is the identity.
    pub factors: Vec<f64>,
    /// Where the first vector begins.
    pub offset: usize,
}

/// Makes v of a vector, whose first entry becomes 1, so that H x = (length, 0, …). Returns f and
/// the length, which has a sign.
pub(super) fn reflect(x: &mut [f64]) -> (f64, f64) {
    let Some((first, rest)) = x.split_first_mut() else {
        return (0.0, 0.0);
    };
    let squares = dot(rest, rest);
    let alpha = *first;
    *first = 1.0;
    if squares == 0.0 {
        rest.fill(0.0);
        return (0.0, alpha);
    }
    let length = -(alpha * alpha + squares).sqrt().copysign(alpha);
    let divisor = alpha - length;
    rest.iter_mut().for_each(|entry| *entry /= divisor);
    ((length - alpha) / length, length)
}

impl Reflectors {
    /// The vectors of some reflections, and the triangle T of I - Vᵀ T V.
    fn block(&self, first: usize, end: usize) -> (Matrix, Matrix) {
        let start = first + self.offset;
        let columns = self.vectors.columns() - start;
        let vectors = Matrix::from_fn(end - first, columns, |row, column| match column < row {
            true => 0.0,
            false => self.vectors.row(first + row)[start + column],
        });
        let count = end - first;
        let mut triangle = Matrix::zeros(count, count);
        for at in 0..count {
            let factor = self.factors[first + at];
            let own = vectors.row(at);
            let overlaps: Vec<f64> = (0..at).map(|row| dot(vectors.row(row), own)).collect();
            for row in 0..at {
                let known = &triangle.row(row)[row..at];
                let sum: f64 = known.iter().zip(&overlaps[row..]).map(|(t, z)| t * z).sum();
                triangle.row_mut(row)[at] = -factor * sum;
            }
            triangle.row_mut(at)[at] = factor;
        }
        (vectors, triangle)
    }

    /// Applies some reflections to the vectors in the rows of `x` from row
    /// `from` on; in reverse order where `reversed`.
    pub(super) fn apply_block(
        &self,
        loops: &dyn Loops,
        (first, end): (usize, usize),
        reversed: bool,
        x: &mut Matrix,
        from: usize,
    ) {
        let (vectors, triangle) = self.block(first, end);
        let start = first + self.offset;
        let own = x.view().part(from..x.rows(), start..x.columns());
        let along = product(loops, own, vectors.turned());
        let turned = match reversed {
            true => product(loops, along.view(), triangle.view()),
            false => product(loops, along.view(), triangle.turned()),
        };
        let pair = (turned.view(), vectors.view());
        add_product(loops, x, (from, start), -1.0, pair);
    }

    /// Applies H₀ H₁ … to the vectors in the rows of `x`.
    pub(super) fn apply(&self, loops: &dyn Loops, x: &mut Matrix) {
        let count = self.factors.len();
        for block in (0..count.div_ceil(APPLIED)).rev() {
            let (first, end) = (block * APPLIED, (block * APPLIED + APPLIED).min(count));
            self.apply_block(loops, (first, end), false, x, 0);
        }
    }
}
