//! Tensors of GGUF files: blocks one after the other, each with its codes and scales.

use std::ops::Range;

use super::blocks::{iq4_nl, mxfp4, q4_0, q4_1, q5_0, q5_1, q8_0};
use super::grid::product;
use super::layout::Gguf;
use super::part::{Part, Role};
use super::stored::Stored;
use super::superblocks::{iq4_xs, q2_k, q3_k, q4_k, q5_k, q6_k};
use crate::dtype::{DType, Unit};
use crate::level::{Level, at_level};

/// Elements of the largest block.
const LARGEST: usize = 256;

impl Gguf {
    /// A block.
    fn block(self) -> Unit {
        let (elements, bytes) = match self {
            Gguf::Q4_0 | Gguf::Iq4Nl => (32, 18),
            Gguf::Q4_1 => (32, 20),
            Gguf::Q5_0 => (32, 22),
            Gguf::Q5_1 => (32, 24),
            Gguf::Q8_0 => (32, 34),
            Gguf::Mxfp4 => (32, 17),
            Gguf::Q2K => (256, 84),
            Gguf::Q3K => (256, 110),
            Gguf::Q4K => (256, 144),
            Gguf::Q5K => (256, 176),
            Gguf::Q6K => (256, 210),
            Gguf::Iq4Xs => (256, 136),
        };
        Unit { elements, bytes }
    }

    /// What of a range is elements.
    fn clipped(shape: &[u64], elements: &Range<u64>) -> Range<u64> {
        let end = elements.end.min(product(shape));
        elements.start.min(end)..end
    }

    /// Decodes whole blocks.
    fn blocks(self, level: Level, bytes: &[u8], out: &mut [f32]) {
        at_level!(
            level,
            decode(gguf: Gguf = self, bytes: &[u8] = bytes, out: &mut [f32] = out)
        );
    }
}

#[inline(always)]
fn decode(gguf: Gguf, bytes: &[u8], out: &mut [f32]) {
    match gguf {
        Gguf::Q4_0 => each(bytes, out, q4_0),
        Gguf::Q4_1 => each(bytes, out, q4_1),
        Gguf::Q5_0 => each(bytes, out, q5_0),
        Gguf::Q5_1 => each(bytes, out, q5_1),
        Gguf::Q8_0 => each(bytes, out, q8_0),
        Gguf::Q2K => each(bytes, out, q2_k),
        Gguf::Q3K => each(bytes, out, q3_k),
        Gguf::Q4K => each(bytes, out, q4_k),
        Gguf::Q5K => each(bytes, out, q5_k),
        Gguf::Q6K => each(bytes, out, q6_k),
        Gguf::Iq4Nl => each(bytes, out, iq4_nl),
        Gguf::Iq4Xs => each(bytes, out, iq4_xs),
        Gguf::Mxfp4 => each(bytes, out, mxfp4),
    }
}

#[inline(always)]
fn each<const B: usize, const N: usize>(
    bytes: &[u8],
    out: &mut [f32],
    block: impl Fn(&[u8; B], &mut [f32; N]),
) {
    let out = out.as_chunks_mut::<N>().0;
    let blocks = &bytes.as_chunks::<B>().0[..out.len()];
    for i in 0..out.len() {
        block(&blocks[i], &mut out[i]);
    }
}

impl Stored for Gguf {
    fn parts(&self, shape: &[u64]) -> Vec<Part> {
        let block = self.block();
        let bytes = |elements: u64| {
            let blocks = elements.div_ceil(block.elements);
            blocks.saturating_mul(block.bytes)
        };
        let shape = match shape {
            [before @ .., row] if row.is_multiple_of(block.elements) => {
                [before, &[bytes(*row)]].concat()
            }
            _ => vec![bytes(product(shape))],
        };
        let (role, dtype) = (Role::Values, DType::U8);
        vec![Part { role, dtype, shape }]
    }

    fn spans(&self, shape: &[u64], elements: Range<u64>) -> Vec<Range<u64>> {
        let range = Gguf::clipped(shape, &elements);
        let block = self.block();
        if range.is_empty() {
            return std::iter::once(0..0).collect();
        }
        let end = range.end.div_ceil(block.elements);
        let span = range.start / block.elements * block.bytes..end.saturating_mul(block.bytes);
        std::iter::once(span).collect()
    }

    fn decode(
        &self,
        level: Level,
        shape: &[u64],
        elements: Range<u64>,
        parts: &[&[u8]],
        target: &mut [f32],
    ) {
        let range = Gguf::clipped(shape, &elements);
        let (size, width) = (self.block().elements as usize, self.block().bytes as usize);
        let mut bytes = parts[0];
        let mut out = &mut target[..(range.end - range.start) as usize];
        let mut skip = (range.start % size as u64) as usize;
        let mut scratch = [0.0; LARGEST];
        while !out.is_empty() {
            let whole = if skip == 0 { out.len() / size } else { 0 };
            let length = if whole > 0 {
                self.blocks(level, bytes, &mut out[..whole * size]);
                whole * size
            } else {
                let length = (size - skip).min(out.len());
                self.blocks(level, bytes, &mut scratch[..size]);
                out[..length].copy_from_slice(&scratch[skip..][..length]);
                length
            };
            bytes = &bytes[whole.max(1) * width..];
            out = &mut out[length..];
            skip = 0;
        }
    }
}
