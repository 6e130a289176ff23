//! The leading directions of each task vector.

use super::Tasks;
use crate::kernel::linear::{Leading, Loops, Matrix, add_product};

/// STAR: the mean of what is left of each task vector. The fewest directions are kept whose
/// singular values make up the share `energy` of all, and scaled such that they make up all.
pub(super) fn mean(loops: &dyn Loops, tasks: &Tasks<'_>, energy: f64) -> Matrix {
    let mut mean = Matrix::zeros(tasks.rows, tasks.columns);
    for own in tasks.all() {
        let found = Leading::of(loops, own, tasks.directions());
        let total: f64 = found.values.iter().sum();
        let (mut kept, mut count) = (0.0, 0);
        while count < found.values.len() && kept < energy * total {
            kept += found.values[count];
            count += 1;
        }
        if kept == 0.0 {
            continue;
        }
        let factor = total / kept / tasks.values.len() as f64;
        let mut right = found.right.keep_rows(0..count);
        for (row, value) in found.values.iter().enumerate().take(count) {
            right
                .row_mut(row)
                .iter_mut()
                .for_each(|x| *x *= value * factor);
        }
        let left = found.left.keep_rows(0..count);
        add_product(loops, &mut mean, (0, 0), 1.0, (left.turned(), right.view()));
    }
    mean
}
