//! The CPU executor: Programs tile by tile.
//!
//! A tile's values are registers that stay in the first cache level; every step is one loop over a
//! register that the compiler vectorizes. The loops are compiled for the baseline instruction set,
//! for AVX2 with F16C and for AVX-512, and the level is chosen at run time. One executor uses one
//! thread.
//!
//! The only unsafe code of the library is here: calls of loops compiled for a [`Level`], which the
//! machine is known to have, and their loads and stores within slices of checked length.

#![allow(unsafe_code, reason = "loops compiled for an instruction set")]

mod bounds;
mod call;
pub mod change;
mod codec;
mod elements;
mod fault;
mod formula;
#[cfg(target_arch = "x86_64")]
mod halves;
mod linear;
mod overflow;
pub mod pages;
mod pair;
mod philox;
mod plain;
pub mod product;
mod scan;
mod store;
mod sum;
mod tally;
mod tile;

use std::ops::Range;

use super::{Batch, ExecError, Executor, Results};
use crate::kernel::{Output, TILE, Tally};
pub use crate::level::{Level, UnknownLevel};
use tile::Tile;

/// Runs Programs on one thread.
#[derive(Debug)]
pub struct CpuExecutor {
    level: Level,
    tile: Tile,
    /// A tile as it was stored.
    stored: Box<[u32; TILE]>,
}

impl CpuExecutor {
    /// An executor at a level.
    pub fn new(level: Level) -> CpuExecutor {
        CpuExecutor {
            level,
            tile: Tile::default(),
            stored: Box::new([0; TILE]),
        }
    }
}

impl Executor for CpuExecutor {
    fn upload(&mut self, _arena: &[u8], _bytes: Range<usize>) -> Result<(), ExecError> {
        Ok(())
    }

    fn run(
        &mut self,
        batch: &Batch<'_>,
        arena: &[u8],
        results: &mut Results<'_>,
    ) -> Result<(), ExecError> {
        let level = self.level;
        let program = batch.program;
        let storing = program.storing();
        let asked = program.asked();
        let count = asked.clone().count();
        let expected = count * batch.pieces.len();
        assert_eq!(results.tallies.len(), expected, "what is asked of a batch");
        let stored = &mut self.stored;
        self.tile.run(level, batch, arena, |tile, registers| {
            let register = |value| &registers[program.register(value)][..tile.len];
            let known = |value| registers[program.register(value)].known;
            if let Some(storing) = storing {
                let results_of = register(storing.value);
                store::tile(level, program, storing, arena, &tile, results_of, results)?;
            }
            let tallies = &mut results.tallies[tile.number * count..][..count];
            for (output, tally) in asked.clone().zip(tallies) {
                match (*output, storing, tally) {
                    (Output::Change { .. }, _, Tally::Change(change))
                        if !change.takes(tile.first() / TILE as u64) => {}
                    (Output::Change { base, .. }, Some(storing), Tally::Change(change)) => {
                        let float = storing.float;
                        let begin = tile.piece.output + tile.at * float.bytes();
                        let bytes = &results.stored[begin..][..tile.len * float.bytes()];
                        let decoded = &mut stored[..tile.len];
                        let found = codec::decode(level, float, None, bytes, decoded);
                        let values = [register(storing.value), decoded, register(base)];
                        let known = [known(storing.value), found.bounds, known(base)];
                        change.add(tile.len, change::tile(level, float, values, known));
                    }
                    (Output::Pair([a, b]), _, Tally::Pairs(found)) => {
                        let values = [register(a), register(b)];
                        found.push(pair::tile(level, values, [known(a), known(b)]));
                    }
                    (Output::Pair([a, b]), _, Tally::Place(place)) => {
                        pair::find(register(a), register(b), tile.first(), place);
                    }
                    (output, _, tally) => {
                        let value = output.value();
                        tally::tile(level, register(value), known(value), tile.first(), tally);
                    }
                }
            }
            Ok(())
        })
    }
}
