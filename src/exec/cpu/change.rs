//! What the stored results of a tile change.

use super::formula::in_f32;
use super::level::at_level;
use super::{Level, sum};
use crate::dtype::codec::{are_numbers, marks};
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

#[inline(always)]
fn measure(values: Values<'_>) -> TileChange {
    let Values {
        results,
        stored,
        base,
        limit,
    } = values;
    let mut products = [[0.0f32; TILE]; 3];
    let [meants, keeps, alongs] = &mut products;
    // Counts that fit a byte each would overflow; two that fit half a word each do not.
    let (mut low, mut high) = (0u32, 0u32);
    let inputs = results.iter().zip(stored).zip(base);
    let outputs = meants.iter_mut().zip(keeps).zip(alongs);
    for (((&result, &stored), &base), ((meant, kept), along)) in inputs.zip(outputs) {
        let counts = are_numbers(result, stored, base);
        let [r, q, b] = [result, stored, base].map(f32::from_bits);
        let (d, k) = (in_f32::rz(r - b), in_f32::rz(q - b));
        let (d, k) = if counts { (d, k) } else { (0.0, 0.0) };
        *meant = in_f32::rz(d * d);
        *kept = in_f32::rz(k * k);
        *along = in_f32::rz(d * k);
        let marks = marks(result, stored, base, limit);
        low += (marks & 1) | ((marks & 2) << 15);
        high += ((marks & 4) >> 2) | ((marks & 8) << 13);
    }
    let [meant, stored, along] = products.map(|mut partial| sum::fold(&mut partial));
    TileChange {
        meant,
        stored,
        along,
        changed: low & 0xffff,
        flushed: low >> 16,
        beyond: high & 0xffff,
        special: high >> 16,
    }
}
