//! A tensor as matrices of rows.

use crate::format::{Format, Over};

/// The sizes of a tensor as the encoders see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Extent {
    /// How many matrices.
    pub(super) matrices: u64,
    /// Rows of each.
    pub(super) rows: u64,
    /// Columns of each.
    pub(super) columns: u64,
}

impl Extent {
    /// What a shape is under a format. `each` says that every matrix has scales of its own, where
    /// a format has one for a tensor or for a row of it; else what lies behind the first dimension
    /// is one row.
    pub(super) fn of(format: &Format, shape: &[u64], each: bool) -> Extent {
        let is_flat = match format {
            Format::Scaled(scaled) => {
                matches!(scaled.over, Over::Tensor | Over::First | Over::Row)
                    && scaled.pad <= 1
                    && !each
            }
            _ => false,
        };
        match *shape {
            [] => Extent::matrix(1, 1),
            [columns] => Extent::matrix(1, columns),
            [rows, ref rest @ ..] if is_flat => Extent::matrix(rows, rest.iter().product()),
            [ref leading @ .., rows, columns] => Extent {
                matrices: leading.iter().product(),
                rows,
                columns,
            },
        }
    }

    fn matrix(rows: u64, columns: u64) -> Extent {
        Extent {
            matrices: 1,
            rows,
            columns,
        }
    }

    /// Elements of a matrix.
    pub(super) fn area(&self) -> u64 {
        self.rows * self.columns
    }

    /// The rows, counted over all matrices, that lie before an element; its matrix's first where
    /// matrices have no elements.
    pub(super) fn row(&self, element: u64) -> u64 {
        element / self.columns.max(1)
    }
}
