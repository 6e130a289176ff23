//! Sums over the rows of a tensor.

use std::ops::Range;

use crate::kernel::RowSums;

/// Partial sums of a product, so that the processor can add several at once. Which element goes
/// into which depends on its place in the row alone, so the sums do not depend on the blocks.
const PARTIALS: u64 = 8;

/// Gathers products over rows, block by block.
pub(in crate::merge) struct RowTotals<'a> {
    sums: &'a RowSums,
    columns: u64,
    /// Elements of the current row that are in `partials`.
    filled: u64,
    /// Per product its partial sums.
    partials: Vec<[f64; PARTIALS as usize]>,
}

impl<'a> RowTotals<'a> {
    /// Totals of rows of `columns` elements; the first element taken begins a row.
    pub(in crate::merge) fn new(sums: &'a RowSums, columns: u64) -> RowTotals<'a> {
        RowTotals {
            sums,
            columns,
            filled: 0,
            partials: vec![[0.0; PARTIALS as usize]; sums.products.len()],
        }
    }

    /// Adds elements in `range` of the values. The number of every row that ends among them is
    /// appended to `numbers`.
    pub(in crate::merge) fn take(
        &mut self,
        values: &[Vec<f32>],
        range: Range<usize>,
        numbers: &mut Vec<f32>,
    ) {
        let mut at = range.start;
        while at < range.end {
            let len = ((self.columns - self.filled) as usize).min(range.end - at);
            for (partials, (x, y)) in self.partials.iter_mut().zip(&self.sums.products) {
                let x = &values[*x][at..at + len];
                let y = &values[*y][at..at + len];
                add_products(partials, self.filled, x, y);
            }
            self.filled += len as u64;
            at += len;
            if self.filled == self.columns {
                numbers.push(self.finish());
            }
        }
    }

    fn finish(&mut self) -> f32 {
        let totals: Vec<f64> = self
            .partials
            .iter_mut()
            .map(|partials| std::mem::take(partials).iter().sum())
            .collect();
        self.filled = 0;
        let derive = &self.sums.derive;
        let numbers = (derive.function)(&totals, &derive.parameters);
        numbers.first().map_or(0.0, |number| *number as f32)
    }
}

/// Adds the products of elements that begin at place `begin` of their row.
fn add_products(partials: &mut [f64; PARTIALS as usize], begin: u64, x: &[f32], y: &[f32]) {
    let product = |(x, y): (&f32, &f32)| f64::from(*x) * f64::from(*y);
    // Up to a whole number of partials, then eight at a time, then the rest.
    let head = (begin.next_multiple_of(PARTIALS) - begin).min(x.len() as u64) as usize;
    let first = (begin % PARTIALS) as usize;
    for (partial, pair) in partials[first..]
        .iter_mut()
        .zip(x[..head].iter().zip(&y[..head]))
    {
        *partial += product(pair);
    }
    let wide = PARTIALS as usize;
    let (x, y) = (x[head..].chunks_exact(wide), y[head..].chunks_exact(wide));
    let (rest_x, rest_y) = (x.remainder(), y.remainder());
    for (x, y) in x.zip(y) {
        for (partial, pair) in partials.iter_mut().zip(x.iter().zip(y)) {
            *partial += product(pair);
        }
    }
    for (partial, pair) in partials.iter_mut().zip(rest_x.iter().zip(rest_y)) {
        *partial += product(pair);
    }
}
