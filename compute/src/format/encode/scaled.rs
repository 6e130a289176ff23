//! Codes times scales.

use super::lines::Lines;
use super::number;
use super::pack;
use super::place::Place;
use super::scaling::{Scale, Scaling};
use super::{Encoding, Scales, Stretch};
use crate::format::rotation::Rotation;
use crate::format::{Code, Scaled};
use crate::level::Level;

/// Elements of a flat tensor that are taken together.
const CHUNK: usize = 4096;

/// Whole bands that are encoded.
struct Bands<'a> {
    level: Level,
    scaling: Scaling,
    place: Place,
    code: Code,
    is_kept: bool,
    each: bool,
    stretch: Stretch<'a>,
    lines: Lines,
}

/// Rows of one matrix.
#[derive(Clone, Copy, Debug)]
struct Rows {
    /// The matrix.
    matrix: u64,
    /// The first row.
    first: u64,
    /// How many.
    count: u64,
    /// The first element in the stretch.
    at: usize,
}

/// Encodes whole bands into parts of the right size, which are zero.
pub(super) fn encode(
    encoding: &Encoding,
    scaled: &Scaled,
    level: Level,
    stretch: Stretch<'_>,
    parts: &mut [Vec<u8>],
) {
    let Some(scaling) = Scaling::of(encoding, scaled) else {
        return;
    };
    let place = Place::of(scaled, stretch.shape);
    let rotation = Rotation::new(scaled.rotated, &place.grid);
    let mut bands = Bands {
        level,
        scaling,
        place,
        code: scaled.code,
        is_kept: encoding.scales == Scales::Kept,
        each: encoding.each,
        stretch,
        lines: Lines::new(level, scaling, encoding.rounding, rotation),
    };
    if bands.is_kept {
        for (part, kept) in parts.iter_mut().zip(stretch.kept).skip(1) {
            let count = part.len().min(kept.len());
            part[..count].copy_from_slice(&kept[..count]);
        }
    }
    bands.encode(parts);
}

impl Bands<'_> {
    fn encode(&mut self, parts: &mut [Vec<u8>]) {
        if self.place.is_whole() && !self.is_kept {
            self.whole(parts);
        }
        if self.place.is_flat {
            return self.flat(parts);
        }
        let grid = self.place.grid;
        let columns = grid.columns.max(1);
        let first = self.stretch.start / columns;
        let end = first + self.stretch.values.len() as u64 / columns;
        let mut row = first;
        while row < end {
            let matrix = row / grid.rows.max(1);
            let within = row - matrix * grid.rows;
            let count = (end - row).min(grid.rows - within);
            let rows = Rows {
                matrix,
                first: within,
                count,
                at: ((row - first) * columns) as usize,
            };
            self.rows(rows, parts);
            row += count;
        }
    }

    /// The largest magnitude of a matrix, or of the tensor where that serves all.
    fn largest(&self, number: u64) -> f32 {
        let number = if self.each { number as usize } else { 0 };
        let most = self.stretch.largest.get(number);
        most.copied().unwrap_or_default()
    }

    fn kept(&self, part: usize) -> &[u8] {
        self.stretch.kept.get(part).copied().unwrap_or_default()
    }

    /// The scale of a matrix where there is none finer; of `first`, the first of the stretch.
    fn of_matrix(&self, matrix: u64) -> Scale {
        let number = self.place.of_matrix(matrix);
        let Some(bytes) = self.place.scale_bytes else {
            return self.scaling.fresh(0.0, 1.0);
        };
        if self.is_kept {
            let at = (number - self.place.of_matrix(self.first())) as usize;
            let bits = number::read(self.kept(1), bytes as usize, at);
            return self.scaling.kept(bits, 1.0);
        }
        let most = self.scaling.largest(self.largest(number));
        self.scaling.fresh(most, 1.0)
    }

    /// The first matrix of the stretch.
    fn first(&self) -> u64 {
        self.place.matrices(&self.stretch.elements()).start
    }

    /// Writes the scales of matrices.
    fn whole(&self, parts: &mut [Vec<u8>]) {
        let Some(bytes) = self.place.scale_bytes else {
            return;
        };
        for at in 0..parts[1].len() / bytes as usize {
            let scale = self.of_matrix(self.first() + at as u64);
            number::write(&mut parts[1], bytes as usize, at, scale.bits);
        }
    }

    /// The codes of a tensor that is one row under one scale.
    fn flat(&mut self, parts: &mut [Vec<u8>]) {
        let values = self.stretch.values;
        let scale = self.of_matrix(0);
        let mut codes = [0; CHUNK];
        for at in (0..values.len()).step_by(CHUNK) {
            let end = values.len().min(at + CHUNK);
            self.lines
                .take(self.stretch.start + at as u64, &values[at..end]);
            let codes = &mut codes[..end - at];
            self.lines.codes(CHUNK, &[scale.by], codes);
            let start = self.place.values_at(at as u64) as usize;
            self.pack(codes, &mut parts[0][start..]);
        }
    }

    /// The codes and scales of rows of a matrix.
    fn rows(&mut self, rows: Rows, parts: &mut [Vec<u8>]) {
        let place = self.place;
        let global = self.global(rows.matrix, parts);
        let columns = place.grid.columns as usize;
        let block = place.block as usize;
        let blocks = columns.div_ceil(block);
        let mut most = vec![0; blocks];
        let mut by = vec![0.0; blocks];
        let mut codes = vec![0; columns];
        for strip in (0..rows.count).step_by(place.strip as usize) {
            let all = strip..rows.count.min(strip + place.strip);
            let from = |row: u64| rows.at + row as usize * columns;
            if !place.is_whole() && !self.is_kept {
                most.fill(0);
                for row in all.clone() {
                    self.take(from(row), columns);
                    self.lines.maxima(block, &mut most);
                }
            }
            let row = rows.first + strip;
            self.scales(rows.matrix, row, global, &most, &mut by, parts);
            for row in all {
                self.take(from(row), columns);
                self.lines.codes(block, &by, &mut codes);
                self.put(from(row), &codes, &mut parts[0]);
            }
        }
    }

    fn take(&mut self, at: usize, columns: usize) {
        let start = self.stretch.start + at as u64;
        self.lines
            .take(start, &self.stretch.values[at..at + columns]);
    }

    /// The scale of a matrix beside finer ones, which is written where it is fresh.
    fn global(&self, matrix: u64, parts: &mut [Vec<u8>]) -> f32 {
        if !self.place.has_global {
            return 1.0;
        }
        let at = (matrix - self.first()) as usize;
        if self.is_kept {
            return f32::from_bits(number::read(self.kept(2), 4, at));
        }
        let global = self.scaling.global(self.largest(matrix));
        number::write(&mut parts[2], 4, at, global.to_bits());
        global
    }

    /// The scales of the blocks of a row, which are written where they are fresh.
    fn scales(
        &self,
        matrix: u64,
        row: u64,
        global: f32,
        most: &[u32],
        by: &mut [f32],
        parts: &mut [Vec<u8>],
    ) {
        let place = &self.place;
        let Some(bytes) = place.scale_bytes.filter(|_| !place.is_whole()) else {
            by.fill(self.of_matrix(matrix).by);
            return;
        };
        let base = place.scales_at(self.stretch.start);
        for (block, by) in by.iter_mut().enumerate() {
            let at = (place.scale(matrix, row, block as u64) - base) as usize;
            let scale = if self.is_kept {
                let bits = number::read(self.kept(1), bytes as usize, at);
                self.scaling.kept(bits, global)
            } else {
                self.scaling.fresh(f32::from_bits(most[block]), global)
            };
            if !self.is_kept {
                number::write(&mut parts[1], bytes as usize, at, scale.bits);
            }
            *by = scale.by;
        }
    }

    /// Writes the codes of the row that begins at an element of the stretch.
    fn put(&self, at: usize, codes: &[u8], values: &mut [u8]) {
        let start = self.stretch.start;
        if self.place.is_shared {
            return pack::shared(self.code == Code::E2M1High, at, codes, values);
        }
        let from = self.place.values_at(start + at as u64) - self.place.values_at(start);
        let from = from as usize;
        self.pack(
            codes,
            &mut values[from..from + self.place.row_bytes() as usize],
        );
    }

    /// Writes codes from the first byte on as they are stored.
    fn pack(&self, codes: &[u8], out: &mut [u8]) {
        match self.code {
            Code::E2M1High => pack::high_first(self.level, codes, out),
            Code::E2M1Low | Code::I4Low => pack::low_first(self.level, codes, out),
            Code::E2M3 | Code::E3M2 => pack::dense(6, codes, out),
            Code::E4M3 | Code::E5M2 | Code::I8 => out[..codes.len()].copy_from_slice(codes),
        }
    }
}
