//! Where the scales of blocks lie.

use std::ops::Range;

use super::grid::{Grid, Reach, up};
use super::layout::Block;

/// Rows of blocks in a tile, as NVIDIA's kernels read scales.
const TILE_ROWS: u64 = 128;
/// Blocks of a row in a tile.
const TILE_COLUMNS: u64 = 4;

/// The scales of the blocks of a tensor's matrices.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tiles {
    /// Columns of a block.
    pub(super) width: u64,
    /// Rows of a block.
    height: u64,
    /// Scales of a column of blocks, with padding.
    pub(super) down: u64,
    /// Scales of a row of blocks, with padding.
    pub(super) across: u64,
    is_swizzled: bool,
}

impl Tiles {
    /// The scales of blocks of a tensor whose rows and columns are filled up to multiples of `pad`.
    pub(super) fn new(grid: &Grid, block: Block, pad: u64, is_swizzled: bool) -> Tiles {
        let (height, width) = (block.rows.max(1), block.columns.max(1));
        let down = up(grid.rows, pad).div_ceil(height);
        let across = up(grid.columns, pad).div_ceil(width);
        let tiled = |count: u64, tile: u64| if is_swizzled { up(count, tile) } else { count };
        Tiles {
            width,
            height,
            down: tiled(down, TILE_ROWS),
            across: tiled(across, TILE_COLUMNS),
            is_swizzled,
        }
    }

    /// The number of the first scale of a row of blocks, or of its tiles.
    fn line(&self, matrix: u64, line: u64) -> u64 {
        let lines = matrix.saturating_mul(self.down) + line;
        lines.saturating_mul(self.across)
    }

    /// The number of the first scale of a row.
    pub(super) fn row(&self, matrix: u64, row: u64) -> u64 {
        let line = row / self.height;
        if !self.is_swizzled {
            return self.line(matrix, line);
        }
        let inside = line % TILE_ROWS;
        // A tile is 32 lines of four scales each of the rows r, r + 32, r + 64 and r + 96.
        self.line(matrix, line - inside) + inside % 32 * 16 + inside / 32 * 4
    }

    /// How far behind the first scale of its row that of a block lies.
    #[inline(always)]
    pub(super) fn column(&self, block: u64) -> u64 {
        if self.is_swizzled {
            block / TILE_COLUMNS * (TILE_ROWS * TILE_COLUMNS) + block % TILE_COLUMNS
        } else {
            block
        }
    }

    /// The scales of some elements, and perhaps others.
    pub(super) fn range(&self, reach: Reach) -> Range<u64> {
        let Reach { first, last } = reach;
        let is_row = (first.matrix, first.row) == (last.matrix, last.row);
        if is_row && !self.is_swizzled {
            let row = self.row(first.matrix, first.row);
            return row + first.column / self.width..row + last.column / self.width + 1;
        }
        let lines = if self.is_swizzled { TILE_ROWS } else { 1 };
        let tile = |row: u64| row / self.height / lines * lines;
        self.line(first.matrix, tile(first.row))..self.line(last.matrix, tile(last.row) + lines)
    }
}
