//! Rows that were multiplied by Hadamard matrices, group by group: ConvRot.

use super::grid::{Grid, Reach, Segment};
use crate::level::{Level, at_level};

/// The groups of a row that were rotated. Columns behind the last whole group were not.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rotation {
    group: u64,
    columns: u64,
}

impl Rotation {
    /// The rotation of a tensor's rows by groups; None where there is no such matrix.
    pub(super) fn new(group: Option<u64>, grid: &Grid) -> Option<Rotation> {
        let group = group?;
        // The matrix is a power of one of four by four.
        let is_sound = group > 1 && group.is_power_of_two() && group.trailing_zeros() % 2 == 0;
        (is_sound && group <= grid.columns).then_some(Rotation {
            group,
            columns: grid.columns,
        })
    }

    /// Rotates the groups of a whole row.
    pub(super) fn encode(&self, level: Level, row: &mut [f32]) {
        rotate(level, self.group as usize, row);
    }

    /// What must be decoded for these elements.
    pub(super) fn widened(&self, mut reach: Reach) -> Reach {
        reach.first.column -= reach.first.column % self.group;
        let end = reach.last.column / self.group * self.group + self.group;
        reach.last.column = end.min(self.columns) - 1;
        reach
    }

    /// Decodes elements of a row, of which `decode` gives the rotated ones from a column on.
    pub(super) fn decode(
        &self,
        level: Level,
        segment: Segment,
        out: &mut [f32],
        scratch: &mut Vec<f32>,
        mut decode: impl FnMut(u64, &mut [f32]),
    ) {
        let start = segment.place.column;
        let end = start + segment.length;
        let before = start % self.group;
        let after = end.next_multiple_of(self.group).min(self.columns) - end;
        if before == 0 && after == 0 {
            decode(start, out);
            rotate(level, self.group as usize, out);
            return;
        }
        scratch.clear();
        scratch.resize((before + segment.length + after) as usize, 0.0);
        decode(start - before, scratch);
        rotate(level, self.group as usize, scratch);
        out.copy_from_slice(&scratch[before as usize..][..out.len()]);
    }
}

/// Multiplies whole groups by the matrix, which is its own inverse.
fn rotate(level: Level, group: usize, row: &mut [f32]) {
    at_level!(
        level,
        rotate_inline(group: usize = group, row: &mut [f32] = row)
    );
}

#[inline(always)]
fn rotate_inline(group: usize, row: &mut [f32]) {
    // The root of a power of four is a power of two.
    let factor = 1.0 / (1u64 << (group.trailing_zeros() / 2)) as f32;
    let mut from = 0;
    while from + group <= row.len() {
        let values = &mut row[from..from + group];
        stage_of_one(values, factor);
        let mut stride = 4;
        while stride < group {
            stage(values, stride);
            stride *= 4;
        }
        from += group;
    }
}

/// Multiplies neighbours by the matrix of four by four, and by a factor.
#[inline(always)]
fn stage_of_one(values: &mut [f32], factor: f32) {
    let fours = values.as_chunks_mut::<4>().0;
    for i in 0..fours.len() {
        let [a, b, c, d] = fours[i];
        let (sum, rest) = (a + b, c - d);
        let (difference, other) = (a - b, c + d);
        fours[i] = [
            (sum + rest) * factor,
            (sum - rest) * factor,
            (difference + other) * factor,
            (other - difference) * factor,
        ];
    }
}

/// Multiplies elements that are `stride` apart by the matrix of four by four.
#[inline(always)]
fn stage(values: &mut [f32], stride: usize) {
    let mut from = 0;
    while from < values.len() {
        let (first, rest) = values[from..from + 4 * stride].split_at_mut(stride);
        let (second, rest) = rest.split_at_mut(stride);
        let (third, fourth) = rest.split_at_mut(stride);
        let fourth = &mut fourth[..stride];
        for i in 0..stride {
            let (sum, rest) = (first[i] + second[i], third[i] - fourth[i]);
            let (difference, other) = (first[i] - second[i], third[i] + fourth[i]);
            first[i] = sum + rest;
            second[i] = sum - rest;
            third[i] = difference + other;
            fourth[i] = other - difference;
        }
        from += 4 * stride;
    }
}
