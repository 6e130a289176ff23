//! Real powers of orthogonal matrices, by products alone.

use std::f64::consts::PI;

use super::polar::{polar, polar_within};
use super::product::{gram, product};
use super::{Loops, Matrix};

/// Square roots that are taken before a logarithm: angles are at most π / 32 then.
const ROOTS: i32 = 5;

/// Coefficients of the series of asinh x in x², up to those that f64 does not see at π / 32.
const ASINH: [f64; 8] = [
    1.0,
    -1.0 / 6.0,
    3.0 / 40.0,
    -15.0 / 336.0,
    105.0 / 3456.0,
    -945.0 / 42240.0,
    10395.0 / 599_040.0,
    -135_135.0 / 9_676_800.0,
];

/// Terms of the series of exp x that f64 sees where the norm is at most 1/2.
const TERMS: u32 = 15;

/// The logarithm of an orthogonal matrix: skew, with angles below π. Where the matrix turns a
/// direction by π the logarithm is zero; the second matrix projects on these directions, if any.
///
/// The square root of Q is the polar factor of 1 + Q, and half the difference of a root and its
/// inverse is the hyperbolic sine of the root's logarithm.
pub fn logarithm(loops: &dyn Loops, q: &Matrix) -> (Matrix, Option<Matrix>) {
    let n = q.rows();
    let mut r = q.clone();
    r.shift(1.0);
    r = polar(loops, &r);
    let mut opposed = gram(loops, r.turned());
    opposed.scale(-1.0);
    opposed.shift(1.0);
    let any = opposed.trace() > 0.5;
    if any {
        r.add(&opposed, 1.0);
    }
    for _ in 1..ROOTS {
        // Angles are at most π / 2.
        r.shift(1.0);
        r = polar_within(loops, r, 2.0, 0.7);
    }
    let mut sine = Matrix::from_fn(n, n, |i, j| 0.5 * (r.row(i)[j] - r.row(j)[i]));
    let square = product(loops, sine.view(), sine.view());
    let mut series = Matrix::zeros(n, n);
    for coefficient in ASINH.into_iter().rev() {
        series = product(loops, series.view(), square.view());
        series.shift(coefficient);
    }
    sine.scale(2.0_f64.powi(ROOTS));
    (
        product(loops, sine.view(), series.view()),
        any.then_some(opposed),
    )
}

/// e to the power of a matrix of finite entries.
pub fn exponential(loops: &dyn Loops, mut x: Matrix) -> Matrix {
    let norm = gram(loops, x.view()).squares().sqrt().sqrt();
    let mut halvings = 0;
    let mut scale = 1.0;
    while norm * scale > 0.5 {
        scale *= 0.5;
        halvings += 1;
    }
    x.scale(scale);
    let mut power = Matrix::identity(x.rows(), x.rows());
    for term in (1..=TERMS).rev() {
        power = product(loops, power.view(), x.view());
        power.scale(1.0 / f64::from(term));
        power.shift(1.0);
    }
    for _ in 0..halvings {
        power = product(loops, power.view(), power.view());
    }
    power
}

/// An orthogonal matrix to a whole power.
fn whole_power(loops: &dyn Loops, q: &Matrix, exponent: f64) -> Matrix {
    let mut base = match exponent < 0.0 {
        true => q.turned().matrix(),
        false => q.clone(),
    };
    let (mut left, mut power) = (exponent.abs(), Matrix::identity(q.rows(), q.rows()));
    while left >= 1.0 {
        if left % 2.0 == 1.0 {
            power = product(loops, power.view(), base.view());
        }
        left = (left / 2.0).floor();
        if left >= 1.0 {
            base = product(loops, base.view(), base.view());
        }
    }
    power
}

/// The real part of an orthogonal matrix to a real power: each angle is multiplied. A direction
/// that is turned by π is multiplied by cos(π exponent).
pub fn power(loops: &dyn Loops, q: &Matrix, exponent: f64) -> Matrix {
    if exponent == exponent.round() {
        return whole_power(loops, q, exponent);
    }
    let (mut turn, opposed) = logarithm(loops, q);
    turn.scale(exponent);
    let mut power = exponential(loops, turn);
    if let Some(opposed) = opposed {
        let cosine = libm::cos(PI * exponent.rem_euclid(2.0));
        power.add(&opposed, cosine - 1.0);
    }
    power
}
