//! The polar factor of a matrix: the nearest with orthonormal rows or columns.

use super::leading::{self, Leading};
use super::matrix;
use super::product::{gram, product};
use super::{Loops, Matrix};

/// How near to one the least singular value is in the end.
const NEAR: f64 = 1e-15;

/// The largest scale of a step. The largest singular values, which it makes small, stay well above
/// rounding errors.
const STEEPEST: f64 = 1.697_702_485_26;

/// Bytes that [`polar`] holds at most for a matrix of m rows and n columns, its argument and its
/// result included.
pub fn bytes(m: u64, n: u64) -> u64 {
    let least = m.min(n);
    let step = matrix::bytes(&[(least, least), (m, n)]);
    let found = leading::bytes(m, n).max(step);
    matrix::bytes(&[(m, 2 * n)]).saturating_add(found)
}

/// U Vᵀ of a matrix U S Vᵀ of finite entries, over the singular values that are no noise.
pub fn polar(loops: &dyn Loops, x: &Matrix) -> Matrix {
    let found = Leading::of(loops, x.view(), x.rows().min(x.columns()));
    let factor = product(loops, found.left.turned(), found.right.view());
    drop(found);
    step(loops, &factor, 1.0)
}

/// A step towards singular values of one: x (3 - x²) / 2 of `a` x.
fn step(loops: &dyn Loops, x: &Matrix, a: f64) -> Matrix {
    let mut g = squared(loops, x);
    g.scale(-0.5 * a * a * a);
    g.shift(1.5 * a);
    match x.rows() <= x.columns() {
        true => product(loops, g.view(), x.view()),
        false => product(loops, x.view(), g.view()),
    }
}

/// Aᵀ A or A Aᵀ, the smaller.
fn squared(loops: &dyn Loops, x: &Matrix) -> Matrix {
    match x.rows() <= x.columns() {
        true => gram(loops, x.view()),
        false => gram(loops, x.turned()),
    }
}

/// [`polar`] of a matrix whose singular values are between `floor` times `bound` and `bound`, by
/// products alone: few where the floor is high.
///
/// Scaled by what is known of the least, each step multiplies it by up to 2.5.
///
/// Source: Chen, Chow, "A stable scaling of Newton-Schulz for improving the sign function
/// computation of a Hermitian matrix", 2014.
pub fn polar_within(loops: &dyn Loops, mut x: Matrix, bound: f64, floor: f64) -> Matrix {
    x.scale(1.0 / bound);
    let mut least = floor;
    loop {
        let a = (3.0 / (1.0 + least + least * least)).sqrt().min(STEEPEST);
        x = step(loops, &x, a);
        if 1.0 - least < NEAR {
            return x;
        }
        // Of what is made of the least and of one.
        let image = |x: f64| 0.5 * a * x * (3.0 - a * a * x * x);
        least = image(least).min(image(1.0));
    }
}

/// How many directions a polar factor has.
pub fn rank(factor: &Matrix) -> f64 {
    factor.squares()
}
