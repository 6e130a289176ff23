//! The difference that factors make.

use std::ops::Range;

use super::extent::Extent;
use super::matrix::Matrix;
use crate::level::Level;

/// What is added to a weight, before it is scaled.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Delta<'a> {
    /// A matrix: LoRA (Hu et al. 2021, arXiv:2106.09685), with a core for convolutions, or a whole
    /// difference.
    One(Matrix<'a>),
    /// Two matrices, element by element: LoHa (Hyeon-Woo et al. 2021, arXiv:2108.06098).
    Hadamard(Matrix<'a>, Matrix<'a>),
    /// Each element of the first times all of the second: LoKr (Yeh et al. 2023, arXiv:2309.14859).
    Kronecker(Matrix<'a>, Matrix<'a>),
}

impl Delta<'_> {
    /// The sides of what is made.
    ///
    /// # Errors
    /// Where the factors do not fit each other.
    pub(super) fn extent(&self) -> Result<Extent, String> {
        match self {
            Delta::One(matrix) => matrix.extent(),
            Delta::Hadamard(first, second) => {
                let (first, second) = (first.extent()?, second.extent()?);
                if first == second {
                    return Ok(first);
                }
                Err(format!(
                    "a matrix of {} by {} is not multiplied with one of {} by {}",
                    first.rows, first.columns, second.rows, second.columns
                ))
            }
            Delta::Kronecker(first, second) => {
                let (first, second) = (first.extent()?, second.extent()?);
                let rows = first.rows.checked_mul(second.rows);
                let columns = first.columns.checked_mul(second.columns);
                match (rows, columns) {
                    (Some(rows), Some(columns)) if rows.checked_mul(columns).is_some() => {
                        Ok(Extent { rows, columns })
                    }
                    _ => Err("the factors make more elements than can be counted".to_owned()),
                }
            }
        }
    }

    /// Writes rows of it. The factors must fit each other.
    pub(super) fn fill(&self, level: Level, rows: Range<usize>, out: &mut [f32]) {
        match self {
            Delta::One(matrix) => matrix.fill(level, rows, out),
            Delta::Hadamard(first, second) => {
                first.fill(level, rows.clone(), out);
                let mut other = vec![0.0; out.len()];
                second.fill(level, rows, &mut other);
                for (element, other) in out.iter_mut().zip(other) {
                    *element *= other;
                }
            }
            Delta::Kronecker(first, second) => kronecker(level, first, second, rows, out),
        }
    }
}

fn kronecker(
    level: Level,
    first: &Matrix<'_>,
    second: &Matrix<'_>,
    rows: Range<usize>,
    out: &mut [f32],
) {
    let (Ok(outer), Ok(inner)) = (first.extent(), second.extent()) else {
        return;
    };
    let made = |matrix: &Matrix<'_>, extent: Extent| {
        let mut made = vec![0.0; extent.rows * extent.columns];
        matrix.fill(level, 0..extent.rows, &mut made);
        made
    };
    let (left, right) = (made(first, outer), made(second, inner));
    let columns = outer.columns * inner.columns;
    for (row, out) in rows.zip(out.chunks_exact_mut(columns)) {
        let factors = &left[row / inner.rows * outer.columns..][..outer.columns];
        let values = &right[row % inner.rows * inner.columns..][..inner.columns];
        for (out, factor) in out.chunks_exact_mut(inner.columns).zip(factors) {
            for (out, value) in out.iter_mut().zip(values) {
                *out = factor * value;
            }
        }
    }
}
