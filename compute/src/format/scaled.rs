//! Codes times scales.

use std::ops::Range;

use super::grid::{Grid, Place, Reach, behind, leading, product};
use super::layout::{Block, Code, E8M0, Global, Over, Scaled};
use super::number::NUMBERS;
use super::part::{Part, Role};
use super::rotation::Rotation;
use super::rounding::round;
use super::run::{self, Runs};
use super::scale::Scales;
use super::stored::Stored;
use super::tiles::Tiles;
use crate::dtype::DType;
use crate::level::{Level, at_level};

impl Scaled {
    /// The dimensions of the matrices that the tensor is taken for.
    fn seen(&self, shape: &[u64]) -> Vec<u64> {
        match shape {
            [first, rest @ ..] if self.over == Over::First && rest.len() > 1 => {
                vec![*first, product(rest)]
            }
            _ => shape.to_vec(),
        }
    }

    /// Where the elements stand.
    pub(super) fn grid(&self, shape: &[u64]) -> Grid {
        let unit = self.code.unit().elements;
        // Types of less than a byte may share one between rows.
        let unit = if self.stored.bits() < 8 { 1 } else { unit };
        let pad = self.pad.max(1);
        let grid = Grid::new(&self.seen(shape)).padded(pad, unit);
        let is_one_scale = self.scale.is_none() || self.over == Over::Tensor;
        let is_plain = pad == 1 && self.rotated.is_none() && self.global.is_none();
        if is_one_scale && is_plain && grid.stride == grid.columns {
            Grid::flat(shape)
        } else {
            grid
        }
    }

    /// The columns that a scale of a row covers.
    fn width(&self) -> u64 {
        match (self.scale, self.over) {
            (Some(_), Over::Block(block)) => block.columns.max(1),
            _ => u64::MAX,
        }
    }

    pub(super) fn tiles(&self, grid: &Grid, block: Block) -> Tiles {
        Tiles::new(grid, block, self.pad, self.swizzled)
    }

    /// The scales that these elements have, by their numbers.
    fn scales(&self, grid: &Grid, reach: Reach) -> Range<u64> {
        let Reach { first, last } = reach;
        match self.over {
            _ if self.scale.is_none() => 0..0,
            Over::Tensor => 0..1,
            Over::Matrix => first.matrix..last.matrix + 1,
            Over::Row | Over::First => grid.row(first)..grid.row(last) + 1,
            Over::Block(block) => self.tiles(grid, block).range(reach),
        }
    }

    /// What must be decoded for these elements.
    fn reach(&self, grid: &Grid, elements: &Range<u64>) -> Option<Reach> {
        let reach = grid.reach(elements)?;
        let rotation = Rotation::new(self.rotated, grid);
        Some(rotation.map_or(reach, |rotation| rotation.widened(reach)))
    }

    /// The bytes of the codes.
    fn values(&self, grid: &Grid, reach: Reach) -> Range<u64> {
        let unit = self.code.unit();
        let start = grid.stored(reach.first) / unit.elements;
        let end = grid.stored(reach.last).saturating_add(1);
        // The last of a tensor may not fill a unit.
        let bits = unit.bytes * 8 / unit.elements;
        let end = end.saturating_mul(bits).div_ceil(8);
        start.saturating_mul(unit.bytes)..end
    }

    fn values_part(&self, shape: &[u64]) -> Part {
        let unit = self.code.unit();
        let grid = self.grid(shape);
        let is_seen = grid.stride == grid.columns && self.pad <= 1;
        let stored = |elements: u64| match self.stored.bits() {
            bits if bits < 8 => elements,
            _ => elements.div_ceil(unit.elements).saturating_mul(unit.bytes),
        };
        let is_whole = |columns: u64| {
            let fits = columns.is_multiple_of(unit.elements) || self.stored.bits() < 8;
            is_seen && fits
        };
        let shape = match shape {
            [before @ .., columns] if is_whole(*columns) => [before, &[stored(*columns)]].concat(),
            [] if is_seen => Vec::new(),
            _ => behind(&self.seen(shape), &[grid.stored_rows, stored(grid.stride)]),
        };
        Part {
            role: Role::Values,
            dtype: self.stored,
            shape,
        }
    }
}

/// The scales of a range of elements.
struct Rows<'a> {
    scaled: &'a Scaled,
    grid: Grid,
    scales: Option<Scales<'a>>,
    /// The number of the first of the scales.
    first: u64,
    global: Option<Scales<'a>>,
    /// The matrix of the first of the global scales.
    matrix: u64,
}

impl Rows<'_> {
    /// Puts the scales of a row's elements into a list.
    fn fill(&self, place: Place, length: u64, list: &mut Vec<f32>) {
        list.clear();
        let at = |number: u64| {
            let scales = self.scales.as_ref();
            scales.map_or(1.0, |scales| scales.at((number - self.first) as usize))
        };
        match self.scaled.over {
            _ if self.scales.is_none() => list.push(1.0),
            Over::Tensor => list.push(at(0)),
            Over::Matrix => list.push(at(place.matrix)),
            Over::Row | Over::First => list.push(at(self.grid.row(place))),
            Over::Block(block) => {
                let tiles = self.scaled.tiles(&self.grid, block);
                let row = tiles.row(place.matrix, place.row);
                let end = (place.column + length).div_ceil(tiles.width);
                for block in place.column / tiles.width..end {
                    list.push(at(row + tiles.column(block)));
                }
            }
        }
        let Some(global) = self.global else {
            return;
        };
        let global = global.at((place.matrix - self.matrix) as usize);
        for scale in list {
            *scale = match self.scaled.global {
                Some(Global::Over) => *scale / global,
                _ => global * *scale,
            };
        }
    }
}

#[inline(always)]
fn double(target: &mut [f32]) {
    for i in 0..target.len() {
        target[i] *= 2.0;
    }
}

impl Stored for Scaled {
    fn parts(&self, shape: &[u64]) -> Vec<Part> {
        let grid = Grid::new(shape);
        let mut parts = vec![self.values_part(shape)];
        if let Some(dtype) = self.scale {
            let shape = match self.over {
                Over::Tensor => Vec::new(),
                Over::Matrix => leading(shape).to_vec(),
                Over::Row => behind(shape, &[grid.rows, 1]),
                Over::First => match shape {
                    [first, rest @ ..] if !rest.is_empty() => {
                        [&[*first], &vec![1; rest.len()][..]].concat()
                    }
                    _ => vec![1],
                },
                Over::Block(block) => {
                    let tiles = self.tiles(&grid, block);
                    behind(shape, &[tiles.down, tiles.across])
                }
            };
            let role = Role::Scale;
            parts.push(Part { role, dtype, shape });
        }
        if self.global.is_some() {
            parts.push(Part {
                role: Role::GlobalScale,
                dtype: DType::F32,
                shape: leading(shape).to_vec(),
            });
        }
        parts
    }

    fn spans(&self, shape: &[u64], elements: Range<u64>) -> Vec<Range<u64>> {
        let grid = self.grid(shape);
        let reach = self.reach(&grid, &elements);
        let bytes = |numbers: Range<u64>, width: u64| numbers.start * width..numbers.end * width;
        let mut spans = vec![reach.map_or(0..0, |reach| self.values(&grid, reach))];
        if let Some(dtype) = self.scale {
            let numbers = reach.map_or(0..0, |reach| self.scales(&grid, reach));
            spans.push(bytes(numbers, Scales::width(dtype)));
        }
        if self.global.is_some() {
            let numbers = reach.map_or(0..0, |r| r.first.matrix..r.last.matrix + 1);
            spans.push(bytes(numbers, Scales::width(DType::F32)));
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
        let grid = self.grid(shape);
        let Some(reach) = self.reach(&grid, &elements) else {
            return;
        };
        let scales = self.scale.map(|dtype| (parts[1], dtype));
        let global = self
            .global
            .map(|_| parts[1 + usize::from(scales.is_some())]);
        let rows = Rows {
            scaled: self,
            grid,
            scales: scales.map(|(bytes, dtype)| Scales::new(bytes, dtype, self.e8m0)),
            first: self.scales(&grid, reach).start,
            global: global.map(|bytes| Scales::new(bytes, DType::F32, E8M0::Ocp)),
            matrix: reach.first.matrix,
        };
        let unit = self.code.unit().elements;
        let base = grid.stored(reach.first) / unit * unit;
        let width = self.width();
        // ModelOpt's table of E2M1 has but one zero.
        let is_unsigned_zero =
            self.code == Code::E2M1Low && self.global == Some(Global::Times) && !self.swizzled;
        let mut list = Vec::new();
        let mut row = |place: Place, out: &mut [f32]| {
            rows.fill(place, out.len() as u64, &mut list);
            let runs = Runs::new(width, place.column, &list);
            let skip = (grid.stored(place) - base) as usize;
            if is_unsigned_zero {
                run::nibbles(level, &NUMBERS.e2m1_positive, parts[0], skip, &runs, out);
            } else {
                run::decode(level, self.code, parts[0], skip, &runs, out);
            }
        };
        let rotation = Rotation::new(self.rotated, &grid);
        let mut scratch = Vec::new();
        for segment in grid.segments(&elements) {
            let out = &mut target[segment.at..][..segment.length as usize];
            let place = segment.place;
            match &rotation {
                None => row(place, out),
                Some(rotation) => {
                    rotation.decode(level, segment, out, &mut scratch, |column, out| {
                        row(Place { column, ..place }, out);
                    })
                }
            }
        }
        if self.e8m0 == E8M0::Power {
            at_level!(level, double(target: &mut [f32] = target));
        }
        round(level, self.rounded, target);
    }
}
