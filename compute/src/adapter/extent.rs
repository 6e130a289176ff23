//! The sides of a matrix.

/// Rows and columns of a matrix; dimensions behind the first belong to the columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Extent {
    /// How many rows.
    pub(super) rows: usize,
    /// How many columns.
    pub(super) columns: usize,
}

impl Extent {
    /// The sides of a tensor of a shape; None where it has more elements than can be counted.
    pub(super) fn of(shape: &[u64]) -> Option<Extent> {
        let (rows, rest) = shape.split_first().unwrap_or((&1, &[]));
        let columns = rest.iter().try_fold(1_u64, |n, d| n.checked_mul(*d))?;
        let elements = rows.checked_mul(columns)?;
        usize::try_from(elements).ok()?;
        Some(Extent {
            rows: usize::try_from(*rows).ok()?,
            columns: usize::try_from(columns).ok()?,
        })
    }
}
