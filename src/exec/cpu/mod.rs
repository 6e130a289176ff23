//! The CPU executor: Programs tile by tile.
//!
//! A tile's values are planes that stay in the first cache level; every step is one loop over a
//! plane that the compiler vectorizes. The loops are compiled twice, for the baseline instruction
//! set and for AVX2 with F16C, and the level is chosen at run time. One executor uses one thread.

pub mod candidates;
mod codec;
mod count;
mod formula;
mod philox;
mod plain;
pub mod product;
mod sum;
mod tile;

use super::{Batch, ExecError, Executor};
use crate::kernel::{BINS, End, Window};
use candidates::Candidates;
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
    /// This level, or the baseline where the machine lacks it.
    pub fn or_baseline(self) -> Level {
        match self.is_supported() {
            true => self,
            false => Level::Baseline,
        }
    }

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

/// Runs Programs on one thread.
#[derive(Debug)]
pub struct CpuExecutor {
    level: Level,
    tile: Tile,
}

impl CpuExecutor {
    /// An executor at a level, or at the baseline where the machine lacks it.
    pub fn new(level: Level) -> CpuExecutor {
        CpuExecutor {
            level: level.or_baseline(),
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
        })
    }

    /// The index in the tensor of the `rank`-th element (from 0) of a batch whose magnitude under
    /// the counting Program's value number `value` is `key`. If there are fewer, their number.
    pub fn locate(
        &mut self,
        batch: &Batch<'_>,
        value: usize,
        key: u32,
        rank: u64,
        arena: &[u8],
    ) -> Result<u64, u64> {
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
