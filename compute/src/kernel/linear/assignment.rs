//! The assignment of rows to columns.

use super::Matrix;

/// The column of each row of a square matrix whose entries are finite, so that no two rows have
/// the same and the sum of the entries there is the greatest.
///
/// Shortest augmenting paths: Crouse, On implementing 2D rectangular assignment algorithms, 2016.
/// Of equally good columns it takes what scipy's `linear_sum_assignment` takes, so that the
/// identity is found where all entries are equal.
pub fn assignment(gain: &Matrix) -> Vec<usize> {
    let count = gain.rows();
    let mut paths = Paths::new(count);
    for row in 0..count {
        paths.add(gain, row);
    }
    paths.column_of
}

/// No row or column.
const NONE: usize = usize::MAX;

/// Rows that have their columns, and what finds the next one its own.
struct Paths {
    /// The potentials of rows and of columns.
    row_prices: Vec<f64>,
    column_prices: Vec<f64>,
    column_of: Vec<usize>,
    row_of: Vec<usize>,
    /// Of each column the length of the shortest path to it, and the row before it.
    lengths: Vec<f64>,
    before: Vec<usize>,
    /// The columns to which no path is final.
    open: Vec<usize>,
    /// The rows and columns that were reached.
    rows: Vec<usize>,
    columns: Vec<usize>,
}

impl Paths {
    fn new(count: usize) -> Paths {
        Paths {
            row_prices: vec![0.0; count],
            column_prices: vec![0.0; count],
            column_of: vec![NONE; count],
            row_of: vec![NONE; count],
            lengths: vec![0.0; count],
            before: vec![NONE; count],
            open: Vec::with_capacity(count),
            rows: Vec::with_capacity(count),
            columns: Vec::with_capacity(count),
        }
    }

    /// Gives a row its column; rows before it may change theirs.
    fn add(&mut self, gain: &Matrix, row: usize) {
        let (sink, shortest) = self.search(gain, row);
        self.row_prices[row] += shortest;
        for &other in self.rows.iter().filter(|other| **other != row) {
            self.row_prices[other] += shortest - self.lengths[self.column_of[other]];
        }
        for &column in &self.columns {
            self.column_prices[column] -= shortest - self.lengths[column];
        }
        let mut column = sink;
        loop {
            let own = self.before[column];
            self.row_of[column] = own;
            column = std::mem::replace(&mut self.column_of[own], column);
            if own == row {
                return;
            }
        }
    }

    /// The column without a row that is nearest to a row, and how far it is.
    fn search(&mut self, gain: &Matrix, row: usize) -> (usize, f64) {
        let count = self.lengths.len();
        self.open.clear();
        // From the last on, so that among equal ones the first is taken.
        self.open.extend((0..count).rev());
        self.lengths.fill(f64::INFINITY);
        self.rows.clear();
        self.columns.clear();
        let (mut at, mut shortest) = (row, 0.0);
        loop {
            self.rows.push(at);
            let (gains, price) = (gain.row(at), self.row_prices[at]);
            let (mut nearest, mut lowest) = (0, f64::INFINITY);
            for (place, &column) in self.open.iter().enumerate() {
                let length = shortest - gains[column] - price - self.column_prices[column];
                let known = &mut self.lengths[column];
                if length < *known {
                    *known = length;
                    self.before[column] = at;
                }
                if *known < lowest || (*known == lowest && self.row_of[column] == NONE) {
                    (nearest, lowest) = (place, *known);
                }
            }
            shortest = lowest;
            let column = self.open.swap_remove(nearest);
            self.columns.push(column);
            match self.row_of[column] {
                NONE => return (column, shortest),
                next => at = next,
            }
        }
    }
}

/// Bytes that it holds besides its argument, for so many rows.
pub fn bytes(count: u64) -> u64 {
    count.saturating_mul(9 * size_of::<f64>() as u64)
}
