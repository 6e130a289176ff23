//! What the stored results of a tile change.

use super::Level;
use super::level::at_level;
use crate::dtype::codec::{are_numbers, marks, told};
use crate::kernel::{TILE, TileChange};

/// A tile of results, of their stored values and of the base, as f32 bits, of the same length.
#[derive(Clone, Copy)]
pub(super) struct Values<'a> {
    pub(super) results: &'a [u32],
    pub(super) stored: &'a [u32],
    pub(super) base: &'a [u32],
    /// The largest magnitude that the stored type holds as a number.
    pub(super) limit: u32,
}

/// What a tile changes.
pub(super) fn tile(level: Level, values: Values<'_>) -> TileChange {
    at_level!(level, measure(values: Values<'_> = values) -> TileChange)
}

/// Half of a tile, whose sums are the first level of the tree.
const HALF: usize = TILE / 2;

/// A result's bits, its stored value's and its base's.
type Element = [u32; 3];

#[inline(always)]
fn measure(values: Values<'_>) -> TileChange {
    let Values {
        results,
        stored,
        base,
        limit,
    } = values;
    let whole = results.len() == TILE && stored.len() == TILE && base.len() == TILE;
    if whole && let Some(found) = plain(values) {
        return found;
    }
    let mut sums = Sums::default();
    let mut found = TileChange::default();
    let elements = results.iter().zip(stored).zip(base);
    for (i, ((&result, &stored), &base)) in elements.enumerate() {
        if are_numbers(result, stored, base) {
            let [meant, kept] = changes([result, stored, base]);
            let products = [meant * meant, kept * kept, meant * kept];
            let own = [&mut sums.meant, &mut sums.stored, &mut sums.along];
            for (sum, product) in own.into_iter().zip(products) {
                // Zero and a number: the first level of the tree.
                sum[i % HALF] += product;
            }
        }
        let marks = marks(result, stored, base, limit);
        found.changed += marks & 1;
        found.flushed += (marks >> 1) & 1;
        found.beyond += (marks >> 2) & 1;
        found.special += marks >> 3;
    }
    sums.found(found)
}

/// The same of a whole tile, unless it holds something that is no number or is beyond the stored
/// type: nothing is chosen element by element, so that the loop becomes vectors.
#[inline(always)]
fn plain(values: Values<'_>) -> Option<TileChange> {
    let (results, others) = values.results.split_at(HALF);
    let (stored, other_stored) = values.stored.split_at(HALF);
    let (base, other_base) = values.base.split_at(HALF);
    let mut sums = Sums::default();
    let (mut most, mut most_base, mut same, mut flushed) = (0, 0, 0, 0);
    for i in 0..HALF {
        let one = [results[i], stored[i], base[i]];
        let other = [others[i], other_stored[i], other_base[i]];
        let ([d, k], [other_d, other_k]) = (changes(one), changes(other));
        sums.meant[i] = d * d + other_d * other_d;
        sums.stored[i] = k * k + other_k * other_k;
        sums.along[i] = d * k + other_d * other_k;
        most = most.max(one[0] & MAGNITUDE).max(other[0] & MAGNITUDE);
        most_base = most_base.max(one[2] & MAGNITUDE).max(other[2] & MAGNITUDE);
        same += is_same(one) + is_same(other);
        flushed += is_flushed(one) + is_flushed(other);
    }
    let plain = most <= values.limit && most_base < INFINITY;
    // Not a closure: it would be compiled for the baseline.
    if !plain {
        return None;
    }
    Some(sums.found(TileChange {
        changed: TILE as u32 - same,
        flushed,
        ..TileChange::default()
    }))
}

const MAGNITUDE: u32 = 0x7fff_ffff;
const INFINITY: u32 = 0x7f80_0000;

/// The meant and the stored change. They are large enough or zero, so that no sum or product of
/// them is flushed anywhere, and needs no guard.
#[inline(always)]
fn changes([result, stored, base]: Element) -> [f32; 2] {
    let base = f32::from_bits(base);
    let change = |value: u32| f32::from_bits(told((f32::from_bits(value) - base).to_bits()));
    [change(result), change(stored)]
}

/// 1 where the stored number is the base's.
#[inline(always)]
fn is_same([_, stored, base]: Element) -> u32 {
    u32::from(f32::from_bits(stored) == f32::from_bits(base))
}

/// 1 where a result other than zero was stored as zero.
#[inline(always)]
fn is_flushed([result, stored, _]: Element) -> u32 {
    u32::from(stored & MAGNITUDE == 0) & u32::from(result & MAGNITUDE != 0)
}

/// The first level of the trees of a tile.
struct Sums {
    meant: [f32; HALF],
    stored: [f32; HALF],
    along: [f32; HALF],
}

impl Default for Sums {
    #[inline(always)]
    fn default() -> Sums {
        Sums {
            meant: [0.0; HALF],
            stored: [0.0; HALF],
            along: [0.0; HALF],
        }
    }
}

impl Sums {
    /// The sums, with the counts.
    #[inline(always)]
    fn found(&mut self, counts: TileChange) -> TileChange {
        TileChange {
            meant: fold(&mut self.meant),
            stored: fold(&mut self.stored),
            along: fold(&mut self.along),
            ..counts
        }
    }
}

/// The further levels of a tree.
#[inline(always)]
fn fold(partial: &mut [f32; HALF]) -> f32 {
    let mut half = HALF / 2;
    while half > 0 {
        let (low, high) = partial.split_at_mut(half);
        for (sum, other) in low.iter_mut().zip(high) {
            *sum += *other;
        }
        half /= 2;
    }
    partial[0]
}
