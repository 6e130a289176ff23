//! Levels of a codebook times relative scales, on the grid of int8.

use std::ops::Range;

use super::grid::{Grid, Place, Reach, behind};
use super::layout::{E8M0, Levels};
use super::number::{NUMBERS, Pairs, pairs};
use super::part::{Part, Role};
use super::rotation::Rotation;
use super::run::{self, Runs, for_runs};
use super::scale::Scales;
use super::stored::Stored;
use crate::dtype::{DType, Float};
use crate::level::{Level, at_level};

/// What makes an f32 below 2^22 a whole number, ties to even, when it is added and taken away.
const WHOLE: f32 = 12_582_912.0;

impl Levels {
    fn width(&self) -> u64 {
        self.group.max(1)
    }

    /// Bytes of a row: nibbles, and behind them the upper bits of four codes in each byte.
    fn row_bytes(&self, grid: &Grid) -> u64 {
        let nibbles = grid.columns.div_ceil(2);
        if self.bits > 4 {
            nibbles + grid.columns.div_ceil(4)
        } else {
            nibbles
        }
    }

    fn groups(&self, grid: &Grid) -> u64 {
        grid.columns.div_ceil(self.width())
    }

    /// The rows of some elements.
    fn rows(grid: &Grid, reach: Reach) -> Range<u64> {
        grid.row(reach.first)..grid.row(reach.last) + 1
    }

    /// The type of the relative scales; U8 holds the same bytes as F8_E4M3.
    fn scale_as(&self) -> DType {
        if self.scale == DType::U8 {
            DType::F8E4M3
        } else {
            self.scale
        }
    }
}

/// The parts of some rows.
struct Rows<'a> {
    levels: &'a Levels,
    level: Level,
    grid: Grid,
    values: &'a [u8],
    scales: Scales<'a>,
    channels: Scales<'a>,
    /// The first of the rows.
    first: u64,
    pairs: Pairs,
}

impl Rows<'_> {
    /// Decodes elements of a row, before it was rotated.
    fn decode(&self, place: Place, list: &mut Vec<f32>, out: &mut [f32]) {
        let width = self.levels.width();
        let row = self.grid.row(place) - self.first;
        let end = (place.column + out.len() as u64).div_ceil(width);
        list.clear();
        for group in place.column / width..end {
            let number = row * self.levels.groups(&self.grid) + group;
            list.push(self.scales.at(number as usize));
        }
        let runs = Runs::new(width, place.column, list);
        let bytes = self.levels.row_bytes(&self.grid) as usize;
        let values = &self.values[row as usize * bytes..][..bytes];
        let skip = place.column as usize;
        if self.levels.bits > 4 {
            let (low, high) = values.split_at(self.grid.columns.div_ceil(2) as usize);
            sixes(low, high, skip, &runs, out);
        } else {
            run::nibbles(self.level, &self.pairs, values, skip, &runs, out);
        }
        let channel = self.channels.at(row as usize);
        at_level!(
            self.level,
            whole(channel: f32 = channel, out: &mut [f32] = out)
        );
    }
}

/// Codes of six bits in two planes, less 32 and times their scales.
fn sixes(low: &[u8], high: &[u8], skip: usize, runs: &Runs<'_>, out: &mut [f32]) {
    for_runs!(runs, out.len(), |scale, from, to| {
        for i in from..to {
            let column = skip + i;
            let low = low[column / 2] >> (column % 2 * 4) & 15;
            let high = high[column / 4] >> (column % 4 * 2) & 3;
            out[i] = (f32::from(high << 4 | low) - 32.0) * scale;
        }
    });
}

/// Rounds to the grid of int8 and multiplies by the row's scale.
#[inline(always)]
fn whole(channel: f32, out: &mut [f32]) {
    for i in 0..out.len() {
        let clamped = out[i].clamp(-127.0, 127.0);
        out[i] = (clamped + WHOLE - WHOLE) * channel;
    }
}

impl Stored for Levels {
    fn parts(&self, shape: &[u64]) -> Vec<Part> {
        let grid = Grid::new(shape);
        let part = |role, dtype, matrix: &[u64]| Part {
            role,
            dtype,
            shape: behind(shape, matrix),
        };
        let scales = [grid.rows, self.groups(&grid)];
        let values = [grid.rows, self.row_bytes(&grid)];
        let mut parts = vec![
            part(Role::Values, DType::I8, &values),
            part(Role::Scale, self.scale, &scales),
            part(Role::RowScale, DType::F32, &[grid.rows]),
        ];
        if self.codebook {
            let shape = vec![16];
            let (role, dtype) = (Role::Codebook, DType::F32);
            parts.push(Part { role, dtype, shape });
        }
        parts
    }

    fn spans(&self, shape: &[u64], elements: Range<u64>) -> Vec<Range<u64>> {
        let grid = Grid::new(shape);
        let Some(reach) = grid.reach(&elements) else {
            return vec![0..0; if self.codebook { 4 } else { 3 }];
        };
        let rows = Levels::rows(&grid, reach);
        let bytes = |row: u64| rows.start * row..rows.end * row;
        let scale = Scales::width(self.scale);
        let mut spans = vec![
            bytes(self.row_bytes(&grid)),
            bytes(self.groups(&grid) * scale),
            bytes(4),
        ];
        if self.codebook {
            spans.push(0..16 * 4);
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
        let codebook = parts.get(3).filter(|_| self.codebook);
        let codebook = codebook.map(|bytes| {
            let numbers = Scales::floats(bytes, Float::F32);
            pairs(&std::array::from_fn(|code| numbers.at(code)), false)
        });
        let rows = Rows {
            levels: self,
            level,
            grid,
            values: parts[0],
            scales: Scales::new(parts[1], self.scale_as(), E8M0::Ocp),
            channels: Scales::floats(parts[2], Float::F32),
            first: Levels::rows(&grid, reach).start,
            pairs: codebook.unwrap_or(NUMBERS.offset8),
        };
        let rotation = Rotation::new(self.rotated, &grid);
        let (mut list, mut scratch) = (Vec::new(), Vec::new());
        for segment in grid.segments(&elements) {
            let out = &mut target[segment.at..][..segment.length as usize];
            let place = segment.place;
            match &rotation {
                None => rows.decode(place, &mut list, out),
                Some(rotation) => {
                    rotation.decode(level, segment, out, &mut scratch, |column, out| {
                        rows.decode(Place { column, ..place }, &mut list, out);
                    })
                }
            }
        }
    }
}
