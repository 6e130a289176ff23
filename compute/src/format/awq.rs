//! AutoAWQ's gemm form, which is transposed.

use std::ops::Range;

use super::grid::{Grid, Place, Reach, behind};
use super::layout::Awq;
use super::part::{Part, Role};
use super::scale::Scales;
use super::stored::Stored;
use crate::dtype::DType;
use crate::level::{Level, at_level};

/// Rows whose codes share a word.
const ROWS: u64 = 8;
/// The nibble of a word that each of its rows has.
const ORDER: [u32; 8] = [0, 4, 1, 5, 2, 6, 3, 7];

impl Awq {
    fn width(&self) -> u64 {
        self.group.max(1)
    }

    /// Words of a stored row, which is a column of the tensor.
    fn words(grid: &Grid) -> u64 {
        grid.rows.div_ceil(ROWS)
    }

    fn groups(&self, grid: &Grid) -> u64 {
        grid.columns.div_ceil(self.width())
    }

    /// The least and the largest place of some elements as they are stored.
    fn stored(grid: &Grid, reach: Reach) -> Reach {
        let Reach {
            mut first,
            mut last,
        } = reach;
        if first.matrix != last.matrix {
            (first.row, last.row) = (0, grid.rows - 1);
        }
        if (first.matrix, first.row) != (last.matrix, last.row) {
            (first.column, last.column) = (0, grid.columns - 1);
        }
        Reach { first, last }
    }
}

/// A row's codes: every `stride`th word, a nibble of each.
#[derive(Clone, Copy)]
struct Line<'a> {
    words: &'a [u8],
    /// The first word.
    first: usize,
    stride: usize,
    shift: u32,
}

impl Line<'_> {
    #[inline(always)]
    fn at(&self, index: usize) -> f32 {
        let at = (self.first + index * self.stride) * 4;
        // A nibble does not cross the bytes of a little-endian word.
        let byte = self.words[at + (self.shift / 8) as usize];
        f32::from(byte >> (self.shift % 8) & 15)
    }
}

#[inline(always)]
fn scaled(line: Line<'_>, from: usize, zero: f32, scale: f32, out: &mut [f32]) {
    for i in 0..out.len() {
        out[i] = (line.at(from + i) - zero) * scale;
    }
}

impl Stored for Awq {
    fn parts(&self, shape: &[u64]) -> Vec<Part> {
        let grid = Grid::new(shape);
        let part = |role, dtype, matrix: [u64; 2]| Part {
            role,
            dtype,
            shape: behind(shape, &matrix),
        };
        let (words, groups) = (Awq::words(&grid), self.groups(&grid));
        vec![
            part(Role::Values, DType::I32, [grid.columns, words]),
            part(Role::Scale, self.scale.dtype(), [groups, grid.rows]),
            part(Role::ZeroPoint, DType::I32, [groups, words]),
        ]
    }

    fn spans(&self, shape: &[u64], elements: Range<u64>) -> Vec<Range<u64>> {
        let grid = Grid::new(shape);
        let Some(reach) = grid.reach(&elements) else {
            return vec![0..0; 3];
        };
        let Reach { first, last } = Awq::stored(&grid, reach);
        let (words, groups) = (Awq::words(&grid), self.groups(&grid));
        let scale = self.scale.bytes() as u64;
        let word =
            |place: Place| (place.matrix * grid.columns + place.column) * words + place.row / ROWS;
        let group = |place: Place| place.matrix * groups + place.column / self.width();
        let zero = |place: Place| group(place) * words + place.row / ROWS;
        let number = |place: Place| group(place) * grid.rows + place.row;
        vec![
            word(first) * 4..(word(last) + 1) * 4,
            number(first) * scale..(number(last) + 1) * scale,
            zero(first) * 4..(zero(last) + 1) * 4,
        ]
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
        let spans = self.spans(shape, elements.clone());
        let width = self.width();
        let (words, groups) = (Awq::words(&grid), self.groups(&grid));
        let scales = Scales::floats(parts[1], self.scale);
        let starts = [
            spans[0].start / 4,
            spans[1].start / self.scale.bytes() as u64,
            spans[2].start / 4,
        ];
        for segment in grid.segments(&elements) {
            let Place {
                matrix,
                row,
                mut column,
            } = segment.place;
            let shift = 4 * ORDER[(row % ROWS) as usize];
            let line = |words_of: usize, first: u64| Line {
                words: parts[words_of],
                first: first as usize,
                stride: words as usize,
                shift,
            };
            let first = (matrix * grid.columns + column) * words + row / ROWS - starts[0];
            let codes = line(0, first);
            let mut out = &mut target[segment.at..][..segment.length as usize];
            let mut from = 0;
            while !out.is_empty() {
                let group = matrix * groups + column / width;
                let length = (width - column % width).min(out.len() as u64) as usize;
                let zero = line(2, group * words + row / ROWS - starts[2]).at(0);
                let scale = scales.at((group * grid.rows + row - starts[1]) as usize);
                let (here, rest) = out.split_at_mut(length);
                at_level!(
                    level,
                    scaled(
                        line: Line<'_> = codes,
                        from: usize = from,
                        zero: f32 = zero,
                        scale: f32 = scale,
                        out: &mut [f32] = here,
                    )
                );
                out = rest;
                from += length;
                column += length as u64;
            }
        }
    }
}
