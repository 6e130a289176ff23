//! The deltas of adapters that are kept while a merge runs.

use std::sync::{Arc, Mutex};

use crate::exec::cpu::Level;
use crate::exec::cpu::product::Product;
use crate::plan::{Extent, Factors};

/// A delta that is ready to be multiplied.
#[derive(Debug)]
pub(in crate::merge) struct Ready {
    pub(in crate::merge) factors: Factors,
    pub(in crate::merge) scale: f64,
    /// The left operand of a Kronecker product, then the matrix as [`Product`] has it.
    pub(in crate::merge) values: Vec<f32>,
}

/// The deltas that were used last, in memory that is never given back while a merge runs: what
/// would be freed and asked for again might be held twice.
#[derive(Debug, Default)]
pub(in crate::merge) struct Deltas(pub(in crate::merge) Mutex<Held>);

#[derive(Debug, Default)]
pub(in crate::merge) struct Held {
    /// The last used last. A lane uses one at a time and there are as many places as lanes, so that
    /// one is idle whenever another is needed.
    pub(in crate::merge) deltas: Vec<Arc<Ready>>,
    pub(in crate::merge) scratch: Scratch,
}

impl Held {
    pub(in crate::merge) fn parts(&mut self) -> (&mut Vec<Arc<Ready>>, &mut Scratch) {
        (&mut self.deltas, &mut self.scratch)
    }
}

/// What is needed while a delta is made ready.
#[derive(Debug, Default)]
pub(in crate::merge) struct Scratch {
    pub(in crate::merge) bytes: Vec<u8>,
    pub(in crate::merge) row: Vec<f32>,
    pub(in crate::merge) factors: [Vec<f32>; 3],
}

/// The matrix of this extent whose values are these.
pub(in crate::merge) fn product(extent: Extent, values: &[f32]) -> Product<'_> {
    let (up, panels) = values.split_at(extent.left_elements());
    Product {
        columns: extent.columns as usize,
        rank: extent.rank.unwrap_or(0) as usize,
        up,
        panels,
    }
}

impl Ready {
    /// Writes the elements from `start` on, row by row.
    pub(in crate::merge) fn fill(&self, level: Level, start: u64, out: &mut [f32]) {
        let extent = self.factors.inner;
        let Some(outer) = self.factors.outer else {
            let whole = product(extent, &self.values);
            return whole.fill(level, self.scale, start, out);
        };
        let (factors, inner) = self.values.split_at(outer.elements());
        let right = product(extent, inner);
        let (width, columns) = (extent.columns, extent.columns * outer.columns);
        // The run of the right operand that was computed last: blocks beside each other share it.
        let mut run: Vec<f32> = Vec::new();
        let mut known = 0..0;
        let mut at = 0;
        while at < out.len() {
            let element = start + at as u64;
            let (row, column) = (element / columns, element % columns);
            let (block, skip) = (column / width, column % width);
            let len = (width - skip).min((out.len() - at) as u64);
            let first = row % extent.rows * width + skip;
            if first < known.start || known.end < first + len {
                run.resize(len as usize, 0.0);
                right.fill(level, self.scale, first, &mut run);
                known = first..first + len;
            }
            let factor = factors[(row / extent.rows * outer.columns + block) as usize];
            let values = &run[(first - known.start) as usize..][..len as usize];
            for (out, value) in out[at..].iter_mut().zip(values) {
                *out = factor * value;
            }
            at += len as usize;
        }
    }
}
