//! A symmetric matrix as Q T Qᵀ, T of three diagonals.

use super::loops::dot;
use super::product::add_product;
use super::reflectors::{BLOCK, Reflectors, reflect};
use super::{Loops, Matrix};

/// T and Q.
#[derive(Debug)]
pub(super) struct Tridiagonal {
    /// The diagonal.
    pub diagonal: Vec<f64>,
    /// What stands beside it, one fewer.
    pub beside: Vec<f64>,
    /// Q.
    pub reflectors: Reflectors,
}

/// y minus a x.
fn subtract(y: &mut [f64], a: f64, x: &[f64]) {
    y.iter_mut().zip(x).for_each(|(y, x)| *y -= a * x);
}

impl Tridiagonal {
    /// By reflections whose effect on what lies behind them is added up for a block: 4/3 n³
    /// operations, half of them products.
    ///
    /// Source: Dongarra, Sorensen, Hammarling, "Block reduction of matrices to condensed forms for
    /// eigenvalue computations", 1989.
    pub(super) fn of(loops: &dyn Loops, mut a: Matrix) -> Tridiagonal {
        let n = a.rows();
        let (mut diagonal, mut beside) = (vec![0.0; n], vec![0.0; n.saturating_sub(1)]);
        let mut factors = Vec::with_capacity(beside.len());
        for first in (0..beside.len()).step_by(BLOCK) {
            let end = (first + BLOCK).min(beside.len());
            let mut sides = [Matrix::zeros(end - first, n), Matrix::zeros(end - first, n)];
            for at in first..end {
                let own = a.row_mut(at);
                for row in 0..at - first {
                    let [v, w] = [0, 1].map(|side: usize| sides[side].row(row));
                    subtract(&mut own[at..], w[at], &v[at..]);
                    subtract(&mut own[at..], v[at], &w[at..]);
                }
                diagonal[at] = own[at];
                let (factor, length) = reflect(&mut own[at + 1..]);
                (beside[at], _) = (length, factors.push(factor));
                let effect = effect(loops, &a, &sides, (first, at), factor);
                sides[0].row_mut(at - first)[at + 1..].copy_from_slice(&a.row(at)[at + 1..]);
                sides[1].row_mut(at - first)[at + 1..].copy_from_slice(&effect);
            }
            for (v, w) in [(0, 1), (1, 0)] {
                let part = |side: usize| sides[side].view().part(0..end - first, end..n);
                let pair = (part(v).turned(), part(w));
                add_product(loops, &mut a, (end, end), -1.0, pair);
            }
        }
        if let Some(last) = n.checked_sub(1) {
            diagonal[last] = a.row(last)[last];
        }
        let vectors = a.keep_rows(0..beside.len());
        let reflectors = Reflectors {
            vectors,
            factors,
            offset: 1,
        };
        Tridiagonal {
            diagonal,
            beside,
            reflectors,
        }
    }
}

/// The w of a reflection, by which A - v wᵀ - w vᵀ is the matrix reflected from both sides. `a` is
/// what it was before the block, `sides` are the v and w of the block so far.
fn effect(
    loops: &dyn Loops,
    a: &Matrix,
    sides: &[Matrix; 2],
    (first, at): (usize, usize),
    factor: f64,
) -> Vec<f64> {
    let (n, start) = (a.rows(), at + 1);
    let mut effect = vec![0.0; n - start];
    if factor == 0.0 {
        return effect;
    }
    let own = &a.row(at)[start..];
    loops.dots(&a.data()[start * n + start..], n, own, &mut effect);
    for row in 0..at - first {
        let [v, w] = [0, 1].map(|side: usize| &sides[side].row(row)[start..]);
        let (along_v, along_w) = (dot(v, own), dot(w, own));
        subtract(&mut effect, along_w, v);
        subtract(&mut effect, along_v, w);
    }
    effect.iter_mut().for_each(|entry| *entry *= factor);
    let half = factor / 2.0 * dot(&effect, own);
    subtract(&mut effect, half, own);
    effect
}
