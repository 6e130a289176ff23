//! The sum of a tile by a fixed tree.

use super::formula::in_f32;
use crate::kernel::TILE;

/// The sum of the f32 values of a register of at most [`TILE`] elements, which is filled up with
/// zeros: element i and element i + 512 are added, then i and i + 256, down to one. Each addition
/// rounds to f32 whatever the working dtype, as tools that compute in bf16 do in their sums.
pub(super) fn tree(register: &[u32]) -> f32 {
    let mut partial = [0.0f32; TILE];
    for (sum, bits) in partial.iter_mut().zip(register) {
        *sum = f32::from_bits(*bits);
    }
    let mut half = TILE / 2;
    while half > 0 {
        let (low, high) = partial.split_at_mut(half);
        for (sum, other) in low.iter_mut().zip(high) {
            *sum = in_f32::rz(*sum + *other);
        }
        half /= 2;
    }
    partial[0]
}
