//! The CPU executor: Programs tile by tile.
//!
//! A tile's values are planes that stay in the first cache level; every step is one loop over a
//! plane that the compiler vectorizes. The loops are compiled twice, for the baseline instruction
//! set and for AVX2 with F16C, and the level is chosen at run time. One executor uses one thread.

mod codec;
mod count;
mod formula;
mod philox;
mod select;
mod sum;
mod tile;

use super::{Batch, ExecError, Executor, Piece};
use crate::kernel::{BINS, End, Program, Selection, Window};
use tile::Tile;

/// The instruction set that the loops are compiled for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// What the target guarantees.
    Baseline,
    /// AVX2, F16C and POPCNT.
    Avx2,
}

impl Level {
    /// The best level of this machine. The environment variable `WGMERGE_SIMD=baseline` chooses
    /// the baseline, to compare the two.
    pub fn detect() -> Level {
        let forced = std::env::var_os("WGMERGE_SIMD").is_some_and(|value| value == "baseline");
        if !forced && Level::Avx2.is_supported() {
            Level::Avx2
        } else {
            Level::Baseline
        }
    }

    /// Whether this machine can run it.
    pub fn is_supported(self) -> bool {
        match self {
            Level::Baseline => true,
            #[cfg(target_arch = "x86_64")]
            Level::Avx2 => {
                is_x86_feature_detected!("avx2")
                    && is_x86_feature_detected!("f16c")
                    && is_x86_feature_detected!("popcnt")
            }
            #[cfg(not(target_arch = "x86_64"))]
            Level::Avx2 => false,
        }
    }
}

/// Where a selection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Threshold {
    /// The smallest kept magnitude, as f32 bits.
    pub key: u32,
    /// The index in the tensor below which entries of that magnitude are kept.
    pub cutoff: u64,
}

/// Runs Programs on one thread.
#[derive(Debug)]
pub struct CpuExecutor {
    level: Level,
    tile: Tile,
}

impl CpuExecutor {
    /// An executor at a level, or at the baseline where the machine lacks it.
    pub fn new(level: Level) -> CpuExecutor {
        let level = if level.is_supported() {
            level
        } else {
            Level::Baseline
        };
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

    /// Finds the thresholds of a tensor that lies in memory as one piece, one selection per value
    /// of a counting Program, in a single scan: the keys inside the guessed windows are collected
    /// and the k-th largest is picked from them. A selection is None where the guess was missed or
    /// too many keys were inside; counting finds those.
    pub fn select(
        &mut self,
        program: &Program,
        piece: &Piece<'_>,
        selections: &[Selection],
        arena: &[u8],
    ) -> Result<Vec<Option<Threshold>>, ExecError> {
        select::run(
            self.level,
            &mut self.tile,
            program,
            piece,
            selections,
            arena,
        )
    }

    /// The index in the tensor of the `rank`-th element (from 0) of a piece whose magnitude under
    /// the counting Program's value number `value` is `key`; None if there are fewer.
    pub fn locate(
        &mut self,
        batch: &Batch<'_>,
        value: usize,
        key: u32,
        rank: u64,
        arena: &[u8],
    ) -> Option<u64> {
        count::locate(self.level, &mut self.tile, batch, value, key, rank, arena)
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
    ) -> Result<(), ExecError> {
        let End::Store { value, float } = batch.program.end() else {
            panic!("a Program that stores was expected");
        };
        let plane = batch.program.plane(*value);
        let bytes = float.bytes();
        let level = self.level;
        self.tile
            .run(level, batch, arena, |_, piece, planes, at, len| {
                let begin = piece.output + at * bytes;
                codec::encode(
                    level,
                    *float,
                    &planes[plane][..len],
                    &mut output[begin..][..len * bytes],
                );
            })
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
            })?;
        Ok(counts)
    }
}
