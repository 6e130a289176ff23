//! bitsandbytes' int8.

use std::ops::Range;

use super::grid::{Grid, behind};
use super::part::{Part, Role};
use super::run::{self, Runs};
use super::scale::Scales;
use super::stored::Stored;
use crate::dtype::{DType, Float};
use crate::level::{Level, at_level};

/// Signed bytes, of which the largest of a row stands for its scale.
pub(super) struct Bnb8;

/// The library's 1 / 127.
const STEP: f32 = 0.007_874_016;

impl Stored for Bnb8 {
    fn parts(&self, shape: &[u64]) -> Vec<Part> {
        let grid = Grid::new(shape);
        let part = |role, dtype, shape| Part { role, dtype, shape };
        vec![
            part(Role::Values, DType::I8, shape.to_vec()),
            part(Role::Scale, DType::F32, behind(shape, &[grid.rows])),
        ]
    }

    fn spans(&self, shape: &[u64], elements: Range<u64>) -> Vec<Range<u64>> {
        let grid = Grid::new(shape);
        let Some(reach) = grid.reach(&elements) else {
            return vec![0..0; 2];
        };
        let rows = grid.row(reach.first)..grid.row(reach.last) + 1;
        vec![
            grid.stored(reach.first)..grid.stored(reach.last) + 1,
            rows.start * 4..rows.end * 4,
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
        let scales = Scales::floats(parts[1], Float::F32);
        for (row, segment) in grid.segments(&elements).enumerate() {
            let out = &mut target[segment.at..][..segment.length as usize];
            let scale = scales.at(row);
            let runs = Runs::one(&scale);
            run::integers(level, &parts[0][segment.at..], &runs, out);
            at_level!(level, step(out: &mut [f32] = out));
        }
    }
}

#[inline(always)]
fn step(out: &mut [f32]) {
    for i in 0..out.len() {
        out[i] *= STEP;
    }
}
