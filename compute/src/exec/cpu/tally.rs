//! Answers what is asked about a tile of values.

use super::bounds::Bounds;
use super::{Level, scan, sum};
use crate::kernel::{Equals, Place, TILE, Tally};

const MAGNITUDE: u32 = 0x7fff_ffff;

/// Adds to a tally what is found in a tile, which lies in `register` and begins with element
/// `first` of its tensor.
pub(super) fn tile(
    level: Level,
    register: &[u32],
    known: Option<Bounds>,
    first: u64,
    tally: &mut Tally,
) {
    match tally {
        // These are of two values.
        Tally::Nothing | Tally::Change(_) | Tally::Pairs(_) => {}
        Tally::Sums(sums) => sums.push(sum::tree(level, register, known)),
        Tally::Max(most) => {
            let magnitudes = register.iter().map(|bits| bits & MAGNITUDE);
            *most = magnitudes.fold(*most, u32::max);
        }
        Tally::Counts(counts) => scan::tally(level, register, counts.grid, &mut counts.bins),
        Tally::Keys(keys) => {
            if keys.fits() {
                // There are at most as many as a lane has memory for, far fewer than 2^32.
                keys.before.push(keys.keys.len() as u32);
                keys.above += scan::collect(level, register, keys.lo, keys.hi, &mut keys.keys);
            }
        }
        Tally::Equals(Equals { key, tiles }) => {
            let magnitudes = register.iter().map(|bits| bits & MAGNITUDE);
            let equal = magnitudes.filter(|magnitude| magnitude == key).count();
            // A tile is not longer.
            tiles.push(equal.min(TILE) as u16);
        }
        Tally::Place(place) => find(register, first, place),
        Tally::Values(values) => values.extend(register.iter().map(|bits| f32::from_bits(*bits))),
    }
}

/// Looks for an element in a tile.
fn find(register: &[u32], first: u64, place: &mut Place) {
    if place.found.is_some() {
        return;
    }
    for (element, bits) in (first..).zip(register) {
        if bits & MAGNITUDE != place.key {
            continue;
        }
        if place.left == 0 {
            place.found = Some(element);
            return;
        }
        place.left -= 1;
    }
}
