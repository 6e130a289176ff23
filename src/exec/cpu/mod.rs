//! The CPU executor: Programs tile by tile.
//!
//! A tile's values are planes that stay in the first cache level; every step is one loop over a
//! plane that the compiler vectorizes. The loops are compiled for the baseline instruction set, for
//! AVX2 with F16C and for AVX-512, and the level is chosen at run time. One executor uses one thread.
//!
//! The only unsafe code of the library is here: calls of loops compiled for a [`Level`], which the
//! machine is known to have, and their loads and stores within slices of checked length.

#![allow(unsafe_code, reason = "loops compiled for an instruction set")]

mod bounds;
mod call;
pub mod candidates;
mod codec;
mod count;
mod fault;
mod formula;
#[cfg(target_arch = "x86_64")]
mod halves;
mod level;
mod overflow;
mod philox;
mod plain;
pub mod product;
mod scan;
mod sum;
mod tile;

use super::{Batch, ExecError, Executor, Overflow};
use crate::dtype::codec::limit;
use crate::kernel::{BINS, End, Window};
use candidates::Candidates;
pub use count::Tie;
pub use level::{Level, UnknownLevel};
use overflow::Beyond;
use tile::Tile;

/// Runs Programs on one thread.
#[derive(Debug)]
pub struct CpuExecutor {
    level: Level,
    tile: Tile,
}

impl CpuExecutor {
    /// An executor at a level.
    pub fn new(level: Level) -> CpuExecutor {
        CpuExecutor {
            level,
            tile: Tile::default(),
        }
    }

    /// The magnitudes of a value of a counting Program at about `size` places spread over a piece,
    /// in any order: a sample to guess a window from.
    pub fn sample(&mut self, batch: &Batch<'_>, arena: &[u8], size: usize) -> Vec<Vec<u32>> {
        count::sample(self.level, &mut self.tile, batch, arena, size)
    }

    /// Collects the candidates of a batch, the next in the order of its tensor.
    pub fn collect(
        &mut self,
        batch: &Batch<'_>,
        candidates: &mut Candidates,
        arena: &[u8],
    ) -> Result<(), ExecError> {
        let level = self.level;
        let program = batch.program;
        let values = program.end().values();
        self.tile.run(level, batch, arena, |_, _, planes, _, len| {
            for (number, value) in values.iter().enumerate() {
                candidates.take(level, number, &planes[program.plane(*value)][..len]);
            }
            Ok(())
        })
    }

    /// Looks for the ends of ties in a batch of a counting Program, the next of its tensor.
    pub fn locate(&mut self, batch: &Batch<'_>, arena: &[u8], ties: &mut [Tie]) {
        count::locate(self.level, &mut self.tile, batch, arena, ties);
    }
}

impl Executor for CpuExecutor {
    fn upload(&mut self, _arena: &[u8]) -> Result<(), ExecError> {
        Ok(())
    }

    fn store(
        &mut self,
        batch: &Batch<'_>,
        arena: &[u8],
        output: &mut [u8],
    ) -> Result<Vec<Overflow>, ExecError> {
        let End::Store {
            value,
            float,
            on_overflow,
        } = *batch.program.end()
        else {
            panic!("a Program that stores was expected");
        };
        let plane = batch.program.plane(value);
        let (bytes, level) = (float.bytes(), self.level);
        let mut found: Vec<Overflow> = Vec::new();
        self.tile
            .run(level, batch, arena, |number, piece, planes, at, len| {
                let (plane, begin) = (&planes[plane][..len], piece.output + at * bytes);
                let out = &mut output[begin..][..len * bytes];
                if codec::encode(level, float, plane, out) <= limit(float) {
                    return Ok(());
                }
                let tile = Beyond {
                    program: batch.program,
                    piece,
                    at,
                    arena,
                    float,
                    on_overflow,
                };
                let values = tile.treat(plane, out)?;
                match found.last_mut() {
                    Some(last) if last.piece == number => last.values += values,
                    _ if values == 0 => {}
                    _ => found.push(Overflow {
                        piece: number,
                        values,
                    }),
                }
                Ok(())
            })?;
        Ok(found)
    }

    fn sum(&mut self, batch: &Batch<'_>, arena: &[u8]) -> Result<Vec<f32>, ExecError> {
        let tiles: usize = batch.pieces.iter().map(|piece| piece.tiles()).sum();
        let values = batch.program.end().values().to_vec();
        let mut sums = Vec::with_capacity(tiles * values.len());
        let program = batch.program;
        self.tile
            .run(self.level, batch, arena, |_, _, planes, _, len| {
                for value in &values {
                    sums.push(sum::tree(&planes[program.plane(*value)][..len]));
                }
                Ok(())
            })?;
        Ok(sums)
    }

    fn count(
        &mut self,
        batch: &Batch<'_>,
        windows: &[Window],
        arena: &[u8],
    ) -> Result<Vec<u64>, ExecError> {
        let values = batch.program.end().values().to_vec();
        let mut counts = vec![0; batch.pieces.len() * values.len() * (BINS + 1)];
        let program = batch.program;
        let level = self.level;
        self.tile
            .run(level, batch, arena, |number, _, planes, _, len| {
                for (nth, value) in values.iter().enumerate() {
                    let at = number * values.len() + nth;
                    let bins = &mut counts[at * (BINS + 1)..][..BINS + 1];
                    count::tally(
                        level,
                        &planes[program.plane(*value)][..len],
                        windows[at],
                        bins,
                    );
                }
                Ok(())
            })?;
        Ok(counts)
    }
}
