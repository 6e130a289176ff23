//! Singular vectors of several matrices, made orthonormal together.

use super::{Pair, Tasks};
use crate::kernel::linear::{Leading, Loops, Matrix, add_product, polar, product};

/// The product of orthonormal vectors nearest to some, with these singular values.
fn joined(loops: &dyn Loops, found: Leading) -> Pair {
    let left = polar(loops, &found.left).turned().matrix();
    let mut right = polar(loops, &found.right);
    for (row, value) in found.values.iter().enumerate() {
        right.row_mut(row).iter_mut().for_each(|x| *x *= value);
    }
    Pair { left, right }
}

/// No singular vectors yet, and room for as many as there are directions.
fn none(tasks: &Tasks<'_>) -> Leading {
    let room = |length: usize| Matrix::zeros(tasks.directions(), length).keep_rows(0..0);
    Leading {
        values: Vec::new(),
        left: room(tasks.rows),
        right: room(tasks.columns),
    }
}

/// TSV-M: of T task vectors each gives the T-th part of the directions.
pub(super) fn task_singular(loops: &dyn Loops, tasks: &Tasks<'_>) -> Pair {
    let count = tasks.directions() / tasks.values.len().max(1);
    let mut found = none(tasks);
    for own in tasks.all() {
        found.extend(&Leading::of(loops, own, count));
    }
    joined(loops, found)
}

/// Iso-C: the polar factor of the sum, times the mean of its singular values.
pub(super) fn isotropic(loops: &dyn Loops, tasks: &Tasks<'_>) -> Matrix {
    let sum = tasks.sum();
    let mut factor = polar(loops, &sum);
    // Their sum is the trace of the product of one turned and the other.
    let pairs = factor.data().iter().zip(sum.data());
    let total: f64 = pairs.map(|(a, b)| a * b).sum();
    factor.scale(total / tasks.directions().max(1) as f64);
    factor
}

/// Directions that are the sum's, and directions of each task vector, such that these are as many
/// for each.
fn shares(directions: usize, common: f64, tasks: usize) -> [usize; 2] {
    let wanted = (directions as f64 * common) as usize;
    let rest = directions.saturating_sub(wanted) as f64 / tasks.max(1) as f64;
    let each = (rest.round_ties_even() as usize).min(directions / tasks.max(1));
    [directions - each * tasks, each]
}

/// Iso-CTS.
pub(super) fn common_and_specific(loops: &dyn Loops, tasks: &Tasks<'_>, common: f64) -> Pair {
    let [common, each] = shares(tasks.directions(), common, tasks.values.len());
    let shared = Leading::of(loops, tasks.sum().view(), common);
    let mut found = none(tasks);
    for own in tasks.all() {
        let along = product(loops, shared.left.view(), own);
        let mut beside = own.matrix();
        add_product(
            loops,
            &mut beside,
            (0, 0),
            -1.0,
            (shared.left.turned(), along.view()),
        );
        found.extend(&Leading::of(loops, beside.view(), each));
    }
    found.extend(&shared);
    let total: f64 = found.values.iter().sum();
    let mean = total / found.values.len().max(1) as f64;
    found.values.fill(mean);
    joined(loops, found)
}
