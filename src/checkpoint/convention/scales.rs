//! What one scale covers, as the shapes of codes and scales tell it.

use crate::dtype::{DType, Float};
use crate::format::{Block, Over};

/// The blocks that are tried where nothing says how large they are.
const USUAL: [Block; 2] = [
    Block {
        rows: 128,
        columns: 128,
    },
    Block {
        rows: 1,
        columns: 128,
    },
];

/// A tensor's last two dimensions, and how many such matrices it has.
#[derive(Clone, Copy, Debug)]
pub(super) struct Matrix {
    /// How many there are.
    pub(super) count: u64,
    /// Rows of one.
    pub(super) rows: u64,
    /// Columns of one.
    pub(super) columns: u64,
}

impl Matrix {
    /// The matrices of a tensor. One dimension is one row.
    pub(super) fn of(shape: &[u64]) -> Matrix {
        let (rows, columns, lead): (u64, u64, &[u64]) = match shape {
            [] => (1, 1, &[]),
            [columns] => (1, *columns, &[]),
            [lead @ .., rows, columns] => (*rows, *columns, lead),
        };
        Matrix {
            // What a file states of dimensions may be anything.
            count: lead.iter().fold(1, |all, &size| all.saturating_mul(size)),
            rows,
            columns,
        }
    }
}

/// What one scale of a tensor covers; None where the shapes do not fit together. `said` is the
/// block that a description names.
pub(super) fn over(shape: &[u64], scales: &[u64], said: Option<Block>) -> Option<Over> {
    let count: u64 = scales.iter().product();
    if count == 1 {
        // One tile is still a tile.
        let tiled = scales.len() == 2 && shape.len() == 2;
        let tile = tiled
            .then(|| block(Matrix::of(shape), 1, 1, said))
            .flatten();
        return Some(tile.unwrap_or(Over::Tensor));
    }
    let lead = &shape[..shape.len().saturating_sub(2)];
    let is_first = |len: &u64| shape.len() > 3 && Some(len) == shape.first();
    if let [first, ones @ ..] = scales
        && is_first(first)
        && ones.iter().all(|len| *len == 1)
    {
        return Some(Over::First);
    }
    let rest = scales.strip_prefix(lead)?;
    let matrix = Matrix::of(shape);
    match *rest {
        [] | [1] | [1, 1] => Some(Over::Matrix),
        [columns] if shape.len() == 1 => block(matrix, 1, columns, said),
        [rows] => (rows == matrix.rows).then_some(Over::Row),
        [rows, columns] | [rows, columns, 1] | [rows, 1, columns, 1] => {
            block(matrix, rows, columns, said)
        }
        _ => None,
    }
}

/// The blocks of a matrix of which there are so many down and across.
fn block(matrix: Matrix, down: u64, across: u64, said: Option<Block>) -> Option<Over> {
    let Matrix { rows, columns, .. } = matrix;
    let fits = |block: &Block| {
        block.rows > 0
            && block.columns > 0
            && rows.div_ceil(block.rows) == down
            && columns.div_ceil(block.columns) == across
    };
    if let Some(said) = said.filter(fits) {
        return Some(Over::Block(said));
    }
    if down == 0 || across == 0 {
        return None;
    }
    if down == rows && across == 1 {
        return Some(Over::Row);
    }
    let even = Block {
        rows: rows / down,
        columns: columns / across,
    };
    let is_even = rows.is_multiple_of(down) && columns.is_multiple_of(across);
    let usual = USUAL.into_iter().find(fits);
    let block = usual.or_else(|| (is_even && fits(&even)).then_some(even));
    block.map(Over::Block)
}

/// Whether scales are powers of two: their type, or bytes that mean it.
pub(super) fn is_power(dtype: DType) -> bool {
    matches!(dtype, DType::F8E8M0 | DType::U8)
}

/// The type of scales that are floats, which numbers are rounded to.
pub(super) fn float(dtype: DType) -> Option<Float> {
    match dtype {
        DType::F32 => Some(Float::F32),
        DType::F16 => Some(Float::F16),
        DType::BF16 => Some(Float::BF16),
        _ => None,
    }
}

/// The dimensions of a tensor of which a byte holds two columns.
pub(super) fn doubled(shape: &[u64]) -> Vec<u64> {
    let mut shape = shape.to_vec();
    if let Some(last) = shape.last_mut() {
        *last = last.saturating_mul(2);
    }
    shape
}
