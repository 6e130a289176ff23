//! Task vectors in the left singular vectors of all of them side by side.

use super::{Pair, Tasks};
use crate::kernel::linear::{Eigen, Loops, Matrix, gram, product};

/// Singular values below this share of the largest are noise where they are roots of eigenvalues.
const NOISE: f64 = 1e-7;

/// KnOTS-TIES: U S times what TIES makes of the task vectors' parts of Vᵀ.
pub(super) fn aligned(loops: &dyn Loops, tasks: &Tasks<'_>, density: f64) -> Pair {
    let mut squares = Matrix::zeros(tasks.rows, tasks.rows);
    for own in tasks.all() {
        squares.add(&gram(loops, own), 1.0);
    }
    let Eigen { values, vectors } = Eigen::of(loops, squares);
    let values: Vec<f64> = values.iter().map(|value| value.max(0.0).sqrt()).collect();
    let least = NOISE * values.first().copied().unwrap_or(0.0);
    let count = values.iter().take_while(|value| **value > least).count();
    let vectors = vectors.keep_rows(0..count);
    let parts = tasks.all().map(|own| {
        let mut part = product(loops, vectors.view(), own);
        for (row, value) in values.iter().enumerate().take(count) {
            part.row_mut(row).iter_mut().for_each(|x| *x /= value);
        }
        trim(&mut part, density);
        part
    });
    let parts: Vec<Matrix> = parts.collect();
    let mut right = elected(&parts, count, tasks.columns);
    for (row, value) in values.iter().enumerate().take(count) {
        right.row_mut(row).iter_mut().for_each(|x| *x *= value);
    }
    let left = vectors.turned().matrix();
    Pair { left, right }
}

/// Keeps the largest entries, a share of all; of equal ones all or none above the threshold.
fn trim(matrix: &mut Matrix, density: f64) {
    let entries = matrix.data();
    let kept = (density * entries.len() as f64) as usize;
    let Some(dropped) = entries
        .len()
        .checked_sub(kept)
        .filter(|dropped| *dropped > 0)
    else {
        return;
    };
    let mut sizes: Vec<f64> = entries.iter().map(|x| x.abs()).collect();
    let (_, threshold, _) = sizes.select_nth_unstable_by(dropped - 1, f64::total_cmp);
    let threshold = *threshold;
    let small = matrix
        .data_mut()
        .iter_mut()
        .filter(|x| x.abs() <= threshold);
    small.for_each(|x| *x = 0.0);
}

/// The mean of the entries that have the sign of their sum.
fn elected(parts: &[Matrix], rows: usize, columns: usize) -> Matrix {
    let mut merged = Matrix::zeros(rows, columns);
    for (at, place) in merged.data_mut().iter_mut().enumerate() {
        let entries = parts.iter().map(|part| part.data()[at]);
        let sum: f64 = entries.clone().sum();
        let agreeing = entries.filter(|x| x * sum > 0.0);
        let (total, count) = agreeing.fold((0.0, 0.0), |(t, n), x| (t + x, n + 1.0));
        if count > 0.0 {
            *place = total / count;
        }
    }
    merged
}
