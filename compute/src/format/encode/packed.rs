//! Integers of a few bits in words.

use std::ops::Range;

use super::lines::Lines;
use super::number;
use super::pack;
use super::scaling::{Scaling, Shift};
use super::{Encoding, Scales, Stretch};
use crate::format::Packed;
use crate::format::grid::{Grid, product};
use crate::level::Level;

/// Bits of a word.
const WORD: u64 = 32;

/// Where codes, scales and zero points lie.
#[derive(Clone, Copy, Debug)]
struct Place {
    grid: Grid,
    bits: u64,
    row_bytes: u64,
    group: u64,
    groups: u64,
    /// Bytes of a scale.
    width: u64,
    zeros: bool,
}

impl Place {
    fn of(packed: &Packed, shape: &[u64]) -> Place {
        let grid = Grid::new(shape);
        let bits = u64::from(packed.bits);
        let group = packed.group.unwrap_or(grid.columns).max(1);
        Place {
            grid,
            bits,
            row_bytes: (grid.columns * bits).div_ceil(WORD) * 4,
            group,
            groups: grid.columns.div_ceil(group),
            width: packed.scale.bytes() as u64,
            zeros: packed.zeros,
        }
    }

    /// Rows whose zero points fill whole words.
    fn rows(&self) -> u64 {
        match self.zeros {
            true => WORD >> self.bits.trailing_zeros(),
            false => 1,
        }
    }

    /// Lines of words of zero points before a row where a band begins, all matrices' counted.
    fn line(&self, row: u64) -> u64 {
        let rows = self.grid.rows.max(1);
        let lines = (self.grid.rows * self.bits).div_ceil(WORD);
        row / rows * lines + row % rows * self.bits / WORD
    }
}

/// How many elements are encoded together.
pub(super) fn band(packed: &Packed, shape: &[u64]) -> u64 {
    let place = Place::of(packed, shape);
    let rows = place.rows();
    let is_cut = place.grid.matrices > 1 && !place.grid.rows.is_multiple_of(rows);
    let rows = if is_cut { place.grid.rows } else { rows };
    product(&[rows, place.grid.columns]).max(1)
}

/// The bytes of values, scales and zero points of whole bands.
pub(super) fn spans(packed: &Packed, shape: &[u64], elements: Range<u64>) -> Vec<Range<u64>> {
    let place = Place::of(packed, shape);
    let columns = place.grid.columns.max(1);
    let rows = elements.start / columns..elements.end.div_ceil(columns);
    let span = |bytes: u64| rows.start * bytes..rows.end * bytes;
    let mut spans = vec![span(place.row_bytes), span(place.groups * place.width)];
    if place.zeros {
        let bytes = place.groups * 4;
        spans.push(place.line(rows.start) * bytes..place.line(rows.end) * bytes);
    }
    spans
}

/// Encodes whole bands into parts of the right size, which are zero.
pub(super) fn encode(
    encoding: &Encoding,
    packed: &Packed,
    level: Level,
    stretch: Stretch<'_>,
    parts: &mut [Vec<u8>],
) {
    if !encoding.can_write() {
        return;
    }
    let place = Place::of(packed, stretch.shape);
    let scaling = Scaling::packed(encoding, packed);
    let mut lines = Lines::new(level, scaling, encoding.rounding, None);
    let columns = place.grid.columns.max(1) as usize;
    let (groups, group) = (place.groups as usize, place.group as usize);
    let mut by = vec![0.0; groups];
    let mut shifts = vec![0.0; groups];
    let mut codes = vec![0; columns];
    let half = 1u8 << (packed.bits - 1);
    let first = stretch.start / columns as u64;
    for (row, values) in stretch.values.chunks_exact(columns).enumerate() {
        lines.take(stretch.start + (row * columns) as u64, values);
        let zeros = Zeros::of(&place, first, first + row as u64);
        let found = match encoding.scales {
            Scales::Fresh => fresh(&place, &scaling, &lines),
            Scales::Kept => kept(&place, &scaling, row, zeros, stretch.kept),
        };
        for (at, found) in found.iter().enumerate() {
            let number = row * groups + at;
            number::write(
                &mut parts[1],
                place.width as usize,
                number,
                found.scale.bits,
            );
            if place.zeros {
                zeros.write(&mut parts[2], at, (found.shift + f32::from(half)) as u32);
            }
            (by[at], shifts[at]) = (found.scale.by, found.shift);
        }
        lines.shifted(group, &by, &shifts, &mut codes);
        for code in &mut codes {
            *code = code.wrapping_add(half);
        }
        let from = row * place.row_bytes as usize;
        let out = &mut parts[0][from..from + place.row_bytes as usize];
        match packed.bits {
            4 => pack::low_first(level, &codes, out),
            bits => pack::dense(bits, &codes, out),
        }
    }
}

/// The scales and zero points of the groups of a row.
fn fresh(place: &Place, scaling: &Scaling, lines: &Lines) -> Vec<Shift> {
    let group = place.group as usize;
    if place.zeros {
        let extremes = lines.extremes(group);
        return extremes.map(|extremes| scaling.shifted(extremes)).collect();
    }
    let mut most = vec![0; place.groups as usize];
    lines.maxima(group, &mut most);
    let each = most.into_iter().map(|most| Shift {
        scale: scaling.fresh(f32::from_bits(most), 1.0),
        shift: 0.0,
    });
    each.collect()
}

/// Those that are there, of a row of the stretch.
fn kept(place: &Place, scaling: &Scaling, row: usize, zeros: Zeros, kept: &[&[u8]]) -> Vec<Shift> {
    let part = |part: usize| kept.get(part).copied().unwrap_or_default();
    let half = (1u32 << (place.bits - 1)) as f32;
    let groups = place.groups as usize;
    let each = (0..groups).map(|group| {
        let bits = number::read(part(1), place.width as usize, row * groups + group);
        Shift {
            scale: scaling.kept(bits, 1.0),
            shift: match place.zeros {
                true => zeros.read(part(2), group) as f32 - half,
                false => 0.0,
            },
        }
    });
    each.collect()
}

/// Where the zero points of a row lie.
#[derive(Clone, Copy, Debug)]
struct Zeros {
    /// The line of words, among those of the stretch.
    line: usize,
    /// The first bit.
    shift: u64,
    bits: u64,
    groups: usize,
}

impl Zeros {
    /// Those of a row of a stretch that begins with row `first`, all matrices' counted.
    fn of(place: &Place, first: u64, row: u64) -> Zeros {
        Zeros {
            line: (place.line(row) - place.line(first)) as usize,
            shift: row % place.grid.rows.max(1) * place.bits % WORD,
            bits: place.bits,
            groups: place.groups as usize,
        }
    }

    fn words(&self, bytes: &[u8], group: usize) -> u64 {
        let word = |line: usize| u64::from(number::read(bytes, 4, line * self.groups + group));
        word(self.line) | word(self.line + 1) << WORD
    }

    fn read(&self, bytes: &[u8], group: usize) -> u32 {
        (self.words(bytes, group) >> self.shift) as u32 & ((1 << self.bits) - 1)
    }

    fn write(&self, bytes: &mut [u8], group: usize, zero: u32) {
        let words = self.words(bytes, group) | u64::from(zero) << self.shift;
        number::write(bytes, 4, self.line * self.groups + group, words as u32);
        if self.shift + self.bits > WORD {
            let next = (self.line + 1) * self.groups + group;
            number::write(bytes, 4, next, (words >> WORD) as u32);
        }
    }
}
