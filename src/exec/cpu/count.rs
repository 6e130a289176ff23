//! Samples of magnitudes, and the ends of ties: what an exact selection needs beside its scans.

pub(super) use super::scan::{collect, tally};
use super::{Level, tile::Tile};
use crate::exec::{Batch, Piece};
use crate::kernel::TILE;

const MAGNITUDE: u32 = 0x7fff_ffff;
/// Elements of one place of a sample: enough to be worth the steps of a Program.
const PLACE: usize = 32;

/// A sample of each value's magnitudes, from places spread evenly over the pieces.
pub(super) fn sample(
    level: Level,
    tile: &mut Tile,
    batch: &Batch<'_>,
    arena: &[u8],
    size: usize,
) -> Vec<Vec<u32>> {
    let program = batch.program;
    let values = program.end().values();
    let mut samples = vec![Vec::with_capacity(size + PLACE); values.len()];
    let total: usize = batch.pieces.iter().map(|piece| piece.len).sum();
    let stride = (total / size.div_ceil(PLACE).max(1))
        .next_multiple_of(4)
        .max(PLACE);
    for piece in batch.pieces {
        for at in (0..piece.len).step_by(stride) {
            let len = PLACE.min(piece.len - at);
            // A value that is not finite is found, and named, by the pass that follows.
            let Ok(planes) = tile.fill(level, program, piece, at, len, arena) else {
                continue;
            };
            for (sample, value) in samples.iter_mut().zip(values) {
                let plane = &planes[program.plane(*value)][..len];
                sample.extend(plane.iter().map(|bits| bits & MAGNITUDE));
            }
        }
    }
    samples
}

/// The search for the first entry equal to a threshold that is not kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tie {
    /// Which value of the counting Program.
    pub value: usize,
    /// The threshold.
    pub key: u32,
    /// How many more entries equal to it are kept.
    pub left: u64,
    /// The entry's index in the tensor, once it is found.
    pub found: Option<u64>,
}

impl Tie {
    /// The search for the entry behind `rank` others, from a tensor's beginning.
    pub fn new(value: usize, key: u32, rank: u64) -> Tie {
        Tie {
            value,
            key,
            left: rank,
            found: None,
        }
    }
}

/// Looks for the ends of ties in the pieces that follow.
pub(super) fn locate(
    level: Level,
    tile: &mut Tile,
    batch: &Batch<'_>,
    arena: &[u8],
    ties: &mut [Tie],
) {
    let program = batch.program;
    let values = program.end().values();
    for piece in batch.pieces {
        for at in (0..piece.len).step_by(TILE) {
            let len = TILE.min(piece.len - at);
            if ties.iter().all(|tie| tie.found.is_some()) {
                return;
            }
            let Ok(planes) = tile.fill(level, program, piece, at, len, arena) else {
                continue;
            };
            for tie in ties.iter_mut().filter(|tie| tie.found.is_none()) {
                let plane = &planes[program.plane(values[tie.value])][..len];
                let keys = plane.iter().map(|bits| bits & MAGNITUDE);
                let equal = keys.filter(|key| *key == tie.key).count() as u64;
                if equal <= tie.left {
                    tie.left -= equal;
                } else {
                    tie.found = nth(piece, plane, at, tie.key, tie.left);
                }
            }
        }
    }
}

fn nth(piece: &Piece<'_>, plane: &[u32], at: usize, key: u32, rank: u64) -> Option<u64> {
    let mut hits = (0u64..)
        .zip(plane)
        .filter(|(_, bits)| **bits & MAGNITUDE == key);
    let (lane, _) = hits.nth(usize::try_from(rank).ok()?)?;
    Some(piece.start + at as u64 + lane)
}
