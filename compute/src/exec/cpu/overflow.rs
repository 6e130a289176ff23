//! Results beyond their stored type: which they are, and what is stored in their place.

use super::fault::Fault;
use crate::dtype::{Float, codec};
use crate::exec::{Piece, Stored};
use crate::kernel::{Entry, OnOverflow, Program, SlotId, Step};

const SIGN: u32 = 0x8000_0000;
const INFINITY: u32 = 0x7f80_0000;

/// A tile whose results were stored, some of them beyond their type.
pub(super) struct Beyond<'a> {
    pub(super) program: &'a Program,
    pub(super) piece: &'a Piece<'a>,
    /// The tile's first element in the piece.
    pub(super) at: usize,
    pub(super) arena: &'a [u8],
    pub(super) float: Float,
    pub(super) on_overflow: OnOverflow,
}

impl Beyond<'_> {
    /// Treats the results of a tile, which lie in `register`, and stored in `out`. Returns how many
    /// the type cannot hold though their inputs are finite.
    pub(super) fn treat(&self, register: &[u32], out: &mut [u8]) -> Result<u64, Fault> {
        let limit = codec::limit(self.float);
        let kept: Vec<(SlotId, Float)> = self.kept().collect();
        let mut count = 0;
        for (lane, &bits) in register.iter().enumerate() {
            let magnitude = bits & !SIGN;
            if magnitude <= limit || kept.iter().any(|&load| self.is_special(load, lane)) {
                continue;
            }
            count += 1;
            match self.on_overflow {
                OnOverflow::Keep => {}
                OnOverflow::Saturate if magnitude <= INFINITY => {
                    let largest = codec::encode(self.float, (bits & SIGN) | limit);
                    let bytes = self.float.bytes();
                    out[lane * bytes..][..bytes].copy_from_slice(&largest.to_le_bytes()[..bytes]);
                }
                OnOverflow::Error | OnOverflow::Saturate => {
                    return Err(Fault::overflow(lane, bits));
                }
            }
        }
        Ok(count)
    }

    /// The inputs whose infinities and NaN take part in the arithmetic.
    fn kept(&self) -> impl Iterator<Item = (SlotId, Float)> {
        let steps = self.program.steps().iter();
        steps.filter_map(|step| match step {
            Step::Load { slot, float, entry } if *entry == Entry::Kept => Some((*slot, *float)),
            _ => None,
        })
    }

    fn is_special(&self, (slot, float): (SlotId, Float), lane: usize) -> bool {
        let bytes = float.bytes();
        let begin = self.piece.inputs[slot.index()] + (self.at + lane) * bytes;
        Stored::read(float, &self.arena[begin..][..bytes]) == Stored::Special
    }
}
