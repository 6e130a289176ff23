//! f16 and bf16 in vectors of 512 bits.

use std::arch::x86_64::*;

use super::{extent_of_bf16, extent_of_f16, fetch_ahead};
use crate::exec::cpu::bounds::Extent;

/// Elements of a block.
pub(super) const BLOCK: usize = 32;
const LANES: usize = BLOCK / 2;

/// Decodes whole blocks. Of what is not finite it tells only that it is there.
#[target_feature(enable = "avx512f,avx512bw")]
pub(super) fn decode_f16(bytes: &[u8], out: &mut [u32]) -> Extent {
    let exponent = _mm512_set1_epi16(0x7c00);
    let mut special = 0;
    let blocks = out.as_chunks_mut::<BLOCK>().0;
    for (out, bytes) in blocks.iter_mut().zip(bytes.as_chunks::<{ 2 * BLOCK }>().0) {
        fetch_ahead(bytes);
        // SAFETY: the arrays have the size of the vectors; no alignment is needed.
        unsafe {
            let halves = _mm512_loadu_si512(bytes.as_ptr().cast());
            special |= _mm512_cmpeq_epi16_mask(_mm512_and_si512(halves, exponent), exponent);
            let low = _mm512_cvtph_ps(_mm512_castsi512_si256(halves));
            let high = _mm512_cvtph_ps(_mm512_extracti64x4_epi64(halves, 1));
            _mm512_storeu_ps(out.as_mut_ptr().cast(), low);
            _mm512_storeu_ps(out.as_mut_ptr().add(LANES).cast(), high);
        }
    }
    extent_of_f16(special == 0)
}

/// Decodes whole blocks.
#[target_feature(enable = "avx512f,avx512bw")]
pub(super) fn decode_bf16(bytes: &[u8], out: &mut [u32]) -> Extent {
    let magnitude = _mm512_set1_epi16(i16::MAX);
    let one = _mm512_set1_epi16(1);
    let mut below = _mm512_set1_epi16(-1);
    let mut most = _mm512_setzero_si512();
    // In this order of the eighths the two unpacks give the elements in theirs.
    let order = _mm512_setr_epi64(0, 4, 1, 5, 2, 6, 3, 7);
    let zero = _mm512_setzero_si512();
    let blocks = out.as_chunks_mut::<BLOCK>().0;
    for (out, bytes) in blocks.iter_mut().zip(bytes.as_chunks::<{ 2 * BLOCK }>().0) {
        fetch_ahead(bytes);
        // SAFETY: the arrays have the size of the vectors; no alignment is needed.
        unsafe {
            let halves = _mm512_loadu_si512(bytes.as_ptr().cast());
            let size = _mm512_and_si512(halves, magnitude);
            // Zero becomes the largest number.
            below = _mm512_min_epu16(below, _mm512_sub_epi16(size, one));
            most = _mm512_max_epu16(most, size);
            let eighths = _mm512_permutexvar_epi64(order, halves);
            let low = _mm512_unpacklo_epi16(zero, eighths);
            let high = _mm512_unpackhi_epi16(zero, eighths);
            _mm512_storeu_si512(out.as_mut_ptr().cast(), low);
            _mm512_storeu_si512(out.as_mut_ptr().add(LANES).cast(), high);
        }
    }
    extent_of_bf16(&halves_of(below), &halves_of(most))
}

#[inline]
#[target_feature(enable = "avx512f")]
fn halves_of(vector: __m512i) -> [u16; BLOCK] {
    let mut halves = [0; BLOCK];
    // SAFETY: the array has the size of the vector; the store needs no alignment.
    unsafe { _mm512_storeu_si512(halves.as_mut_ptr().cast(), vector) };
    halves
}

/// Encodes whole blocks. Returns the largest magnitude.
#[target_feature(enable = "avx512f")]
pub(super) fn encode_f16(register: &[u32], out: &mut [u8]) -> u32 {
    let magnitude = _mm512_set1_epi32(i32::MAX);
    let mut most = _mm512_setzero_si512();
    let blocks = out.as_chunks_mut::<{ 2 * BLOCK }>().0;
    for (out, bits) in blocks.iter_mut().zip(register.as_chunks::<BLOCK>().0) {
        for half in 0..2 {
            // SAFETY: the arrays have the size of two vectors; no alignment is needed.
            unsafe {
                let bits = _mm512_loadu_si512(bits.as_ptr().add(LANES * half).cast());
                most = _mm512_max_epu32(most, _mm512_and_si512(bits, magnitude));
                let wide = _mm512_castsi512_ps(bits);
                let halves = _mm512_cvtps_ph::<_MM_FROUND_TO_NEAREST_INT>(wide);
                _mm256_storeu_si256(out.as_mut_ptr().add(BLOCK * half).cast(), halves);
            }
        }
    }
    _mm512_reduce_max_epu32(most)
}

/// Encodes whole blocks of what is no NaN. Returns the largest magnitude, rounded.
#[target_feature(enable = "avx512f,avx512bw")]
pub(super) fn encode_bf16(register: &[u32], out: &mut [u8]) -> u32 {
    let magnitude = _mm512_set1_epi16(i16::MAX);
    let mut most = _mm512_setzero_si512();
    // The upper halves of the lanes of the first vector, then of the second.
    let lanes = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    let pairs = _mm512_or_si512(_mm512_slli_epi32(lanes, 2), _mm512_slli_epi32(lanes, 18));
    let upper = _mm512_add_epi32(pairs, _mm512_set1_epi32(0x0003_0001));
    let blocks = out.as_chunks_mut::<{ 2 * BLOCK }>().0;
    for (out, bits) in blocks.iter_mut().zip(register.as_chunks::<BLOCK>().0) {
        // SAFETY: the arrays have the size of the vectors; no alignment is needed.
        unsafe {
            let low = _mm512_loadu_si512(bits.as_ptr().cast());
            let high = _mm512_loadu_si512(bits.as_ptr().add(LANES).cast());
            let halves = _mm512_permutex2var_epi16(rounded(low), upper, rounded(high));
            most = _mm512_max_epu16(most, _mm512_and_si512(halves, magnitude));
            _mm512_storeu_si512(out.as_mut_ptr().cast(), halves);
        }
    }
    u32::from(halves_of(most).into_iter().fold(0, u16::max)) << 16
}

/// f32 bits whose upper halves are rounded to nearest even.
#[inline]
#[target_feature(enable = "avx512f")]
fn rounded(bits: __m512i) -> __m512i {
    let odd = _mm512_and_si512(_mm512_srli_epi32(bits, 16), _mm512_set1_epi32(1));
    _mm512_add_epi32(bits, _mm512_add_epi32(_mm512_set1_epi32(0x7fff), odd))
}
