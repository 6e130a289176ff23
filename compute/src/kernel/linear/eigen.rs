//! Eigenvalues and eigenvectors of symmetric matrices.

use super::loops::STRIP;
use super::reflectors::BLOCK;
use super::rotations::diagonalise;
use super::tridiagonal::Tridiagonal;
use super::{Loops, Matrix};

/// Sweeps of rotations that are gathered before they are applied.
const SWEEPS: usize = 48;

/// A = Σ λᵢ vᵢ vᵢᵀ.
#[derive(Debug)]
pub struct Eigen {
    /// λ, the largest first.
    pub values: Vec<f64>,
    /// The vᵢ, a row each.
    pub vectors: Matrix,
}

/// Bytes that [`Eigen::of`] holds at most for n rows, its argument and its result included.
pub fn bytes(n: u64) -> u64 {
    let square = n.saturating_mul(n).saturating_mul(size_of::<f64>() as u64);
    square.saturating_mul(2).saturating_add(thin_bytes(n))
}

/// Those of them that are no whole matrices.
pub(super) fn thin_bytes(n: u64) -> u64 {
    let rotations = (SWEEPS as u64 + 2) * size_of::<(f64, f64)>() as u64;
    let columns = (STRIP + 10 * BLOCK) * size_of::<f64>();
    n.saturating_mul(rotations + columns as u64)
}

/// Rotations of rows.
#[derive(Default)]
struct Sweeps {
    /// The first row, and the rotations.
    gathered: Vec<(usize, Vec<(f64, f64)>)>,
    count: usize,
}

impl Sweeps {
    /// Applies what is gathered, strip by strip.
    fn apply(&mut self, loops: &dyn Loops, matrix: &mut Matrix) {
        let (n, columns) = (matrix.rows(), matrix.columns());
        let mut strip = vec![0.0; n * STRIP];
        for first in (0..columns).step_by(STRIP) {
            let width = STRIP.min(columns - first);
            for (place, row) in strip.chunks_exact_mut(STRIP).zip(0..) {
                place[..width].copy_from_slice(&matrix.row(row)[first..first + width]);
            }
            for (start, rotations) in &self.gathered {
                let rows = *start..start + rotations.len() + 1;
                loops.turn(&mut strip[rows.start * STRIP..rows.end * STRIP], rotations);
            }
            for (own, row) in strip.chunks_exact(STRIP).zip(0..) {
                matrix.row_mut(row)[first..first + width].copy_from_slice(&own[..width]);
            }
        }
        self.gathered.clear();
        self.count = 0;
    }
}

impl Eigen {
    /// Of a symmetric matrix whose entries are finite. What is computed is exact for a matrix that
    /// differs from it by rounding errors of its norm.
    pub fn of(loops: &dyn Loops, mut a: Matrix) -> Eigen {
        let n = a.rows();
        let largest = a.data().iter().fold(0.0_f64, |most, x| most.max(x.abs()));
        let scale = power_of_two(largest);
        a.scale(1.0 / scale);
        let Tridiagonal {
            diagonal: mut values,
            beside,
            reflectors,
        } = Tridiagonal::of(loops, a);
        let mut vectors = Matrix::identity(n, n);
        let mut sweeps = Sweeps::default();
        diagonalise(&mut values, beside, |first, rotations| {
            sweeps.count += rotations.len();
            sweeps.gathered.push((first, rotations));
            if sweeps.count >= SWEEPS * n {
                sweeps.apply(loops, &mut vectors);
            }
        });
        sweeps.apply(loops, &mut vectors);
        reflectors.apply(loops, &mut vectors);
        values.iter_mut().for_each(|value| *value *= scale);
        let mut eigen = Eigen { values, vectors };
        eigen.sort();
        eigen
    }

    /// Puts the largest first; equal ones stay in order.
    fn sort(&mut self) {
        let mut order: Vec<usize> = (0..self.values.len()).collect();
        order.sort_by(|a, b| self.values[*b].total_cmp(&self.values[*a]));
        let values = order.iter().map(|at| self.values[*at]).collect();
        self.values = values;
        // Each cycle of the order is run through by exchanges.
        for start in 0..order.len() {
            let mut at = start;
            while order[at] != start {
                let next = order[at];
                self.vectors.swap_rows(at, next);
                (order[at], at) = (at, next);
            }
            order[at] = at;
        }
    }
}

/// The power of two just below a number; 1 for zero. Scaling by it is exact.
fn power_of_two(number: f64) -> f64 {
    let exponent = number.to_bits() & (0x7ff << 52);
    match number.is_normal() {
        true => f64::from_bits(exponent),
        false => 1.0,
    }
}
