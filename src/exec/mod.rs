//! Does a batch: runs a Program over pieces of tensors that lie in memory.
//!
//! The executors are interchangeable and give the same bytes. They see no file and no key: a piece
//! is a range of elements whose inputs lie at byte offsets of an arena.

mod batch;
pub mod cpu;
mod fault;
#[cfg(feature = "gpu")]
pub mod gpu;
mod stored;

pub use batch::{Batch, Piece};
pub use fault::ExecError;
pub use stored::Stored;

use crate::kernel::Window;

/// Results of a piece that its stored type cannot hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Overflow {
    /// Number of the piece in the batch.
    pub piece: usize,
    /// How many there are.
    pub values: u64,
}

/// Runs Programs.
///
/// The arena of one call to [`Executor::upload`] serves the calls after it, so that several
/// Programs can read the same inputs.
pub trait Executor {
    /// Makes the arena's bytes known to the device.
    fn upload(&mut self, arena: &[u8]) -> Result<(), ExecError>;

    /// Runs a Program that stores: each piece's elements are written at its output offset. Returns
    /// what the stored type could not hold, piece by piece; where the Program refuses that, the
    /// error names the first element of the first piece.
    fn store(
        &mut self,
        batch: &Batch<'_>,
        arena: &[u8],
        output: &mut [u8],
    ) -> Result<Vec<Overflow>, ExecError>;

    /// Runs a Program that sums: for every piece, tile and value, in this order, the sum of the
    /// tile by the fixed tree.
    fn sum(&mut self, batch: &Batch<'_>, arena: &[u8]) -> Result<Vec<f32>, ExecError>;

    /// Runs a Program that counts: for every piece and value, in this order, `BINS` counts of its
    /// window (same order) and the count above it.
    fn count(
        &mut self,
        batch: &Batch<'_>,
        windows: &[Window],
        arena: &[u8],
    ) -> Result<Vec<u64>, ExecError>;
}
