//! Sums over the columns of a tensor: over all elements that differ in the first index alone.

use crate::kernel::RowSums;

/// Gathers products over columns, in the order of the elements.
pub(in crate::merge) struct ColumnTotals<'a> {
    sums: &'a RowSums,
    /// The column of the next element.
    at: usize,
    /// Per product the sums of the columns.
    totals: Vec<Vec<f64>>,
}

impl<'a> ColumnTotals<'a> {
    /// Totals of so many columns.
    pub(in crate::merge) fn new(sums: &'a RowSums, columns: usize) -> ColumnTotals<'a> {
        ColumnTotals {
            sums,
            at: 0,
            totals: vec![vec![0.0; columns]; sums.products.len()],
        }
    }

    /// Adds the next elements of the values.
    pub(in crate::merge) fn take(&mut self, values: &[Vec<f32>]) {
        let len = values.first().map_or(0, Vec::len);
        let columns = self.totals.first().map_or(0, Vec::len);
        let mut done = 0;
        while done < len && columns > 0 {
            let count = (columns - self.at).min(len - done);
            for (totals, (x, y)) in self.totals.iter_mut().zip(&self.sums.products) {
                let pairs = values[*x][done..].iter().zip(&values[*y][done..]);
                for (total, (x, y)) in totals[self.at..].iter_mut().zip(pairs).take(count) {
                    *total += f64::from(*x) * f64::from(*y);
                }
            }
            done += count;
            self.at = (self.at + count) % columns;
        }
    }

    /// The columns' numbers.
    pub(in crate::merge) fn numbers(self) -> Vec<f32> {
        let derive = &self.sums.derive;
        let columns = self.totals.first().map_or(0, Vec::len);
        let mut sums = vec![0.0; self.totals.len()];
        let number = |column: usize| {
            for (sum, totals) in sums.iter_mut().zip(&self.totals) {
                *sum = totals[column];
            }
            let numbers = (derive.function)(&sums, &derive.parameters);
            numbers.first().map_or(0.0, |number| *number as f32)
        };
        (0..columns).map(number).collect()
    }
}
