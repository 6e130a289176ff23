//! Values that stop a Program.

use crate::dtype::Float;
use crate::exec::{ExecError, Piece, Stored};
use crate::kernel::{Entry, SlotId};

/// A value that must not be, in a lane of a tile.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fault {
    lane: usize,
    kind: Kind,
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    NonFinite { slot: SlotId },
    Beyond { slot: SlotId, bits: u64 },
    Overflow { bits: u32 },
}

impl Fault {
    /// A result beyond its stored type.
    pub(super) fn overflow(lane: usize, bits: u32) -> Fault {
        let kind = Kind::Overflow { bits };
        Fault { lane, kind }
    }

    /// Looks for the first stored element of a load that its entry refuses.
    pub(super) fn of_load(
        (slot, float, entry): (SlotId, Float, Entry),
        bytes: &[u8],
    ) -> Result<(), Fault> {
        for (lane, element) in bytes.chunks_exact(float.bytes()).enumerate() {
            let stored = Stored::read(float, element);
            if stored.is_refused(entry) {
                let kind = match stored {
                    Stored::Beyond(number) => Kind::Beyond {
                        slot,
                        bits: number.to_bits(),
                    },
                    Stored::Special | Stored::Number => Kind::NonFinite { slot },
                };
                return Err(Fault { lane, kind });
            }
        }
        Ok(())
    }

    /// The error, of a tile that begins at element `at` of a piece.
    pub(super) fn located(self, piece_number: usize, piece: &Piece<'_>, at: usize) -> ExecError {
        let element = piece.start + (at + self.lane) as u64;
        let piece = piece_number;
        match self.kind {
            Kind::NonFinite { slot } => ExecError::NonFinite {
                piece,
                slot,
                element,
            },
            Kind::Beyond { slot, bits } => ExecError::Beyond {
                piece,
                slot,
                element,
                bits,
            },
            Kind::Overflow { bits } => ExecError::Overflow {
                piece,
                element,
                bits,
            },
        }
    }
}
