//! Task vectors in the left singular vectors of all of them side by side.

use super::{Pair, Tasks};
use crate::kernel::linear::{Eigen, Loops, Matrix, gram, product};

/// Singular values below this share of the largest are noise where they are roots of eigenvalues.
const NOISE: f64 = 1e-7;
/// Singular values up to this count as none. Source: `apply_svd` of the authors' code.
const LEAST: f64 = 1e-5;

/// KnOTS-TIES: U times what TIES makes of the task vectors' parts of S Vᵀ.
pub(super) fn aligned(loops: &dyn Loops, tasks: &Tasks<'_>, density: f64) -> Pair {
    let mut squares = Matrix::zeros(tasks.rows, tasks.rows);
    for own in tasks.all() {
        squares.add(&gram(loops, own), 1.0);
    }
    let Eigen { values, vectors } = Eigen::of(loops, squares);
    let mut values = values.iter().map(|value| value.max(0.0).sqrt()).peekable();
    let least = LEAST.max(NOISE * values.peek().copied().unwrap_or(0.0));
    let count = values.take_while(|value| *value > least).count();
    let vectors = vectors.keep_rows(0..count);
    let parts = tasks.all().map(|own| {
        let mut part = product(loops, vectors.view(), own);
        trim(&mut part, density);
        part
    });
    let parts: Vec<Matrix> = parts.collect();
    let right = elected(&parts, count, tasks.columns);
    let left = vectors.turned().matrix();
    Pair { left, right }
}

/// Keeps the entries that are at least as large as the largest one that is not among this share of
/// all, as the authors' code does.
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
    let small = matrix.data_mut().iter_mut().filter(|x| x.abs() < threshold);
    small.for_each(|x| *x = 0.0);
}

/// The mean of the entries that have the sign of their sum; of those whose sum is 0, the sign that
/// most sums have.
fn elected(parts: &[Matrix], rows: usize, columns: usize) -> Matrix {
    let mut merged = Matrix::zeros(rows, columns);
    let entries = |at: usize| parts.iter().map(move |part| part.data()[at]);
    let sums = merged.data_mut();
    let mut majority = 0.0;
    for (at, sum) in sums.iter_mut().enumerate() {
        *sum = entries(at).sum();
        majority += f64::from(u8::from(*sum > 0.0)) - f64::from(u8::from(*sum < 0.0));
    }
    for (at, place) in sums.iter_mut().enumerate() {
        let is_positive = *place > 0.0 || *place == 0.0 && majority > 0.0;
        let agreeing = entries(at).filter(|x| *x != 0.0 && (*x > 0.0) == is_positive);
        let (total, count) = agreeing.fold((0.0, 0.0), |(t, n), x| (t + x, n + 1.0));
        *place = match count > 0.0 {
            true => total / count,
            false => 0.0,
        };
    }
    merged
}
