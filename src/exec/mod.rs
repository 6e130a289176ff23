//! Does a batch: runs a Program over pieces of tensors that lie in memory.
//!
//! The executors are interchangeable and give the same bytes. They see no file and no key: a piece
//! is a range of elements whose inputs lie at byte offsets of an arena.

mod batch;
pub mod cpu;
#[cfg(feature = "gpu")]
pub mod gpu;

pub use batch::{Batch, Piece};

use crate::kernel::Window;

/// Why a batch was not done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExecError {
    /// An input holds an infinity or a NaN and the Program says that it must not.
    #[error("input {slot} of piece {piece} is not finite at element {element}")]
    NonFinite {
        /// Number of the piece in the batch.
        piece: usize,
        /// Which input.
        slot: u16,
        /// Element index in the tensor.
        element: u64,
    },
    /// The device is gone, hangs, or refuses work; nothing of the batch may be trusted.
    #[error("the device was lost: {0}")]
    Lost(String),
    /// The device has no memory for the batch.
    #[error("the device is out of memory: {0}")]
    OutOfMemory(String),
}

/// Runs Programs.
///
/// The arena of one call to [`Executor::upload`] serves the calls after it, so that several
/// Programs can read the same inputs.
pub trait Executor {
    /// Makes the arena's bytes known to the device.
    fn upload(&mut self, arena: &[u8]) -> Result<(), ExecError>;

    /// Runs a Program that stores: each piece's elements are written at its output offset.
    fn store(
        &mut self,
        batch: &Batch<'_>,
        arena: &[u8],
        output: &mut [u8],
    ) -> Result<(), ExecError>;

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
