//! Where codes and scales of a tensor lie in its parts.

use std::ops::Range;

use super::extent::Extent;
use super::number::width;
use super::{Encoding, bits};
use crate::format::{Over, Scaled};

/// Rows of a tile of scales, and its columns, as NVIDIA's kernels read them.
const TILE_ROWS: u64 = 128;
const TILE_COLUMNS: u64 = 4;

/// Where a tensor's codes and scales lie.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    /// The tensor.
    pub(super) extent: Extent,
    /// Bytes of a stored row of codes.
    pub(super) row_bytes: u64,
    /// Rows that share scales.
    pub(super) strip: u64,
    /// Columns that share one.
    pub(super) block: u64,
    /// Rows of a matrix as they are stored.
    stored_rows: u64,
    /// Scales beside each other, as they are stored.
    pub(super) blocks: u64,
    /// Rows of scales of a matrix, as they are stored.
    scale_rows: u64,
    /// Bytes of a scale; none where there are none.
    pub(super) scale_bytes: Option<u64>,
    is_swizzled: bool,
    /// Whether every element is a byte under a scale of the tensor.
    pub(super) is_flat: bool,
    /// Whether there is a scale for the tensor, or for each matrix, and no finer one.
    pub(super) is_whole: bool,
    pub(super) has_global: bool,
    each: bool,
}

impl Place {
    pub(super) fn of(encoding: &Encoding, scaled: &Scaled, shape: &[u64]) -> Place {
        let extent = Extent::of(&encoding.format, shape, encoding.each);
        let pad = scaled.pad.max(1);
        let rows = extent.rows.next_multiple_of(pad);
        let columns = extent.columns.next_multiple_of(pad);
        let code = u64::from(bits(scaled.code));
        let is_whole = matches!(scaled.over, Over::Tensor | Over::Matrix);
        let (strip, block) = match scaled.over {
            Over::Tensor | Over::Matrix | Over::First | Over::Row => (1, columns.max(1)),
            Over::Block(block) => (block.rows.max(1), block.columns.max(1)),
        };
        let (mut blocks, mut scale_rows) = (columns.div_ceil(block), rows.div_ceil(strip));
        if scaled.swizzled {
            blocks = blocks.next_multiple_of(TILE_COLUMNS);
            scale_rows = scale_rows.next_multiple_of(TILE_ROWS);
        }
        Place {
            extent,
            row_bytes: (columns * code).div_ceil(8),
            strip,
            block,
            stored_rows: rows,
            blocks,
            scale_rows,
            scale_bytes: scaled.scale.map(|scale| width(scale) as u64),
            is_swizzled: scaled.swizzled,
            is_flat: is_whole && pad == 1 && code == 8 && scaled.rotated.is_none(),
            is_whole,
            has_global: scaled.global.is_some(),
            each: encoding.each,
        }
    }

    /// How many elements are encoded together.
    pub(super) fn band(&self) -> u64 {
        if self.is_flat {
            return 1;
        }
        let rows = match self.is_swizzled {
            true => TILE_ROWS.next_multiple_of(self.strip),
            false => self.strip,
        };
        let is_cut = self.extent.matrices > 1 && self.extent.rows % rows != 0;
        let elements = match is_cut {
            true => self.extent.area(),
            false => rows * self.extent.columns,
        };
        elements.max(1)
    }

    /// The bytes of values, scales and scale of the matrix that whole bands make up.
    pub(super) fn spans(&self, elements: Range<u64>) -> Vec<Range<u64>> {
        let matrices = self.matrices(&elements);
        let mut spans = Vec::new();
        spans.push(match self.is_flat {
            true => elements.clone(),
            false => self.values_at(elements.start)..self.values_at(elements.end),
        });
        spans.extend(self.scale_bytes.map(|bytes| {
            let scales = match self.is_whole {
                true => matrices.clone(),
                false => self.scales_at(elements.start)..self.scales_at(elements.end),
            };
            scales.start * bytes..scales.end * bytes
        }));
        if self.has_global {
            spans.push(matrices.start * 4..matrices.end * 4);
        }
        spans
    }

    /// The matrices that have some of the elements and scales of their own; one where the tensor
    /// is the only one that has.
    pub(super) fn matrices(&self, elements: &Range<u64>) -> Range<u64> {
        if !self.each {
            return 0..1;
        }
        let area = self.extent.area().max(1);
        let first = elements.start / area;
        first..elements.end.div_ceil(area).max(first)
    }

    /// The place of a scale of a matrix, from its first on, as it is stored.
    pub(super) fn scale(&self, strip: u64, block: u64) -> u64 {
        if !self.is_swizzled {
            return strip * self.blocks + block;
        }
        let tiles = self.blocks / TILE_COLUMNS;
        let tile = strip / TILE_ROWS * tiles + block / TILE_COLUMNS;
        let in_tile = strip % 32 * 16 + strip % TILE_ROWS / 32 * TILE_COLUMNS;
        tile * TILE_ROWS * TILE_COLUMNS + in_tile + block % TILE_COLUMNS
    }

    /// Bytes of values before the row that begins with an element.
    pub(super) fn values_at(&self, element: u64) -> u64 {
        let (matrix, row) = self.row(element);
        (matrix * self.stored_rows + row) * self.row_bytes
    }

    /// Scales before those of the row that begins with an element.
    pub(super) fn scales_at(&self, element: u64) -> u64 {
        let (matrix, row) = self.row(element);
        matrix * self.scale_rows * self.blocks + self.before(row)
    }

    /// Scales of a matrix before those of one of its rows, where a band begins.
    pub(super) fn before(&self, row: u64) -> u64 {
        row / self.strip * self.blocks
    }

    /// The matrix of the row that begins with an element, and its place there; behind the last row
    /// the next matrix.
    fn row(&self, element: u64) -> (u64, u64) {
        let row = element.div_ceil(self.extent.columns.max(1));
        let rows = self.extent.rows.max(1);
        (row / rows, row % rows)
    }
}
