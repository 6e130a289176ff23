//! A matrix as a lower triangle times orthonormal rows.

use super::loops::dot;
use super::reflectors::{BLOCK, Reflectors, reflect};
use super::{Loops, Matrix};

/// A = L Q of a matrix with no more rows than columns.
#[derive(Debug)]
pub struct Triangle {
    /// L, as many rows and columns as A has rows.
    pub lower: Matrix,
    reflectors: Reflectors,
}

impl Triangle {
    /// Of a matrix of m rows and n columns, m ≤ n: 2 m² n operations.
    pub fn of(loops: &dyn Loops, mut a: Matrix) -> Triangle {
        let rows = a.rows();
        let mut lower = Matrix::zeros(rows, rows);
        let mut reflectors = Reflectors {
            vectors: Matrix::zeros(rows, a.columns()),
            factors: Vec::with_capacity(rows),
            offset: 0,
        };
        for first in (0..rows).step_by(BLOCK) {
            let end = (first + BLOCK).min(rows);
            for at in first..end {
                let own = reflectors.vectors.row_mut(at);
                own.copy_from_slice(a.row(at));
                lower.row_mut(at)[..at].copy_from_slice(&own[..at]);
                let (factor, length) = reflect(&mut own[at..]);
                lower.row_mut(at)[at] = length;
                reflectors.factors.push(factor);
                for other in at + 1..end {
                    let along = factor * dot(&a.row(other)[at..], &own[at..]);
                    let pairs = a.row_mut(other)[at..].iter_mut().zip(&own[at..]);
                    pairs.for_each(|(entry, v)| *entry -= along * v);
                }
            }
            reflectors.apply_block(loops, (first, end), true, &mut a, end);
        }
        Triangle { lower, reflectors }
    }

    /// Q.
    pub fn rows(&self, loops: &dyn Loops) -> Matrix {
        let vectors = &self.reflectors.vectors;
        let mut rows = Matrix::identity(vectors.rows(), vectors.columns());
        self.reflectors.apply(loops, &mut rows);
        rows
    }

    /// Orthonormal rows that complete those of Q.
    pub fn others(&self, loops: &dyn Loops) -> Matrix {
        let (rows, columns) = (self.lower.rows(), self.reflectors.vectors.columns());
        let mut others = Matrix::from_fn(columns - rows, columns, |row, column| {
            f64::from(u8::from(column == row + rows))
        });
        self.reflectors.apply(loops, &mut others);
        others
    }

    /// The sign of A's determinant, where A is square.
    pub fn sign(&self) -> f64 {
        let factors = self.reflectors.factors.iter();
        let turns = factors.filter(|factor| **factor != 0.0).count();
        let diagonal = (0..self.lower.rows()).map(|at| self.lower.row(at)[at]);
        let negative = diagonal.filter(|entry| *entry < 0.0).count();
        match (turns + negative) % 2 {
            0 => 1.0,
            _ => -1.0,
        }
    }
}
