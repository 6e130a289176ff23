//! Where codes and scales of whole bands lie in the parts of a tensor.

use std::ops::Range;

use crate::dtype::Unit;
use crate::format::grid::{self, Grid};
use crate::format::scale::Scales;
use crate::format::tiles::Tiles;
use crate::format::{Block, Over, Scaled};

/// Rows whose scales share tiles, as NVIDIA's kernels read them.
const TILE_ROWS: u64 = 128;

/// Where a tensor's codes and scales lie.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    /// The tensor.
    pub(super) grid: Grid,
    over: Over,
    unit: Unit,
    tiles: Option<Tiles>,
    /// Rows that share scales.
    pub(super) strip: u64,
    /// Columns that share one.
    pub(super) block: u64,
    /// Bytes of a scale; none where there are none.
    pub(super) scale_bytes: Option<u64>,
    is_swizzled: bool,
    /// Whether there is one scale and the tensor is one row.
    pub(super) is_flat: bool,
    /// Whether rows share bytes.
    pub(super) is_shared: bool,
    /// Whether there is a scale of each matrix beside finer ones.
    pub(super) has_global: bool,
}

impl Place {
    pub(super) fn of(scaled: &Scaled, shape: &[u64]) -> Place {
        let grid = scaled.grid(shape);
        let unit = scaled.code.unit();
        let block = match scaled.over {
            Over::Block(block) => Some(block),
            _ => None,
        };
        let Block { rows, columns } = block.unwrap_or(Block {
            rows: 1,
            columns: u64::MAX,
        });
        let is_single = scaled.scale.is_none() || scaled.over == Over::Tensor;
        let is_plain = scaled.pad <= 1 && scaled.rotated.is_none() && scaled.global.is_none();
        Place {
            grid,
            over: scaled.over,
            unit,
            tiles: block.map(|block| scaled.tiles(&grid, block)),
            strip: rows.max(1),
            block: columns.clamp(1, grid.columns.max(1)),
            scale_bytes: scaled.scale.map(Scales::width),
            is_swizzled: scaled.swizzled && block.is_some(),
            is_flat: is_single && is_plain && grid == Grid::flat(shape),
            is_shared: !grid.stride.is_multiple_of(unit.elements),
            has_global: scaled.global.is_some(),
        }
    }

    /// How many elements are encoded together.
    pub(super) fn band(&self) -> u64 {
        let area = grid::product(&[self.grid.rows, self.grid.columns]);
        if self.is_flat {
            return self.unit.elements;
        }
        if self.is_shared {
            return grid::product(&[self.grid.matrices, area]).max(1);
        }
        let rows = match self.is_swizzled {
            true => grid::up(TILE_ROWS, self.strip),
            false => self.strip,
        };
        let is_cut = self.grid.matrices > 1 && !self.grid.rows.is_multiple_of(rows);
        let elements = match is_cut {
            true => area,
            false => grid::product(&[rows, self.grid.columns]),
        };
        elements.max(1)
    }

    /// The bytes of values, scales and scale of the matrix that whole bands make up.
    pub(super) fn spans(&self, elements: Range<u64>) -> Vec<Range<u64>> {
        let matrices = self.matrices(&elements);
        let Range { start, end } = elements;
        let mut spans = Vec::new();
        spans.push(self.values_at(start)..self.values_end(end));
        spans.extend(self.scale_bytes.map(|bytes| {
            let scales = match self.over {
                Over::Tensor => 0..1,
                Over::Matrix => matrices.clone(),
                _ => self.scales_at(start)..self.scales_at(end),
            };
            scales.start * bytes..scales.end * bytes
        }));
        if self.has_global {
            spans.push(matrices.start * 4..matrices.end * 4);
        }
        spans
    }

    /// Whether there is a scale for the tensor, or for each matrix, and no finer one.
    pub(super) fn is_whole(&self) -> bool {
        matches!(self.over, Over::Tensor | Over::Matrix)
    }

    /// The matrices that have some of the elements.
    pub(super) fn matrices(&self, elements: &Range<u64>) -> Range<u64> {
        let area = grid::product(&[self.grid.rows, self.grid.columns]).max(1);
        let first = elements.start / area;
        first..elements.end.div_ceil(area).max(first)
    }

    /// The number of a matrix's scale, where each has one or all have the same.
    pub(super) fn of_matrix(&self, matrix: u64) -> u64 {
        match self.over {
            Over::Tensor => 0,
            _ => matrix,
        }
    }

    /// The number of a block's scale.
    pub(super) fn scale(&self, matrix: u64, row: u64, block: u64) -> u64 {
        match &self.tiles {
            Some(tiles) => tiles.row(matrix, row) + tiles.column(block),
            None => matrix * self.grid.rows + row,
        }
    }

    /// Bytes of codes before an element that begins a row, or any where all are one row.
    pub(super) fn values_at(&self, element: u64) -> u64 {
        self.stored(element) / self.unit.elements * self.unit.bytes
    }

    /// Bytes of codes up to an element where a band ends.
    fn values_end(&self, element: u64) -> u64 {
        let bits = self.unit.bytes * 8 / self.unit.elements;
        (self.stored(element) * bits).div_ceil(8)
    }

    /// Bytes of a row of codes.
    pub(super) fn row_bytes(&self) -> u64 {
        self.grid.stride / self.unit.elements * self.unit.bytes
    }

    /// Scales before those of the row that begins with an element.
    pub(super) fn scales_at(&self, element: u64) -> u64 {
        let (matrix, row) = self.row(element);
        self.scale(matrix, row, 0)
    }

    /// The number of an element among the stored ones.
    fn stored(&self, element: u64) -> u64 {
        if self.is_flat {
            return element;
        }
        let (matrix, row) = self.row(element);
        (matrix * self.grid.stored_rows + row) * self.grid.stride
    }

    /// The matrix of the row that begins with an element, and its place there; behind the last row
    /// the next matrix.
    fn row(&self, element: u64) -> (u64, u64) {
        let row = element.div_ceil(self.grid.columns.max(1));
        let rows = self.grid.rows.max(1);
        (row / rows, row % rows)
    }
}
