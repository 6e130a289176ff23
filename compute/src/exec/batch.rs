//! Pieces of tensors that one Program runs over.

use crate::kernel::{Program, Row, TILE};

/// A run of elements of one tensor.
#[derive(Clone, Debug)]
pub struct Piece<'a> {
    /// The tensor's numbers.
    pub row: &'a Row,
    /// Index in the tensor of the first element, a multiple of [`TILE`].
    pub start: u64,
    /// Elements, at most 2^32: they are numbered with 32 bits.
    pub len: usize,
    /// Byte offset in the arena of each input slot, a multiple of
    /// [`ARENA_ALIGNMENT`](crate::kernel::ARENA_ALIGNMENT).
    pub inputs: Vec<usize>,
    /// Byte offset of the result in the output.
    pub output: usize,
}

impl Piece<'_> {
    /// Tiles that the piece touches.
    pub fn tiles(&self) -> usize {
        self.len.div_ceil(TILE)
    }
}

/// Pieces that share a Program.
#[derive(Clone, Debug)]
pub struct Batch<'a> {
    /// The computation.
    pub program: &'a Program,
    /// What it runs over.
    pub pieces: &'a [Piece<'a>],
}
