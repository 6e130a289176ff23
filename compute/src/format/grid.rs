//! Where elements stand: matrices of rows of columns.

use std::ops::Range;

/// A tensor as a list of matrices, each stored by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Grid {
    /// How many matrices.
    pub(super) matrices: u64,
    /// Rows of a matrix.
    pub(super) rows: u64,
    /// Columns of a matrix.
    pub(super) columns: u64,
    /// Rows of a matrix with padding.
    pub(super) stored_rows: u64,
    /// Elements from the beginning of a row to that of the next.
    pub(super) stride: u64,
}

/// Where an element stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// Its matrix.
    pub(super) matrix: u64,
    /// Its row in the matrix.
    pub(super) row: u64,
    /// Its column.
    pub(super) column: u64,
}

/// The first and the last of some elements.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reach {
    /// The first.
    pub(super) first: Place,
    /// The last, which is among them.
    pub(super) last: Place,
}

/// Elements of one row.
#[derive(Clone, Copy, Debug)]
pub(super) struct Segment {
    /// The first of them.
    pub(super) place: Place,
    /// How many.
    pub(super) length: u64,
    /// How many elements of the range come before them.
    pub(super) at: usize,
}

/// The least multiple of `unit` that is not below `x`.
pub(super) fn up(x: u64, unit: u64) -> u64 {
    let unit = unit.max(1);
    x.div_ceil(unit).saturating_mul(unit)
}

/// The product of dimensions; what is beyond 64 bits is the largest number.
pub(super) fn product(shape: &[u64]) -> u64 {
    if shape.contains(&0) {
        return 0;
    }
    shape.iter().fold(1, |a, b| a.saturating_mul(*b))
}

/// The dimensions before those of a matrix.
pub(super) fn leading(shape: &[u64]) -> &[u64] {
    &shape[..shape.len().saturating_sub(2)]
}

/// The leading dimensions of a tensor, and these behind them.
pub(super) fn behind(shape: &[u64], matrix: &[u64]) -> Vec<u64> {
    [leading(shape), matrix].concat()
}

impl Grid {
    /// A tensor without padding.
    pub(super) fn new(shape: &[u64]) -> Grid {
        let (rows, columns) = match shape {
            [] => (1, 1),
            [columns] => (1, *columns),
            [.., rows, columns] => (*rows, *columns),
        };
        Grid {
            matrices: product(leading(shape)),
            rows,
            columns,
            stored_rows: rows,
            stride: columns,
        }
    }

    /// All elements as one row.
    pub(super) fn flat(shape: &[u64]) -> Grid {
        Grid::new(&[product(shape)])
    }

    /// The same with rows and columns filled up to multiples of `pad`, and rows to multiples of
    /// what whole bytes hold.
    pub(super) fn padded(self, pad: u64, unit: u64) -> Grid {
        Grid {
            stored_rows: up(self.rows, pad),
            stride: up(up(self.columns, pad), unit),
            ..self
        }
    }

    /// Elements, without padding.
    fn elements(&self) -> u64 {
        product(&[self.matrices, self.rows, self.columns])
    }

    /// All rows before those of this one.
    pub(super) fn row(&self, place: Place) -> u64 {
        place
            .matrix
            .saturating_mul(self.rows)
            .saturating_add(place.row)
    }

    /// The number of an element among the stored ones.
    pub(super) fn stored(&self, place: Place) -> u64 {
        let rows = place.matrix.saturating_mul(self.stored_rows);
        let rows = rows.saturating_add(place.row);
        rows.saturating_mul(self.stride)
            .saturating_add(place.column)
    }

    /// What of a range is elements.
    fn clipped(&self, elements: &Range<u64>) -> Range<u64> {
        let all = self.elements();
        elements.start.min(all)..elements.end.min(all)
    }

    fn place(&self, element: u64) -> Place {
        let row = element / self.columns.max(1);
        Place {
            matrix: row / self.rows.max(1),
            row: row % self.rows.max(1),
            column: element % self.columns.max(1),
        }
    }

    /// The first and the last of a range; None of an empty one.
    pub(super) fn reach(&self, elements: &Range<u64>) -> Option<Reach> {
        let range = self.clipped(elements);
        (range.start < range.end).then(|| Reach {
            first: self.place(range.start),
            last: self.place(range.end - 1),
        })
    }

    /// The rows of a range.
    pub(super) fn segments(&self, elements: &Range<u64>) -> Segments {
        let range = self.clipped(elements);
        Segments {
            grid: *self,
            next: self.place(range.start),
            left: range.end.saturating_sub(range.start),
            at: 0,
        }
    }
}

/// The parts of rows that make up a range of elements.
#[derive(Clone, Debug)]
pub(super) struct Segments {
    grid: Grid,
    next: Place,
    left: u64,
    at: usize,
}

impl Iterator for Segments {
    type Item = Segment;

    fn next(&mut self) -> Option<Segment> {
        if self.left == 0 {
            return None;
        }
        let place = self.next;
        let length = self.left.min(self.grid.columns - place.column);
        let at = self.at;
        self.left -= length;
        self.at += length as usize;
        self.next.column = 0;
        self.next.row += 1;
        if self.next.row == self.grid.rows {
            self.next.row = 0;
            self.next.matrix += 1;
        }
        Some(Segment { place, length, at })
    }
}
