//! Random words for a tile, several Philox blocks at a time.
//!
//! The definition is `shaders/codec/philox.wgsl`, which multiplies in 16-bit halves because WGSL
//! has no wide product. Here the product is 64 bits wide; the AVX2 form keeps each word in the low
//! half of a 64-bit lane, where the wide product needs no shuffling. A test compares the three.

use super::Level;
use crate::kernel::Stream;

const BLOCKS: usize = 8;
const MULTIPLIERS: [u32; 2] = [0xd251_1f53, 0xcd9e_8d57];
const WEYL: [u32; 2] = [0x9e37_79b9, 0xbb67_ae85];

/// Writes the words of the elements from `start`, a multiple of 4.
pub(super) fn fill(level: Level, stream: Stream, start: u64, out: &mut [u32]) {
    assert_eq!(start % 4, 0, "a tile begins at a whole block");
    #[cfg(target_arch = "x86_64")]
    if level.is_avx2() {
        // SAFETY: an executor has this level only where the machine supports it.
        return unsafe { avx2::fill(stream, start, out) };
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
    for _ in 0..10 {
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

#[cfg(target_arch = "x86_64")]
mod avx2 {
    use std::arch::x86_64::*;

    use super::{MULTIPLIERS, Stream, WEYL, fill_inline};

    /// Blocks of one vector: one per 64-bit lane.
    const LANES: u64 = 4;
    /// Vectors worked on together, so that one's products overlap the other's.
    const GROUPS: usize = 2;
    const WORDS: usize = 4 * LANES as usize * GROUPS;

    #[target_feature(enable = "avx2")]
    pub(super) fn fill(stream: Stream, start: u64, out: &mut [u32]) {
        let Stream([k0, k1, s2, s3]) = stream;
        let broadcast = |word: u32| _mm256_set1_epi64x(i64::from(word));
        let mut keys = [[_mm256_setzero_si256(); 2]; 10];
        for (round, key) in (0u32..).zip(&mut keys) {
            let step = |k: u32, weyl: u32| k.wrapping_add(weyl.wrapping_mul(round));
            *key = [broadcast(step(k0, WEYL[0])), broadcast(step(k1, WEYL[1]))];
        }
        let multipliers = [broadcast(MULTIPLIERS[0]), broadcast(MULTIPLIERS[1])];
        // In this order the two unpacks below give the blocks in theirs.
        let order = _mm256_setr_epi64x(0, 2, 1, 3);
        let mut quad = start / 4;
        let (chunks, tail) = out.as_chunks_mut::<WORDS>();
        for chunk in chunks {
            let mut state = [[_mm256_setzero_si256(); 4]; GROUPS];
            for (group, state) in (0u64..).zip(&mut state) {
                let first = _mm256_set1_epi64x(quad.wrapping_add(group * LANES) as i64);
                let counter = _mm256_add_epi64(first, order);
                *state = [
                    counter,
                    _mm256_srli_epi64(counter, 32),
                    broadcast(s2),
                    broadcast(s3),
                ];
            }
            for key in &keys {
                for state in &mut state {
                    *state = round(*state, multipliers, *key);
                }
            }
            for (out, state) in chunk.as_chunks_mut::<16>().0.iter_mut().zip(state) {
                store(state, out);
            }
            quad = quad.wrapping_add(LANES * GROUPS as u64);
        }
        fill_inline(stream, quad.wrapping_mul(4), tail);
    }

    /// One round. The upper halves of the lanes hold leavings that no product reads.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn round([x, y, z, w]: [__m256i; 4], m: [__m256i; 2], key: [__m256i; 2]) -> [__m256i; 4] {
        let a = _mm256_mul_epu32(x, m[0]);
        let b = _mm256_mul_epu32(z, m[1]);
        let high_a = _mm256_srli_epi64(a, 32);
        let high_b = _mm256_srli_epi64(b, 32);
        [
            _mm256_xor_si256(_mm256_xor_si256(high_b, y), key[0]),
            b,
            _mm256_xor_si256(_mm256_xor_si256(high_a, w), key[1]),
            a,
        ]
    }

    /// Writes four blocks, word after word.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn store([x, y, z, w]: [__m256i; 4], out: &mut [u32; 16]) {
        let xy = _mm256_blend_epi32(x, _mm256_slli_epi64(y, 32), 0b1010_1010);
        let zw = _mm256_blend_epi32(z, _mm256_slli_epi64(w, 32), 0b1010_1010);
        let (low, high) = out.split_at_mut(8);
        // SAFETY: each half has the size of the vector; the stores need no alignment.
        unsafe {
            _mm256_storeu_si256(low.as_mut_ptr().cast(), _mm256_unpacklo_epi64(xy, zw));
            _mm256_storeu_si256(high.as_mut_ptr().cast(), _mm256_unpackhi_epi64(xy, zw));
        }
    }
}
