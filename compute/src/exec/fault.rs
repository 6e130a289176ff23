//! Why a batch was not done.

use crate::kernel::SlotId;

/// Why a batch was not done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExecError {
    /// An input holds an infinity or a NaN and the Program says that it must not.
    #[error("input {slot} of piece {piece} is not finite at element {element}")]
    NonFinite {
        /// Number of the piece in the batch.
        piece: usize,
        /// Which input.
        slot: SlotId,
        /// Element index in the tensor.
        element: u64,
    },
    /// An input holds a finite f64 beyond f32, in which Programs compute.
    #[error("input {slot} of piece {piece} is beyond f32 at element {element}")]
    Beyond {
        /// Number of the piece in the batch.
        piece: usize,
        /// Which input.
        slot: SlotId,
        /// Element index in the tensor.
        element: u64,
        /// The number, as f64 bits.
        bits: u64,
    },
    /// A result is beyond its stored type and the Program says that it must not be.
    #[error("piece {piece} is {} at element {element}, beyond its type", f32::from_bits(*.bits))]
    Overflow {
        /// Number of the piece in the batch.
        piece: usize,
        /// Element index in the tensor.
        element: u64,
        /// The result, as f32 bits.
        bits: u32,
    },
    /// The device is gone, hangs, or refuses work; nothing of the batch may be trusted.
    #[error("the device was lost: {0}")]
    Lost(String),
    /// The device has no memory for the batch.
    #[error("the device is out of memory: {0}")]
    OutOfMemory(String),
}

impl ExecError {
    /// The piece and the element at which it shows, if the fault lies in the values.
    pub fn place(&self) -> Option<(usize, u64)> {
        match self {
            ExecError::NonFinite { piece, element, .. }
            | ExecError::Beyond { piece, element, .. }
            | ExecError::Overflow { piece, element, .. } => Some((*piece, *element)),
            ExecError::Lost(_) | ExecError::OutOfMemory(_) => None,
        }
    }

    /// The same fault of a piece with another number.
    pub fn of_piece(mut self, number: usize) -> ExecError {
        match &mut self {
            ExecError::NonFinite { piece, .. }
            | ExecError::Beyond { piece, .. }
            | ExecError::Overflow { piece, .. } => *piece = number,
            ExecError::Lost(_) | ExecError::OutOfMemory(_) => {}
        }
        self
    }
}
