//! Integers of a few bits in words.

use std::ops::Range;

use super::grid::{Grid, Place, Reach, behind};
use super::layout::Packed;
use super::number::NUMBERS;
use super::part::{Part, Role};
use super::rounding::round;
use super::run::{self, Runs};
use super::scale::Scales;
use super::stored::Stored;
use crate::dtype::DType;
use crate::level::{Level, at_level};

/// Bits of a word.
const WORD: u64 = 32;

impl Packed {
    fn bits(&self) -> u64 {
        u64::from(self.bits).clamp(1, WORD)
    }

    fn width(&self) -> u64 {
        self.group.unwrap_or(u64::MAX).max(1)
    }

    /// Words of codes that stand one after the other.
    fn words(&self, codes: u64) -> u64 {
        codes.saturating_mul(self.bits()).div_ceil(WORD)
    }

    fn groups(&self, grid: &Grid) -> u64 {
        grid.columns.div_ceil(self.width())
    }

    /// The code that stands for zero where there are no zero points.
    fn middle(&self) -> f32 {
        (1u64 << (self.bits() - 1)) as f32
    }

    /// The first bit of an element.
    fn bit(&self, grid: &Grid, place: Place) -> u64 {
        let row = grid.row(place) * self.words(grid.columns) * WORD;
        row + place.column * self.bits()
    }

    /// The scales of some elements, and perhaps others.
    fn scales(&self, grid: &Grid, reach: Reach) -> Range<u64> {
        let groups = self.groups(grid);
        let number = |place| grid.row(place) * groups + place.column / self.width();
        number(reach.first)..number(reach.last) + 1
    }

    /// The number of the first word of the zero points of a row, of which each group has one.
    fn zero_word(&self, grid: &Grid, place: Place) -> u64 {
        let lines = self.words(grid.rows);
        let line = place.matrix * lines + place.row * self.bits() / WORD;
        line * self.groups(grid)
    }

    /// The words of the zero points.
    fn zero_words(&self, grid: &Grid, reach: Reach) -> Range<u64> {
        let lines = self.words(grid.rows);
        let last = ((reach.last.row + 1) * self.bits() - 1) / WORD;
        let end = (reach.last.matrix * lines + last + 1) * self.groups(grid);
        self.zero_word(grid, reach.first)..end
    }

    /// The zero point of a row and a group. `words` begin with the word that it begins in.
    fn zero(&self, grid: &Grid, place: Place, words: &[u8], group: u64) -> f32 {
        let shift = place.row * self.bits() % WORD;
        let word = |line: u64| {
            let at = ((line * self.groups(grid) + group) * 4) as usize;
            let bytes = words.get(at..).and_then(|words| words.first_chunk::<4>());
            bytes.map_or(0, |bytes| u64::from(u32::from_le_bytes(*bytes)))
        };
        let both = word(0) | word(1) << WORD;
        (both >> shift & ((1 << self.bits()) - 1)) as f32
    }

    /// The integers of a row from a bit on.
    fn integers(&self, level: Level, bytes: &[u8], bit: u64, out: &mut [f32]) {
        let runs = Runs::one(&1.0);
        match self.bits() {
            4 => {
                let skip = (bit / 4) as usize;
                run::nibbles(level, &NUMBERS.u4, bytes, skip, &runs, out);
            }
            8 => {
                let bytes = &bytes[(bit / 8) as usize..];
                at_level!(
                    level,
                    octets(bytes: &[u8] = bytes, out: &mut [f32] = out)
                );
            }
            bits => stream(bytes, bit, bits, out),
        }
    }
}

#[inline(always)]
fn octets(bytes: &[u8], out: &mut [f32]) {
    let bytes = &bytes[..out.len()];
    for i in 0..out.len() {
        out[i] = f32::from(bytes[i]);
    }
}

/// Reads codes of any width.
fn stream(bytes: &[u8], start: u64, bits: u64, out: &mut [f32]) {
    let mask = (1u64 << bits) - 1;
    for (i, out) in out.iter_mut().enumerate() {
        let bit = start + i as u64 * bits;
        let rest = &bytes[(bit / 8) as usize..];
        let word = match rest.first_chunk::<8>() {
            Some(word) => u64::from_le_bytes(*word),
            None => {
                let mut word = [0; 8];
                word[..rest.len()].copy_from_slice(rest);
                u64::from_le_bytes(word)
            }
        };
        *out = (word >> (bit % 8) & mask) as f32;
    }
}

/// Takes zero from integers and multiplies them by their scale.
#[inline(always)]
fn scaled(zeros: &[f32], runs: &Runs<'_>, out: &mut [f32]) {
    let mut zeros = zeros.iter();
    run::for_runs!(runs, out.len(), |scale, from, to| {
        let zero = zeros.next().copied().unwrap_or_default();
        let out = &mut out[from..to];
        for i in 0..out.len() {
            out[i] = (out[i] - zero) * scale;
        }
    });
}

impl Stored for Packed {
    fn parts(&self, shape: &[u64]) -> Vec<Part> {
        let grid = Grid::new(shape);
        let part = |role, dtype, matrix: [u64; 2]| Part {
            role,
            dtype,
            shape: behind(shape, &matrix),
        };
        let groups = self.groups(&grid);
        let words = self.words(grid.columns);
        let mut parts = vec![
            part(Role::Values, DType::I32, [grid.rows, words]),
            part(Role::Scale, self.scale.dtype(), [grid.rows, groups]),
        ];
        if self.zeros {
            let zeros = [self.words(grid.rows), groups];
            parts.push(part(Role::ZeroPoint, DType::I32, zeros));
        }
        parts
    }

    fn spans(&self, shape: &[u64], elements: Range<u64>) -> Vec<Range<u64>> {
        let grid = Grid::new(shape);
        let Some(reach) = grid.reach(&elements) else {
            return vec![0..0; if self.zeros { 3 } else { 2 }];
        };
        let end = self.bit(&grid, reach.last) + self.bits();
        let width = self.scale.bytes() as u64;
        let scales = self.scales(&grid, reach);
        let mut spans = vec![
            self.bit(&grid, reach.first) / 8..end.div_ceil(8),
            scales.start * width..scales.end * width,
        ];
        if self.zeros {
            let words = self.zero_words(&grid, reach);
            spans.push(words.start * 4..words.end * 4);
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
        let grid = Grid::new(shape);
        let Some(reach) = grid.reach(&elements) else {
            return;
        };
        let base = self.bit(&grid, reach.first) / 8 * 8;
        let (first, width) = (self.scales(&grid, reach).start, self.width());
        let first_zero = self.zero_words(&grid, reach).start;
        let scales = Scales::floats(parts[1], self.scale);
        let (mut list, mut zeros) = (Vec::new(), Vec::new());
        for segment in grid.segments(&elements) {
            let place = segment.place;
            let groups = place.column / width..(place.column + segment.length).div_ceil(width);
            let row = grid.row(place) * self.groups(&grid);
            list.clear();
            zeros.clear();
            for group in groups {
                list.push(scales.at((row + group - first) as usize));
                zeros.push(if self.zeros {
                    let start = (self.zero_word(&grid, place) - first_zero) * 4;
                    self.zero(&grid, place, &parts[2][start as usize..], group)
                } else {
                    self.middle()
                });
            }
            let runs = Runs::new(width, place.column, &list);
            let out = &mut target[segment.at..][..segment.length as usize];
            self.integers(level, parts[0], self.bit(&grid, place) - base, out);
            at_level!(
                level,
                scaled(zeros: &[f32] = &zeros, runs: &Runs<'_> = &runs, out: &mut [f32] = out)
            );
        }
        round(level, self.scale, target);
    }
}
