//! Matrices of f64, and views of what lies in memory as one.

use std::ops::Range;

/// A matrix, row-major.
#[derive(Clone, Debug, PartialEq)]
pub struct Matrix {
    rows: usize,
    columns: usize,
    data: Vec<f64>,
}

impl Matrix {
    /// Zeros.
    pub fn zeros(rows: usize, columns: usize) -> Matrix {
        Matrix {
            rows,
            columns,
            data: vec![0.0; rows * columns],
        }
    }

    /// The first rows of the identity.
    pub fn identity(rows: usize, columns: usize) -> Matrix {
        let mut matrix = Matrix::zeros(rows, columns);
        matrix.shift(1.0);
        matrix
    }

    /// The entries by row and column.
    pub fn from_fn(
        rows: usize,
        columns: usize,
        mut entry: impl FnMut(usize, usize) -> f64,
    ) -> Matrix {
        let mut matrix = Matrix::zeros(rows, columns);
        for row in 0..rows {
            for (column, place) in matrix.row_mut(row).iter_mut().enumerate() {
                *place = entry(row, column);
            }
        }
        matrix
    }

    /// How many rows it has.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// How many columns it has.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// Its entries.
    pub fn data(&self) -> &[f64] {
        &self.data
    }

    /// Its entries.
    pub fn data_mut(&mut self) -> &mut [f64] {
        &mut self.data
    }

    /// A row.
    pub fn row(&self, row: usize) -> &[f64] {
        &self.data[row * self.columns..][..self.columns]
    }

    /// A row.
    pub fn row_mut(&mut self, row: usize) -> &mut [f64] {
        &mut self.data[row * self.columns..][..self.columns]
    }

    /// The rows `first` to `end` of it alone.
    #[must_use]
    pub fn keep_rows(mut self, rows: Range<usize>) -> Matrix {
        self.data.truncate(rows.end * self.columns);
        self.data.drain(..rows.start * self.columns);
        self.rows = rows.len();
        self
    }

    /// Appends the rows of another, as long as its own.
    pub fn extend(&mut self, other: &Matrix) {
        self.data.extend_from_slice(&other.data);
        self.rows += other.rows;
    }

    /// Exchanges two rows.
    pub fn swap_rows(&mut self, a: usize, b: usize) {
        let (first, second) = (a.min(b), a.max(b));
        if first < second {
            let (head, tail) = self.data.split_at_mut(second * self.columns);
            let own = &mut head[first * self.columns..][..self.columns];
            own.swap_with_slice(&mut tail[..self.columns]);
        }
    }

    /// Adds a number to each entry of the diagonal.
    pub fn shift(&mut self, number: f64) {
        for at in 0..self.rows.min(self.columns) {
            self.data[at * self.columns + at] += number;
        }
    }

    /// Multiplies each entry.
    pub fn scale(&mut self, factor: f64) {
        self.data.iter_mut().for_each(|entry| *entry *= factor);
    }

    /// Adds another of its shape, times a factor.
    pub fn add(&mut self, other: &Matrix, factor: f64) {
        for (entry, own) in self.data.iter_mut().zip(&other.data) {
            *entry += own * factor;
        }
    }

    /// The sum of the squares of its entries, row by row.
    pub fn squares(&self) -> f64 {
        let rows = self.data.chunks(self.columns.max(1));
        rows.map(|row| super::loops::dot(row, row)).sum()
    }

    /// The sum of its diagonal.
    pub fn trace(&self) -> f64 {
        let diagonal = self.data.iter().step_by(self.columns + 1);
        diagonal.take(self.rows.min(self.columns)).sum()
    }

    /// It as it is.
    pub fn view(&self) -> View<'_, f64> {
        View::new(&self.data, self.rows, self.columns)
    }

    /// Its transpose.
    pub fn turned(&self) -> View<'_, f64> {
        self.view().turned()
    }

    /// Makes a symmetric matrix of its lower half.
    pub(super) fn mirror(&mut self) {
        for row in 0..self.rows {
            for column in 0..row {
                self.data[column * self.columns + row] = self.data[row * self.columns + column];
            }
        }
    }
}

/// Bytes of matrices of so many rows and columns.
pub fn bytes(matrices: &[(u64, u64)]) -> u64 {
    let entries = matrices
        .iter()
        .map(|(rows, columns)| rows.saturating_mul(*columns));
    let entries = entries.fold(0, u64::saturating_add);
    entries.saturating_mul(size_of::<f64>() as u64)
}

/// Entries in memory as a matrix.
#[derive(Clone, Copy, Debug)]
pub struct View<'a, T> {
    pub(super) data: &'a [T],
    pub(super) rows: usize,
    pub(super) columns: usize,
    /// Elements from one row to the next.
    pub(super) row_stride: usize,
    /// Elements from one column to the next.
    pub(super) column_stride: usize,
}

impl<'a, T: Copy + Into<f64>> View<'a, T> {
    /// Entries that lie row by row.
    pub fn new(data: &'a [T], rows: usize, columns: usize) -> View<'a, T> {
        View {
            data,
            rows,
            columns,
            row_stride: columns,
            column_stride: 1,
        }
    }

    /// The transpose.
    #[must_use]
    pub fn turned(self) -> View<'a, T> {
        View {
            rows: self.columns,
            columns: self.rows,
            row_stride: self.column_stride,
            column_stride: self.row_stride,
            ..self
        }
    }

    /// Some rows and columns.
    #[must_use]
    pub fn part(self, rows: Range<usize>, columns: Range<usize>) -> View<'a, T> {
        let first = rows.start * self.row_stride + columns.start * self.column_stride;
        View {
            data: self.data.get(first..).unwrap_or_default(),
            rows: rows.len(),
            columns: columns.len(),
            ..self
        }
    }

    /// An entry.
    pub fn at(&self, row: usize, column: usize) -> f64 {
        self.data[row * self.row_stride + column * self.column_stride].into()
    }

    /// A copy.
    pub fn matrix(&self) -> Matrix {
        Matrix::from_fn(self.rows, self.columns, |row, column| self.at(row, column))
    }
}
