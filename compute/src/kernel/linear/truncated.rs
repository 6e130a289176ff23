//! The matrix of few directions nearest to another.

use super::normal::normal;
use super::product::{gram, product};
use super::{Eigen, Loops, Matrix, Triangle, View, eigen, matrix};

/// How the directions are found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Basis {
    /// The singular vectors.
    Exact,
    /// Those of random vectors' images after some steps of iteration.
    Random {
        /// Steps.
        steps: u64,
        /// The seed of torch's random numbers.
        seed: u64,
    },
}

impl Basis {
    /// What a result hangs on.
    pub fn numbers(self) -> [u64; 3] {
        match self {
            Basis::Exact => [0, 0, 0],
            Basis::Random { steps, seed } => [1, steps, seed],
        }
    }
}

/// Bytes that [`directions`] and the product of what it gives hold at most, besides the matrix.
pub fn bytes(rows: u64, columns: u64, rank: u64, basis: Basis) -> u64 {
    let (least, most) = (rows.min(columns), rows.max(columns));
    match basis {
        Basis::Exact => matrix::bytes(&[(3 * rank, most)]).saturating_add(eigen::bytes(least)),
        Basis::Random { .. } => matrix::bytes(&[(5 * rank, most), (rank, rank)]),
    }
}

/// Two factors, `rank` columns and `rank` rows, whose product is the matrix on its directions of
/// the largest singular values. `rank` is not above the matrix' rows or columns.
///
/// Source of the random ones: Halko, Martinsson, Tropp, arXiv:0909.4061; sd-mecha `svd_lowrank`.
pub fn directions(
    loops: &dyn Loops,
    a: View<'_, f32>,
    rank: usize,
    basis: Basis,
) -> (Matrix, Matrix) {
    // Whether the orthonormal vectors are as long as a column.
    let along_columns = match basis {
        Basis::Exact => a.rows <= a.columns,
        Basis::Random { .. } => a.rows >= a.columns,
    };
    let own = if along_columns { a } else { a.turned() };
    let vectors = match basis {
        Basis::Exact => Eigen::of(loops, gram(loops, own))
            .vectors
            .keep_rows(0..rank),
        Basis::Random { steps, seed } => random(loops, own, rank, (steps, seed)),
    };
    let images = product(loops, vectors.view(), own);
    match along_columns {
        true => (vectors.turned().matrix(), images),
        false => (images.turned().matrix(), vectors),
    }
}

/// Orthonormal rows whose directions are about those of the columns of a matrix with no fewer rows
/// than columns.
fn random(
    loops: &dyn Loops,
    tall: View<'_, f32>,
    rank: usize,
    (steps, seed): (u64, u64),
) -> Matrix {
    let basis = |rows: Matrix| Triangle::of(loops, rows).rows(loops);
    let numbers = normal(seed, tall.columns * rank);
    let numbers = View::new(&numbers, tall.columns, rank);
    let mut rows = basis(product(loops, numbers.turned(), tall.turned()));
    for _ in 0..steps {
        rows = basis(product(loops, rows.view(), tall));
        rows = basis(product(loops, rows.view(), tall.turned()));
    }
    rows
}
