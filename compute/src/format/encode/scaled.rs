//! Codes times scales.

use super::lines::Lines;
use super::number;
use super::pack;
use super::place::Place;
use super::scaling::{Scale, Scaling};
use super::{Encoding, Scales, Stretch, bits};
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
    let mut bands = Bands {
        level,
        scaling,
        place: Place::of(encoding, scaled, stretch.shape),
        code: scaled.code,
        is_kept: encoding.scales == Scales::Kept,
        stretch,
        lines: Lines::new(level, scaling, encoding.rounding, scaled.rotated),
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
        if self.place.is_whole {
            self.whole(parts);
        }
        if self.place.is_flat {
            return self.flat(parts);
        }
        let extent = self.place.extent;
        let columns = extent.columns.max(1);
        let first = self.stretch.start / columns;
        let end = first + self.stretch.values.len() as u64 / columns;
        let mut row = first;
        while row < end {
            let matrix = row / extent.rows.max(1);
            let within = row - matrix * extent.rows;
            let count = (end - row).min(extent.rows - within);
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

    /// The scale of a matrix where there is none beside it.
    fn of_matrix(&self, matrix: u64) -> Scale {
        let (index, from) = self.index(matrix);
        if self.is_kept {
            let kept = self.stretch.kept.get(1).copied().unwrap_or_default();
            let width = self.place.scale_bytes.unwrap_or(4) as usize;
            return self.scaling.kept(number::read(kept, width, from), 1.0);
        }
        let most = self.stretch.largest.get(index).copied().unwrap_or_default();
        self.scaling.fresh(self.scaling.largest(most), 1.0)
    }

    /// The place of a matrix among those that have a scale of their own, and among those of the
    /// stretch.
    fn index(&self, matrix: u64) -> (usize, usize) {
        let own = self.place.matrices(&self.stretch.elements());
        let index = matrix.min(own.end.saturating_sub(1)).max(own.start);
        (index as usize, (index - own.start) as usize)
    }

    /// Writes the scales of matrices.
    fn whole(&self, parts: &mut [Vec<u8>]) {
        let (Some(bytes), false) = (self.place.scale_bytes, self.is_kept) else {
            return;
        };
        for matrix in self.place.matrices(&self.stretch.elements()) {
            let (_, at) = self.index(matrix);
            number::write(
                &mut parts[1],
                bytes as usize,
                at,
                self.of_matrix(matrix).bits,
            );
        }
    }

    /// The codes of elements that are bytes under a scale of their matrix.
    fn flat(&mut self, parts: &mut [Vec<u8>]) {
        let values = self.stretch.values;
        let area = self.place.extent.area().max(1);
        let mut at = 0;
        while at < values.len() {
            let start = self.stretch.start + at as u64;
            let left = (area - start % area).min(CHUNK as u64) as usize;
            let end = values.len().min(at + left);
            let scale = self.of_matrix(start / area);
            self.lines.take(start, &values[at..end]);
            self.lines.codes(CHUNK, &[scale.by], &mut parts[0][at..end]);
            at = end;
        }
    }

    /// The codes and scales of rows of a matrix.
    fn rows(&mut self, rows: Rows, parts: &mut [Vec<u8>]) {
        let place = self.place;
        let global = self.global(rows.matrix, parts);
        let columns = place.extent.columns as usize;
        let blocks = columns.div_ceil(place.block as usize);
        let mut most = vec![0; blocks];
        let mut by = vec![0.0; blocks];
        let mut codes = vec![0; columns];
        let origin = self.stretch.start;
        let row_bytes = place.row_bytes as usize;
        for strip in (0..rows.count).step_by(place.strip as usize) {
            let end = rows.count.min(strip + place.strip);
            let all = strip..end;
            let from = |row: u64| rows.at + row as usize * columns;
            if !place.is_whole && !self.is_kept {
                most.fill(0);
                for row in all.clone() {
                    self.take(from(row), columns);
                    self.lines.maxima(place.block as usize, &mut most);
                }
            }
            let first = origin + from(strip) as u64;
            self.scales(rows, strip, global, &most, &mut by, parts);
            let base = place.values_at(first) - place.values_at(origin);
            for row in all {
                self.take(from(row), columns);
                self.lines.codes(place.block as usize, &by, &mut codes);
                let at = base as usize + (row - strip) as usize * row_bytes;
                self.pack(&codes, &mut parts[0][at..at + row_bytes]);
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
        let (index, at) = self.index(matrix);
        if self.is_kept {
            let kept = self.stretch.kept.get(2).copied().unwrap_or_default();
            return f32::from_bits(number::read(kept, 4, at));
        }
        let most = self.stretch.largest.get(index).copied().unwrap_or_default();
        let global = self.scaling.global(most);
        number::write(&mut parts[2], 4, at, global.to_bits());
        global
    }

    /// The scales of the blocks of some rows, which are written where they are fresh.
    fn scales(
        &self,
        rows: Rows,
        strip: u64,
        global: f32,
        most: &[u32],
        by: &mut [f32],
        parts: &mut [Vec<u8>],
    ) {
        let place = &self.place;
        if place.is_whole {
            by.fill(self.of_matrix(rows.matrix).by);
            return;
        }
        let Some(bytes) = place.scale_bytes else {
            by.fill(1.0);
            return;
        };
        let begin = self.stretch.start + rows.at as u64;
        let matrix = place.scales_at(begin) - place.before(rows.first);
        let base = place.scales_at(self.stretch.start);
        let kept = self.stretch.kept.get(1).copied().unwrap_or_default();
        let number = (rows.first + strip) / place.strip;
        for (block, by) in by.iter_mut().enumerate() {
            let at = (matrix + place.scale(number, block as u64) - base) as usize;
            let scale = if self.is_kept {
                let bits = number::read(kept, bytes as usize, at);
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

    /// Writes the codes of a row as they are stored.
    fn pack(&self, codes: &[u8], out: &mut [u8]) {
        match self.code {
            Code::E2M1High => pack::high_first(self.level, codes, out),
            Code::E2M1Low | Code::I4Low => pack::low_first(self.level, codes, out),
            Code::E2M3 | Code::E3M2 => pack::dense(bits(self.code), codes, out),
            Code::E4M3 | Code::E5M2 | Code::I8 => out[..codes.len()].copy_from_slice(codes),
        }
    }
}
