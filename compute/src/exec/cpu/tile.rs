//! Runs the steps of a Program over one tile after the other.

use std::ops::Deref;

use super::bounds::Bounds;
use super::call::{Call, Index};
use super::fault::Fault;
use super::formula::Argument;
use super::{Level, codec, philox};
use crate::exec::{Batch, ExecError, Piece};
use crate::kernel::{Entry, Operand, Program, Step, TILE, ValueId};

/// One value for each element of a tile. It begins on a line of the cache: vectors that lie across
/// two lines take twice as long.
#[derive(Clone, Debug)]
#[repr(C, align(64))]
pub(super) struct Register {
    words: [u32; TILE],
    /// What is known of the values.
    pub(super) known: Option<Bounds>,
}

impl Register {
    const EMPTY: Register = Register {
        words: [0; TILE],
        known: None,
    };
}

impl Deref for Register {
    type Target = [u32; TILE];

    fn deref(&self) -> &[u32; TILE] {
        &self.words
    }
}

/// The registers of a tile: the values that are live while a Program runs.
#[derive(Debug, Default)]
pub(super) struct Tile {
    registers: Vec<Register>,
    index: Index,
}

/// The registers before the one that is written, and those behind it.
#[derive(Clone, Copy)]
struct Others<'a>(&'a [Register], &'a [Register]);

impl<'a> Others<'a> {
    #[inline]
    fn get(self, register: usize) -> &'a Register {
        let Others(before, after) = self;
        match register.checked_sub(before.len() + 1) {
            Some(behind) => &after[behind],
            None => &before[register],
        }
    }
}

/// A part of a piece, at most a tile.
struct Part<'a> {
    program: &'a Program,
    piece: &'a Piece<'a>,
    arena: &'a [u8],
    /// Its first element in the piece.
    at: usize,
}

/// A tile whose values were computed.
pub(super) struct Done<'p> {
    /// The number of its piece.
    pub(super) number: usize,
    pub(super) piece: &'p Piece<'p>,
    /// Its first element in the piece.
    pub(super) at: usize,
    /// Its elements.
    pub(super) len: usize,
}

impl Done<'_> {
    /// Its first element in the tensor.
    pub(super) fn first(&self) -> u64 {
        self.piece.start + self.at as u64
    }
}

impl Tile {
    /// Runs a batch, and calls `finish` with every tile and its registers.
    pub(super) fn run(
        &mut self,
        level: Level,
        batch: &Batch<'_>,
        arena: &[u8],
        mut finish: impl FnMut(Done<'_>, &[Register]) -> Result<(), Fault>,
    ) -> Result<(), ExecError> {
        for (number, piece) in batch.pieces.iter().enumerate() {
            for at in (0..piece.len).step_by(TILE) {
                let len = TILE.min(piece.len - at);
                let done = Done {
                    number,
                    piece,
                    at,
                    len,
                };
                self.fill(level, batch.program, piece, at, len, arena)
                    .and_then(|registers| finish(done, registers))
                    .map_err(|fault| fault.located(number, piece, at))?;
            }
        }
        Ok(())
    }

    /// Computes the values of `len` elements from element `at` of a piece.
    fn fill(
        &mut self,
        level: Level,
        program: &Program,
        piece: &Piece<'_>,
        at: usize,
        len: usize,
        arena: &[u8],
    ) -> Result<&[Register], Fault> {
        while self.registers.len() < program.register_count() {
            self.registers.push(Register::EMPTY);
        }
        let part = Part {
            program,
            piece,
            arena,
            at,
        };
        for (step, number) in program.steps().iter().zip(ValueId::all()) {
            // A step never writes a register that it reads.
            let (before, rest) = self.registers.split_at_mut(program.register(number));
            if let Some((register, after)) = rest.split_first_mut() {
                let (others, out) = (Others(before, after), &mut register.words[..len]);
                register.known = part.step(level, step, others, &mut self.index, out)?;
            }
        }
        Ok(&self.registers)
    }
}

impl Part<'_> {
    /// Computes a step. Returns what is known of its values.
    fn step(
        &self,
        level: Level,
        step: &Step,
        registers: Others<'_>,
        index: &mut Index,
        out: &mut [u32],
    ) -> Result<Option<Bounds>, Fault> {
        let Part { program, piece, .. } = *self;
        match step {
            Step::Load { slot, float, entry } => {
                let begin = piece.inputs[slot.index()] + self.at * float.bytes();
                let bytes = &self.arena[begin..][..out.len() * float.bytes()];
                let working = (*entry != Entry::Raw).then_some(program.compute());
                let decoded = codec::decode(level, *float, working, bytes, out);
                if !decoded.is_finite {
                    Fault::of_load((*slot, *float, *entry), bytes)?;
                }
                Ok(decoded.bounds)
            }
            Step::Word { stream } => {
                let stream = piece.row.streams[stream.index()];
                philox::fill(level, stream, piece.start + self.at as u64, out);
                Ok(None)
            }
            Step::Call { formula, operands } => {
                let mut call = Call::new(*formula, operands.len());
                for (i, operand) in operands.iter().enumerate() {
                    // Not a match: a table of jumps would be foreseen less often.
                    call.arguments[i] = if let Operand::Value(value) = *operand {
                        let register = registers.get(program.register(value));
                        call.known[i] = register.known;
                        Argument::Register(&register.words)
                    } else if let Operand::Scalar(scalar) = *operand {
                        Argument::Same(piece.row.scalars[scalar.index()])
                    } else if let Operand::Cutoff(cutoff) = *operand {
                        Argument::Same(piece.row.cutoff_from(cutoff, piece.start))
                    } else {
                        // The plan has no piece that is longer.
                        Argument::Index(self.at as u32)
                    };
                }
                Ok(call.run(level, program.compute(), index, out))
            }
        }
    }
}
