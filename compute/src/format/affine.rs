//! Nibbles with scales and zeros.

use std::ops::Range;

use super::grid::{Grid, Place, Reach, behind};
use super::layout::Affine;
use super::number::NUMBERS;
use super::part::{Part, Role};
use super::run::{self, Runs, for_runs};
use super::scale::Scales;
use super::stored::Stored;
use crate::dtype::DType;
use crate::level::{Level, at_level};

impl Affine {
    fn width(&self) -> u64 {
        self.group.max(1)
    }

    fn grid(shape: &[u64]) -> Grid {
        Grid::new(shape).padded(1, 2)
    }

    /// The number of a scale, which lie column by column.
    fn number(&self, grid: &Grid, place: Place) -> u64 {
        let groups = grid.columns.div_ceil(self.width());
        let column = place.matrix * groups + place.column / self.width();
        column * grid.rows + place.row
    }

    /// The scales from the least to the largest number.
    fn scales(&self, grid: &Grid, reach: Reach) -> Range<u64> {
        let Reach {
            mut first,
            mut last,
        } = reach;
        if (first.matrix, first.row) != (last.matrix, last.row) {
            (first.column, last.column) = (0, grid.columns - 1);
        }
        if first.matrix != last.matrix {
            (first.row, last.row) = (0, grid.rows - 1);
        }
        self.number(grid, first)..self.number(grid, last) + 1
    }
}

impl Stored for Affine {
    fn parts(&self, shape: &[u64]) -> Vec<Part> {
        let grid = Affine::grid(shape);
        let part = |role, dtype, matrix: [u64; 2]| Part {
            role,
            dtype,
            shape: behind(shape, &matrix),
        };
        let groups = [grid.columns.div_ceil(self.width()), grid.rows];
        vec![
            part(Role::Values, DType::I8, [grid.rows, grid.stride / 2]),
            part(Role::Scale, self.scale.dtype(), groups),
            part(Role::ZeroPoint, self.scale.dtype(), groups),
        ]
    }

    fn spans(&self, shape: &[u64], elements: Range<u64>) -> Vec<Range<u64>> {
        let grid = Affine::grid(shape);
        let Some(reach) = grid.reach(&elements) else {
            return vec![0..0; 3];
        };
        let scales = self.scales(&grid, reach);
        let width = self.scale.bytes() as u64;
        let scales = scales.start * width..scales.end * width;
        let values = grid.stored(reach.first) / 2..grid.stored(reach.last) / 2 + 1;
        vec![values, scales.clone(), scales]
    }

    fn decode(
        &self,
        level: Level,
        shape: &[u64],
        elements: Range<u64>,
        parts: &[&[u8]],
        target: &mut [f32],
    ) {
        let grid = Affine::grid(shape);
        let Some(reach) = grid.reach(&elements) else {
            return;
        };
        let base = grid.stored(reach.first) / 2 * 2;
        let start = self.scales(&grid, reach).start;
        let width = self.width();
        let mut lists = [Vec::new(), Vec::new()];
        for segment in grid.segments(&elements) {
            let place = segment.place;
            let end = (place.column + segment.length).div_ceil(width);
            for (list, part) in lists.iter_mut().zip(&parts[1..]) {
                let scales = Scales::floats(part, self.scale);
                list.clear();
                for group in place.column / width..end {
                    let column = group * width;
                    let number = self.number(&grid, Place { column, ..place }) - start;
                    list.push(scales.at(number as usize));
                }
            }
            let runs = |scales| Runs::new(width, place.column, scales);
            let [scales, zeros] = [runs(&lists[0]), runs(&lists[1])];
            let skip = (grid.stored(place) - base) as usize;
            let out = &mut target[segment.at..][..segment.length as usize];
            run::nibbles(level, &NUMBERS.offset8, parts[0], skip, &scales, out);
            at_level!(
                level,
                add(zeros: &Runs<'_> = &zeros, out: &mut [f32] = out)
            );
        }
    }
}

#[inline(always)]
fn add(zeros: &Runs<'_>, out: &mut [f32]) {
    for_runs!(zeros, out.len(), |zero, from, to| {
        let out = &mut out[from..to];
        for i in 0..out.len() {
            out[i] += zero;
        }
    });
}
