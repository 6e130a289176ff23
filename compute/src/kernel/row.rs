//! The run-time numbers of one tensor: what its Program reads besides the inputs.

use super::{CutoffId, ScalarId, Stream};

/// The numbers that one tensor's Program reads. Programs are equal and share a pipeline whatever
/// their rows hold.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Row {
    /// f32 bits or integer codes, one per scalar of the Program.
    pub scalars: Vec<u32>,
    /// Element indices in the tensor, such as those up to which ties are kept.
    pub cutoffs: Vec<u64>,
    /// Random streams.
    pub streams: Vec<Stream>,
}

impl Row {
    /// A cutoff as seen from a piece that starts at element `start`: saturated to u32.
    pub fn cutoff_from(&self, cutoff: CutoffId, start: u64) -> u32 {
        let from = self.cutoffs[cutoff.index()].saturating_sub(start);
        u32::try_from(from).unwrap_or(u32::MAX)
    }

    /// Puts numbers into a scalar and those that follow it.
    pub fn put(&mut self, first: ScalarId, bits: impl IntoIterator<Item = u32>) {
        let scalars = self.scalars[first.index()..].iter_mut();
        scalars.zip(bits).for_each(|(scalar, bits)| *scalar = bits);
    }
}
