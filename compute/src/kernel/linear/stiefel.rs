//! Shortest ways between sets of orthonormal vectors.

use super::nearest::{drop_skew, orthogonal};
use super::power::{exponential, logarithm};
use super::product::{add_product, gram, product};
use super::{Eigen, Loops, Matrix, Triangle};

/// The way from r orthonormal vectors of n entries to r others, n above r.
#[derive(Debug)]
pub struct Way {
    /// Where it begins, a row each.
    start: Matrix,
    /// Directions that it needs besides, a row each.
    beside: Matrix,
    /// The logarithm of what takes the start to the end, in the directions of both.
    turn: Matrix,
}

impl Way {
    /// The way in the canonical metric, to `eps` in the norm of what is no part of a way, or as
    /// near as `steps` steps come. Vectors are rows.
    ///
    /// Source: Zimmermann, Hüper, "Computing the Riemannian logarithm on the Stiefel manifold",
    /// arXiv:2103.12046; sd-mecha `log_stiefel`.
    pub fn new(loops: &dyn Loops, start: Matrix, end: &Matrix, eps: f64, steps: u64) -> Way {
        let (r, n) = (start.rows(), start.columns());
        let k = r.min(n - r);
        let inner = product(loops, end.view(), start.turned());
        let mut rest = end.clone();
        add_product(loops, &mut rest, (0, 0), -1.0, (inner.view(), start.view()));
        let triangle = Triangle::of(loops, rest);
        let beside = triangle.rows(loops).keep_rows(0..k);
        let image = Matrix::from_fn(r, r + k, |row, column| match column.checked_sub(r) {
            None => inner.row(row)[column],
            Some(column) => triangle.lower.row(row)[column],
        });
        let mut open = opened(loops, &image, k);
        for _ in 0..steps.max(1) {
            let turn = turn(loops, &image, &open);
            let off = turn.view().part(r..r + k, r..r + k).matrix();
            let size = off.squares().sqrt();
            // Of a turn that is not finite nothing better comes.
            if size <= eps || size.is_nan() {
                return Way {
                    start,
                    beside,
                    turn,
                };
            }
            let side = turn.view().part(r..r + k, 0..r).matrix();
            let step = exponential(loops, correction(loops, &side, &off));
            open = product(loops, step.turned(), open.view());
        }
        let turn = turn(loops, &image, &open);
        Way {
            start,
            beside,
            turn,
        }
    }

    /// The vectors at a share of the way, a row each.
    pub fn at(&self, loops: &dyn Loops, share: f64) -> Matrix {
        let mut turn = self.turn.clone();
        turn.scale(share);
        let r = self.start.rows();
        let turned = exponential(loops, turn);
        let (along, beside) = (turned.view().part(0..r, 0..r), r..turned.rows());
        let mut vectors = product(loops, along.turned(), self.start.view());
        let pair = (
            turned.view().part(beside, 0..r).turned(),
            self.beside.view(),
        );
        add_product(loops, &mut vectors, (0, 0), 1.0, pair);
        vectors
    }
}

/// The logarithm of the orthogonal matrix with these columns.
fn turn(loops: &dyn Loops, image: &Matrix, open: &Matrix) -> Matrix {
    logarithm(loops, &columns(image, open)).0
}

/// The matrix with these columns.
fn columns(image: &Matrix, open: &Matrix) -> Matrix {
    let r = image.rows();
    Matrix::from_fn(
        image.columns(),
        image.columns(),
        |row, column| match column.checked_sub(r) {
            None => image.row(column)[row],
            Some(column) => open.row(column)[row],
        },
    )
}

/// `k` vectors that complete orthonormal ones, such that the whole is as near to the identity as
/// may be, and no reflection.
fn opened(loops: &dyn Loops, image: &Matrix, k: usize) -> Matrix {
    let r = image.rows();
    let mut open = Triangle::of(loops, image.clone()).others(loops);
    let corner = |open: &Matrix| open.view().part(0..k, r..r + k).turned().matrix();
    let factor = orthogonal(loops, &corner(&open));
    open = product(loops, factor.view(), open.view());
    if Triangle::of(loops, columns(image, &open)).sign() < 0.0 {
        let mut corner = corner(&open);
        drop_skew(&mut corner);
        let vectors = Eigen::of(loops, corner).vectors;
        let least = vectors.view().part(k - 1..k, 0..k);
        let own = product(loops, least, open.view());
        add_product(loops, &mut open, (0, 0), -2.0, (least.turned(), own.view()));
    }
    open
}

/// The skew solution of s g + g s = c, s = side sideᵀ / 12 - 1/2.
fn correction(loops: &dyn Loops, side: &Matrix, c: &Matrix) -> Matrix {
    let mut s = gram(loops, side.view());
    s.scale(1.0 / 12.0);
    s.shift(-0.5);
    let Eigen { values, vectors } = Eigen::of(loops, s);
    let inner = product(loops, vectors.view(), c.view());
    let mut inner = product(loops, inner.view(), vectors.turned());
    for (row, own) in values.iter().enumerate() {
        for (entry, other) in inner.row_mut(row).iter_mut().zip(&values) {
            let sum = own + other;
            *entry = if sum.abs() < 1e-12 { 0.0 } else { *entry / sum };
        }
    }
    let outer = product(loops, vectors.turned(), inner.view());
    product(loops, outer.view(), vectors.view())
}
