//! Runs the steps of a Program over one tile after the other.

use super::fault::Fault;
use super::formula::{Argument, in_bf16, in_f16, in_f32};
use super::{Level, codec, philox, plain};
use crate::exec::{Batch, ExecError, Piece};
use crate::kernel::{Compute, Entry, Formula, Operand, Program, Step, TILE, ValueId};

/// The planes of a tile: the values that are live while a Program runs.
#[derive(Debug, Default)]
pub(super) struct Tile {
    planes: Vec<Vec<u32>>,
    index: Vec<u32>,
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
    /// Runs a batch, and calls `finish` with every tile and its planes.
    pub(super) fn run(
        &mut self,
        level: Level,
        batch: &Batch<'_>,
        arena: &[u8],
        mut finish: impl FnMut(Done<'_>, &[Vec<u32>]) -> Result<(), Fault>,
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
                    .and_then(|planes| finish(done, planes))
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
    ) -> Result<&[Vec<u32>], Fault> {
        while self.planes.len() < program.plane_count() {
            self.planes.push(vec![0; TILE]);
        }
        if program.reads_index() {
            self.index.resize(TILE, 0);
            for (lane, index) in self.index[..len].iter_mut().enumerate() {
                // The plan has no chunk that is longer.
                *index = (at + lane) as u32;
            }
        }
        for (step, number) in program.steps().iter().zip(ValueId::all()) {
            let target = program.plane(number);
            // A step never writes a plane that it reads, so its own can be taken out meanwhile.
            let mut out = std::mem::take(&mut self.planes[target]);
            let done = self.step(level, program, step, piece, at, arena, &mut out[..len]);
            self.planes[target] = out;
            done?;
        }
        Ok(&self.planes)
    }

    #[expect(clippy::too_many_arguments, reason = "the state of one tile")]
    fn step(
        &self,
        level: Level,
        program: &Program,
        step: &Step,
        piece: &Piece<'_>,
        at: usize,
        arena: &[u8],
        out: &mut [u32],
    ) -> Result<(), Fault> {
        match step {
            Step::Load { slot, float, entry } => {
                let begin = piece.inputs[slot.index()] + at * float.bytes();
                let bytes = &arena[begin..][..out.len() * float.bytes()];
                let working = (*entry != Entry::Raw).then_some(program.compute());
                let finite = codec::decode(level, *float, working, bytes, out);
                if !finite {
                    Fault::of_load((*slot, *float, *entry), bytes)?;
                }
            }
            Step::Word { stream } => {
                let stream = piece.row.streams[stream.index()];
                philox::fill(level, stream, piece.start + at as u64, out);
            }
            Step::Call { formula, operands } => {
                let mut arguments = [Argument::Same(0); 8];
                for (argument, operand) in arguments.iter_mut().zip(operands) {
                    *argument = match *operand {
                        Operand::Value(value) => {
                            Argument::Plane(&self.planes[program.plane(value)])
                        }
                        Operand::Index => Argument::Plane(&self.index),
                        Operand::Scalar(i) => Argument::Same(piece.row.scalars[i.index()]),
                        Operand::Cutoff(i) => Argument::Same(piece.row.cutoff_from(i, piece.start)),
                    };
                }
                let arguments = &arguments[..operands.len()];
                call(level, program.compute(), *formula, arguments, out);
            }
        }
        Ok(())
    }
}

/// Runs a formula in a working dtype.
#[inline(always)]
fn call_inline(compute: Compute, formula: Formula, arguments: &[Argument<'_>], out: &mut [u32]) {
    match compute {
        Compute::F32 => {
            if !plain::call(formula, arguments, out) {
                in_f32::call(formula, arguments, out);
            }
        }
        Compute::BF16 => in_bf16::call(formula, arguments, out),
        Compute::F16 => in_f16::call(formula, arguments, out),
    }
}

fn call(
    level: Level,
    compute: Compute,
    formula: Formula,
    arguments: &[Argument<'_>],
    out: &mut [u32],
) {
    #[cfg(target_arch = "x86_64")]
    if level.is_avx2() {
        #[target_feature(enable = "avx2,f16c")]
        fn avx2(compute: Compute, formula: Formula, arguments: &[Argument<'_>], out: &mut [u32]) {
            call_inline(compute, formula, arguments, out);
        }
        // SAFETY: an executor has this level only where the machine supports it.
        return unsafe { avx2(compute, formula, arguments, out) };
    }
    let _ = level;
    call_inline(compute, formula, arguments, out);
}
