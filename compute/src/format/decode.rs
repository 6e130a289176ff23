//! The numbers of a quantised tensor.

use std::ops::Range;

use super::bnb8::Bnb8;
use super::layout::Format;
use super::part::Part;
use super::rounding::settle;
use super::stored::Stored;
use crate::level::Level;

impl Format {
    /// The parts of a tensor of this shape, in the order in which [`Format::spans`] and
    /// [`Format::decode`] take them.
    pub fn parts(&self, shape: &[u64]) -> Vec<Part> {
        self.stored().parts(shape)
    }

    /// For each part the bytes that decoding of these elements needs. Elements are numbered row by
    /// row, without padding.
    pub fn spans(&self, shape: &[u64], elements: Range<u64>) -> Vec<Range<u64>> {
        self.stored().spans(shape, elements)
    }

    /// Decodes elements, any range of them: `parts[i]` are the bytes of `spans()[i]`, and
    /// `target` is as long as the range. The bits do not depend on the level: a NaN is 0x7fc00000.
    ///
    /// # Panics
    /// Where parts or target are shorter than that.
    pub fn decode(
        &self,
        level: Level,
        shape: &[u64],
        elements: Range<u64>,
        parts: &[&[u8]],
        target: &mut [f32],
    ) {
        let stored = self.stored();
        stored.decode(level, shape, elements, parts, target);
        settle(level, target);
    }

    fn stored(&self) -> &dyn Stored {
        match self {
            Format::Scaled(scaled) => scaled,
            Format::Packed(packed) => packed,
            Format::Levels(levels) => levels,
            Format::Affine(affine) => affine,
            Format::Awq(awq) => awq,
            Format::Table(table) => table,
            Format::Bnb8 => &Bnb8,
            Format::Gguf(gguf) => gguf,
        }
    }
}
