//! What every format answers.

use std::ops::Range;

use super::part::Part;
use crate::level::Level;

/// How a tensor lies in its parts.
pub(super) trait Stored {
    /// The parts of a tensor of this shape.
    fn parts(&self, shape: &[u64]) -> Vec<Part>;

    /// For each part the bytes that decoding of these elements needs.
    fn spans(&self, shape: &[u64], elements: Range<u64>) -> Vec<Range<u64>>;

    /// Decodes these elements; `parts` are the bytes of the spans.
    fn decode(
        &self,
        level: Level,
        shape: &[u64],
        elements: Range<u64>,
        parts: &[&[u8]],
        target: &mut [f32],
    );
}
