//! Codes of a table of 16: bitsandbytes' NF4 and FP4.

use std::ops::Range;

use super::grid::product;
use super::layout::{Table, TableScale};
use super::number::{canonical, pairs};
use super::part::{Part, Role};
use super::rounding::round;
use super::run::{self, Runs};
use super::scale::Scales;
use super::stored::Stored;
use crate::dtype::{DType, Float};
use crate::level::Level;

impl Table {
    /// What of a range is elements.
    fn clipped(shape: &[u64], elements: Range<u64>) -> Range<u64> {
        let all = product(shape);
        let end = elements.end.min(all);
        elements.start.min(end)..end
    }

    /// The blocks of some elements.
    fn blocks(&self, elements: &Range<u64>) -> Range<u64> {
        let block = self.block.max(1);
        elements.start / block..elements.end.div_ceil(block)
    }

    /// The scales of some blocks.
    fn scales(&self, blocks: Range<u64>, parts: &[&[u8]]) -> Vec<f32> {
        let count = (blocks.end - blocks.start) as usize;
        let TableScale::Nested { block, offset } = self.scale else {
            let scales = Scales::floats(parts[1], Float::F32);
            return (0..count).map(|index| scales.at(index)).collect();
        };
        let block = block.max(1);
        let nested = Scales::floats(parts[3], Float::F32);
        let numbers = Scales::floats(parts[4], Float::F32);
        let offset = f32::from_bits(offset);
        let scale = |index: usize| {
            let group = (blocks.start + index as u64) / block - blocks.start / block;
            let number = numbers.at(usize::from(parts[1][index]));
            canonical(number * nested.at(group as usize) + offset)
        };
        (0..count).map(scale).collect()
    }
}

impl Stored for Table {
    fn parts(&self, shape: &[u64]) -> Vec<Part> {
        let all = product(shape);
        let part = |role, dtype, shape| Part { role, dtype, shape };
        let blocks = all.div_ceil(self.block.max(1));
        let mut parts = vec![part(Role::Values, DType::U8, vec![all.div_ceil(2), 1])];
        let codebook = part(Role::Codebook, DType::F32, vec![16]);
        match self.scale {
            TableScale::Plain => {
                parts.push(part(Role::Scale, DType::F32, vec![blocks]));
                parts.push(codebook);
            }
            TableScale::Nested { block, .. } => {
                let nested = blocks.div_ceil(block.max(1));
                parts.push(part(Role::Scale, DType::U8, vec![blocks]));
                parts.push(codebook);
                parts.push(part(Role::NestedScale, DType::F32, vec![nested]));
                parts.push(part(Role::NestedCodebook, DType::F32, vec![256]));
            }
        }
        parts
    }

    fn spans(&self, shape: &[u64], elements: Range<u64>) -> Vec<Range<u64>> {
        let range = Table::clipped(shape, elements);
        let is_nested = matches!(self.scale, TableScale::Nested { .. });
        if range.is_empty() {
            return vec![0..0; if is_nested { 5 } else { 3 }];
        }
        let blocks = self.blocks(&range);
        let width = if is_nested { 1 } else { 4 };
        let mut spans = vec![
            range.start / 2..range.end.div_ceil(2),
            blocks.start * width..blocks.end * width,
            0..16 * 4,
        ];
        if let TableScale::Nested { block, .. } = self.scale {
            let block = block.max(1);
            spans.push(blocks.start / block * 4..blocks.end.div_ceil(block) * 4);
            spans.push(0..256 * 4);
        }
        spans
    }

    fn decode(
        &self,
        level: Level,
        shape: &[u64],
        elements: Range<u64>,
        parts: &[&[u8]],
        target: &mut [f32],
    ) {
        let range = Table::clipped(shape, elements);
        if range.is_empty() {
            return;
        }
        let codebook = Scales::floats(parts[2], Float::F32);
        let numbers = std::array::from_fn(|code| codebook.at(code));
        let block = self.block.max(1);
        let scales = self.scales(self.blocks(&range), parts);
        let runs = Runs::new(block, range.start, &scales);
        let out = &mut target[..(range.end - range.start) as usize];
        let skip = (range.start % 2) as usize;
        run::nibbles(level, &pairs(&numbers, true), parts[0], skip, &runs, out);
        round(level, self.rounded, out);
    }
}
