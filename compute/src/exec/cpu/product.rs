//! Products of an adapter's factors, element by element as they are asked for.
//!
//! A product's elements are summed in one order, whatever part of it is asked for and whatever the
//! instruction set: runs of 16 terms in f32, the runs in f64. That is well within 1e-6 of the
//! elements' root mean square, whatever the rank.

use super::{Level, codec};
use crate::dtype::Float;
use crate::kernel::PANEL;
use crate::level::at_level;

/// Terms that are summed before their sum is added to the others.
const RUN: usize = 16;

/// A matrix that is a product of two, or stored whole.
#[derive(Clone, Copy, Debug)]
pub struct Product<'a> {
    /// The matrix' columns.
    pub columns: usize,
    /// The inner dimension; 0 where the matrix is stored whole.
    pub rank: usize,
    /// Row-major, rows by rank; of a whole matrix, its elements.
    pub up: &'a [f32],
    /// Panels of columns, each rank by [`PANEL`], the last filled up with zeros.
    pub panels: &'a [f32],
}

/// Puts a row of the right factor into its place in the panels.
pub fn pack(panels: &mut [f32], rank: usize, row: usize, values: &[f32]) {
    for (panel, values) in values.chunks(PANEL).enumerate() {
        let place = &mut panels[(panel * rank + row) * PANEL..][..PANEL];
        let (place, rest) = place.split_at_mut(values.len());
        place.copy_from_slice(values);
        rest.fill(0.0);
    }
}

impl Product<'_> {
    /// Writes the elements from `start` on, row by row, times `scale`.
    pub fn fill(&self, level: Level, scale: f64, start: u64, out: &mut [f32]) {
        if self.rank == 0 {
            let elements = self.up.get(start as usize..).unwrap_or_default();
            for (out, element) in out.iter_mut().zip(elements) {
                *out = (f64::from(*element) * scale) as f32;
            }
            return;
        }
        at_level!(
            level,
            multiply(
                product: &Product<'_> = self,
                scale: f64 = scale,
                start: usize = start as usize,
                out: &mut [f32] = out,
            )
        );
    }

    #[inline(always)]
    fn multiply(&self, scale: f64, start: usize, out: &mut [f32]) {
        if out.is_empty() {
            return;
        }
        let end = start + out.len();
        let (first, last) = (start / self.columns, (end - 1) / self.columns);
        for (number, panel) in self.panels.chunks_exact(self.rank * PANEL).enumerate() {
            let column = number * PANEL;
            let width = PANEL.min(self.columns - column);
            for row in first..=last {
                let begin = row * self.columns + column;
                let (from, to) = (begin.max(start), (begin + width).min(end));
                if from >= to {
                    continue;
                }
                let up = &self.up[row * self.rank..][..self.rank];
                let sums = dot(up, panel);
                let sums = &sums[from - begin..to - begin];
                for (out, sum) in out[from - start..to - start].iter_mut().zip(sums) {
                    *out = (sum * scale) as f32;
                }
            }
        }
    }
}

#[inline(always)]
fn multiply(product: &Product<'_>, scale: f64, start: usize, out: &mut [f32]) {
    product.multiply(scale, start, out);
}

/// One row by the columns of a panel.
#[inline(always)]
fn dot(up: &[f32], panel: &[f32]) -> [f64; PANEL] {
    let mut sums = [0.0_f64; PANEL];
    for (up, rows) in up.chunks(RUN).zip(panel.chunks(RUN * PANEL)) {
        let mut run = [0.0_f32; PANEL];
        for (factor, row) in up.iter().zip(rows.as_chunks::<PANEL>().0) {
            for (sum, value) in run.iter_mut().zip(row) {
                *sum += factor * value;
            }
        }
        for (sum, run) in sums.iter_mut().zip(run) {
            *sum += f64::from(run);
        }
    }
    sums
}

/// Decodes little-endian elements into f32.
pub fn decode(level: Level, float: Float, bytes: &[u8], out: &mut [f32]) {
    codec::decode(level, float, None, bytes, bytemuck::cast_slice_mut(out));
}
