//! The orthogonal matrix nearest to another.

use super::polar::{polar, rank};
use super::product::{add_product, gram, product};
use super::{Eigen, Loops, Matrix, Triangle, View};

/// A share of directions that is none.
const NONE: f64 = 1e-6;

/// Overlaps of directions that are smaller are noise.
const OVERLAP: f64 = 1e-5;

/// A square matrix' polar factor. Directions that the matrix does not determine, because it has no
/// singular value there, are turned as little as may be.
pub fn orthogonal(loops: &dyn Loops, m: &Matrix) -> Matrix {
    let n = m.rows();
    let mut factor = polar(loops, m);
    if n as f64 - rank(&factor) < NONE {
        return factor;
    }
    let outside = |of: View<'_, f64>| {
        let mut projector = gram(loops, of);
        projector.scale(-1.0);
        projector.shift(1.0);
        projector
    };
    let left = outside(factor.view());
    let open = product(loops, left.view(), outside(factor.turned()).view());
    let size = open.squares().sqrt();
    if size > OVERLAP {
        factor.add(&polar(loops, &open), 1.0);
    }
    factor
}

/// A square matrix' nearest rotation: where [`orthogonal`] is none, the direction of the least
/// singular value is reversed.
pub fn rotation(loops: &dyn Loops, m: &Matrix) -> Matrix {
    let mut factor = orthogonal(loops, m);
    if Triangle::of(loops, factor.clone()).sign() > 0.0 {
        return factor;
    }
    reverse_least(loops, &mut factor, m);
    factor
}

/// Reverses what an orthogonal factor of `m` makes of the direction of `m`'s least singular value.
fn reverse_least(loops: &dyn Loops, factor: &mut Matrix, m: &Matrix) {
    let mut stretch = product(loops, factor.turned(), m.view());
    drop_skew(&mut stretch);
    let vectors = Eigen::of(loops, stretch).vectors;
    let n = vectors.rows();
    if n > 0 {
        let least = vectors.view().part(n - 1..n, 0..n);
        let image = product(loops, factor.view(), least.turned());
        add_product(loops, factor, (0, 0), -2.0, (image.view(), least));
    }
}

/// Makes a matrix that is symmetric but for rounding errors symmetric.
pub(super) fn drop_skew(matrix: &mut Matrix) {
    let turned = matrix.turned().matrix();
    matrix.add(&turned, 1.0);
    matrix.scale(0.5);
}
