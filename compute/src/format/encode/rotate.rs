//! ConvRot's rotation of rows.

use crate::level::{Level, at_level};

/// Multiplies each group of a row by a Hadamard matrix: the Kronecker power of
/// `[[1,1,1,-1],[1,1,-1,1],[1,-1,1,1],[-1,1,1,1]]`, divided by the root of its size, which is a
/// power of 4. What is left at the end stays.
pub(super) fn rotate(level: Level, group: usize, row: &mut [f32]) {
    for part in row.chunks_exact_mut(group.max(1)) {
        let mut stride = 1;
        while stride * 4 <= group {
            at_level!(level, fourfold(stride: usize = stride, part: &mut [f32] = part));
            stride *= 4;
        }
    }
}

/// One factor of the product. Halving in each of them divides by the root, exactly.
#[inline(always)]
fn fourfold(stride: usize, part: &mut [f32]) {
    let mut at = 0;
    while at + 4 * stride <= part.len() {
        let (first, rest) = part[at..at + 4 * stride].split_at_mut(stride);
        let (second, rest) = rest.split_at_mut(stride);
        let (third, fourth) = rest.split_at_mut(stride);
        for i in 0..stride {
            let (a, b, c, d) = (first[i], second[i], third[i], fourth[i]);
            first[i] = 0.5 * ((a + b) + (c - d));
            second[i] = 0.5 * ((a + b) - (c - d));
            third[i] = 0.5 * ((a - b) + (c + d));
            fourth[i] = 0.5 * ((b - a) + (c + d));
        }
        at += 4 * stride;
    }
}
