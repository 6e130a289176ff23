//! Does a batch: runs a Program over pieces of tensors that lie in memory.
//!
//! The executors are interchangeable and give the same bytes. They see no file and no key: a piece
//! is a range of elements whose inputs lie at byte offsets of an arena.

mod batch;
pub mod cpu;
mod fault;
mod stored;

pub use batch::{Batch, Piece};
pub use fault::ExecError;
pub use stored::Stored;

use std::ops::Range;

use crate::kernel::Tally;

/// Results of a piece that its stored type cannot hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Overflow {
    /// Number of the piece in the batch.
    pub piece: usize,
    /// How many there are.
    pub values: u64,
}

/// What becomes of a batch.
#[derive(Debug, Default)]
pub struct Results<'r> {
    /// Where stored values go: each piece's at its output offset.
    pub stored: &'r mut [u8],
    /// What the stored type could not hold, piece by piece. Where a Program refuses that, the error
    /// names the first element of the first piece.
    pub overflows: Vec<Overflow>,
    /// For every piece and every output that is not stored, in this order, what is asked; the
    /// answers are added.
    pub tallies: &'r mut [Tally],
}

impl<'r> Results<'r> {
    /// Of a Program that stores and does nothing else.
    pub fn storing(stored: &'r mut [u8]) -> Results<'r> {
        Results {
            stored,
            ..Results::default()
        }
    }

    /// Of a Program that stores nothing.
    pub fn asking(tallies: &'r mut [Tally]) -> Results<'r> {
        Results {
            tallies,
            ..Results::default()
        }
    }
}

/// Runs Programs.
///
/// What was uploaded serves all runs after it, so that several Programs can read the same inputs.
pub trait Executor {
    /// Makes some of the arena's bytes known to the device, from a multiple of
    /// [`ARENA_ALIGNMENT`](crate::kernel::ARENA_ALIGNMENT) on. Does not wait until they are there:
    /// the next may be read meanwhile.
    fn upload(&mut self, arena: &[u8], bytes: Range<usize>) -> Result<(), ExecError>;

    /// Runs a Program over pieces. After an error the results hold nothing that may be used.
    fn run(
        &mut self,
        batch: &Batch<'_>,
        arena: &[u8],
        results: &mut Results<'_>,
    ) -> Result<(), ExecError>;
}
