//! Random words for a tile, several Philox blocks at a time.
//!
//! The definition is `shaders/codec/philox.wgsl`, which multiplies in 16-bit halves because WGSL
//! has no wide product. Here the product is 64 bits wide; the forms for AVX2 and AVX-512
//! (`philox/vectors.rs`) keep each word in the low half of a 64-bit lane, where the wide product
//! needs no shuffling. A test compares them all.

#[cfg(target_arch = "x86_64")]
mod vectors;

use super::Level;
use crate::kernel::Stream;

const BLOCKS: usize = 8;
const ROUNDS: usize = 10;
const MULTIPLIERS: [u32; 2] = [0xd251_1f53, 0xcd9e_8d57];
const WEYL: [u32; 2] = [0x9e37_79b9, 0xbb67_ae85];

/// Writes the words of the elements from `start`, a multiple of 4.
pub(super) fn fill(level: Level, stream: Stream, start: u64, out: &mut [u32]) {
    assert_eq!(start % 4, 0, "a tile begins at a whole block");
    #[cfg(target_arch = "x86_64")]
    if level.is_avx512() {
        // SAFETY: there is a level only where the machine has its instructions.
        return unsafe { vectors::avx512::fill(stream, start, out) };
    } else if level.is_avx2() {
        // SAFETY: as above.
        return unsafe { vectors::avx2::fill(stream, start, out) };
    }
    let _ = level;
    fill_inline(stream, start, out);
}

#[inline(always)]
fn fill_inline(stream: Stream, start: u64, out: &mut [u32]) {
    let mut quad = start / 4;
    for chunk in out.chunks_mut(4 * BLOCKS) {
        let words = blocks(stream, quad);
        for (block, out) in chunk.chunks_mut(4).enumerate() {
            for (word, out) in out.iter_mut().enumerate() {
                *out = words[word][block];
            }
        }
        quad += BLOCKS as u64;
    }
}

/// Eight consecutive blocks, as four planes of words.
#[inline(always)]
fn blocks(Stream([mut k0, mut k1, s2, s3]): Stream, quad: u64) -> [[u32; BLOCKS]; 4] {
    let mut x = [0; BLOCKS];
    let mut y = [0; BLOCKS];
    let mut z = [s2; BLOCKS];
    let mut w = [s3; BLOCKS];
    for i in 0..BLOCKS {
        let counter = quad.wrapping_add(i as u64);
        x[i] = counter as u32;
        y[i] = (counter >> 32) as u32;
    }
    for _ in 0..ROUNDS {
        for i in 0..BLOCKS {
            let a = u64::from(x[i]) * u64::from(MULTIPLIERS[0]);
            let b = u64::from(z[i]) * u64::from(MULTIPLIERS[1]);
            x[i] = (b >> 32) as u32 ^ y[i] ^ k0;
            y[i] = b as u32;
            z[i] = (a >> 32) as u32 ^ w[i] ^ k1;
            w[i] = a as u32;
        }
        k0 = k0.wrapping_add(WEYL[0]);
        k1 = k1.wrapping_add(WEYL[1]);
    }
    [x, y, z, w]
}
