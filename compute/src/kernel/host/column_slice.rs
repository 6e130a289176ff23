//! A slice of the second dimension.

use crate::kernel::HostOp;
use crate::kernel::linear::Loops;

/// The first value in a slice of the second dimension, elsewhere the second.
#[derive(Clone, Copy, Debug)]
pub struct ColumnSlice {
    /// The first index of the slice.
    pub start: u64,
    /// The one behind its last.
    pub end: u64,
}

impl HostOp for ColumnSlice {
    fn name(&self) -> &'static str {
        "column slice"
    }

    fn purpose(&self) -> &'static str {
        "exchange columns of"
    }

    fn numbers(&self) -> Vec<u64> {
        vec![self.start, self.end]
    }

    fn working_bytes(&self, _: &[u64], _: u64) -> u64 {
        0
    }

    fn run(&self, _: &dyn Loops, shape: &[u64], mut values: Vec<Vec<f32>>) -> Vec<f32> {
        let (mut outside, inside) = (values.swap_remove(1), values.swap_remove(0));
        let &[_, columns, ref rest @ ..] = shape else {
            return outside;
        };
        let len = super::elements(rest);
        let ends = [self.start, self.end].map(|at| (at.min(columns) * len) as usize);
        let row = (columns * len).max(1) as usize;
        let slice = ends[0]..ends[1].max(ends[0]);
        for (out, own) in outside.chunks_mut(row).zip(inside.chunks(row)) {
            out[slice.clone()].copy_from_slice(&own[slice.clone()]);
        }
        outside
    }
}
