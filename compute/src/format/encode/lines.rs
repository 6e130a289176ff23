//! The codes of rows.

use std::ops::Range;

use super::Rounding;
use super::draw;
use super::loops::{self, Extremes};
use super::scaling::Scaling;
use crate::format::rotation::Rotation;
use crate::level::Level;

/// Elements that pass the loops together: what is held of them stays in the cache.
const SEGMENT: usize = 1024;

/// Turns rows into codes, and holds what the way needs.
pub(super) struct Lines {
    level: Level,
    scaling: Scaling,
    rounding: Rounding,
    rotation: Option<Rotation>,
    /// The numbers as the library is given them.
    row: Vec<f32>,
    /// The first element of `row`.
    held: Option<u64>,
    values: [f32; SEGMENT],
    by: [f32; SEGMENT],
    words: [u32; SEGMENT + 8],
}

impl Lines {
    pub(super) fn new(
        level: Level,
        scaling: Scaling,
        rounding: Rounding,
        rotation: Option<Rotation>,
    ) -> Lines {
        Lines {
            level,
            scaling,
            rounding,
            rotation,
            row: Vec::new(),
            held: None,
            values: [0.0; SEGMENT],
            by: [0.0; SEGMENT],
            words: [0; SEGMENT + 8],
        }
    }

    /// Takes the row that begins with element `start`.
    pub(super) fn take(&mut self, start: u64, values: &[f32]) {
        if self.held.replace(start) == Some(start) {
            return;
        }
        self.row.clear();
        self.row.extend_from_slice(values);
        if self.rounding == Rounding::Nearest {
            loops::round(self.level, self.scaling.given(), &mut self.row);
        }
        if let Some(rotation) = self.rotation {
            rotation.encode(self.level, &mut self.row);
        }
    }

    /// The largest magnitudes of its blocks, as f32 bits, where they are above what is there.
    pub(super) fn maxima(&self, block: usize, most: &mut [u32]) {
        loops::maxima(self.level, block, &self.row, most);
    }

    /// The least and the largest numbers of its blocks.
    pub(super) fn extremes(&self, block: usize) -> impl Iterator<Item = Extremes> {
        let level = self.level;
        let blocks = self.row.chunks(block);
        blocks.map(move |values| Extremes::of(level, values))
    }

    /// Its codes, one to a byte, under the scales of its blocks: what [`Scaling`] gives as
    /// `by`.
    pub(super) fn codes(&mut self, block: usize, scales: &[f32], codes: &mut [u8]) {
        self.shifted(block, scales, &[], codes);
    }

    /// The same with whole numbers added, one for each block; none where there are none.
    pub(super) fn shifted(
        &mut self,
        block: usize,
        scales: &[f32],
        shifts: &[f32],
        codes: &mut [u8],
    ) {
        let first = self.held.unwrap_or_default();
        let count = self.row.len();
        for at in (0..count).step_by(SEGMENT) {
            let range = at..count.min(at + SEGMENT);
            self.scale(range.clone(), block, scales);
            self.shift(range.clone(), block, shifts);
            self.round(first, at, &mut codes[range]);
        }
        // Where a scale is zero there is no quotient.
        for (place, _) in scales.iter().enumerate().filter(|(_, by)| **by == 0.0) {
            let from = count.min(place * block);
            codes[from..count.min(from.saturating_add(block))].fill(0);
        }
    }

    /// Elements of a range and their scales meet.
    fn scale(&mut self, range: Range<usize>, block: usize, scales: &[f32]) {
        let (level, scaling, count) = (self.level, self.scaling, range.len());
        self.spread(range.clone(), block, scales);
        let values = &mut self.values[..count];
        values.copy_from_slice(&self.row[range]);
        loops::scale(level, scaling.operation(), &self.by[..count], values);
        loops::round(level, scaling.arithmetic, values);
    }

    /// What is to be added is.
    fn shift(&mut self, range: Range<usize>, block: usize, shifts: &[f32]) {
        let count = range.len();
        match shifts.is_empty() {
            true if !self.scaling.adds_zero() => return,
            true => self.by[..count].fill(0.0),
            false => self.spread(range, block, shifts),
        }
        let values = &mut self.values[..count];
        loops::add(self.level, &self.by[..count], values);
        loops::round(self.level, self.scaling.arithmetic, values);
    }

    /// Writes what its block has for each element of a range.
    fn spread(&mut self, range: Range<usize>, block: usize, scales: &[f32]) {
        let mut at = range.start;
        while at < range.end {
            let place = at / block;
            let end = range.end.min((place + 1).saturating_mul(block));
            let by = scales.get(place).copied().unwrap_or_default();
            self.by[at - range.start..end - range.start].fill(by);
            at = end;
        }
    }

    /// The codes of elements from `at` on; `first` is the row's first in the tensor.
    fn round(&mut self, first: u64, at: usize, codes: &mut [u8]) {
        let (level, grid, count) = (self.level, self.scaling.grid, codes.len());
        let values = &self.values[..count];
        match self.rounding {
            Rounding::Nearest if self.scaling.is_toward_zero() => {
                loops::toward_zero(level, values, codes);
            }
            Rounding::Nearest => loops::nearest(level, grid, values, codes),
            Rounding::Stochastic { key } => {
                let start = first + at as u64;
                let skip = (start % 4) as usize;
                let needed = (skip + count).next_multiple_of(4);
                draw::words(level, key, start - skip as u64, &mut self.words[..needed]);
                let words = &self.words[skip..skip + count];
                loops::drawn(level, grid, words, values, codes);
            }
        }
    }
}
