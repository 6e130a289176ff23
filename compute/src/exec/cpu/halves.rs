//! f16 and bf16 in vector instructions.
//!
//! Whole blocks are done here; what is not finite, and what is left over, by the scalar codecs.

mod wide;

use std::arch::x86_64::*;

use super::Level;
use super::bounds::Extent;
use super::elements::{encode_inline, load_inline};
use crate::dtype::Float;
use crate::kernel::TILE;

/// Elements of a block.
const BLOCK: usize = 16;

const INFINITY: u32 = 0x7f80_0000;

/// Decodes, where there is a faster way than the scalar codec's.
pub(super) fn decode(level: Level, float: Float, bytes: &[u8], out: &mut [u32]) -> Option<Extent> {
    let (found, block) = if level.is_avx512() {
        // SAFETY: there is a level only where the machine has its instructions.
        let found = unsafe {
            match float {
                Float::F16 => wide::decode_f16(bytes, out),
                Float::BF16 => wide::decode_bf16(bytes, out),
                _ => return None,
            }
        };
        (found, wide::BLOCK)
    } else if level.is_avx2() {
        // SAFETY: as above.
        let found = unsafe {
            match float {
                Float::F16 => decode_f16(bytes, out),
                Float::BF16 => decode_bf16(bytes, out),
                _ => return None,
            }
        };
        (found, BLOCK)
    } else {
        return None;
    };
    if !found.is_finite() {
        // The payloads of NaN differ between instructions and codec.
        return Some(load_inline(float, bytes, out));
    }
    let done = out.len() / block * block;
    let rest = load_inline(float, &bytes[2 * done..], &mut out[done..]);
    Some(found.or(rest))
}

/// Encodes, where there is a faster way than the scalar codec's. The result is that of
/// [`super::codec::encode`].
pub(super) fn encode(level: Level, float: Float, register: &[u32], out: &mut [u8]) -> Option<u32> {
    let (found, block) = if level.is_avx512() {
        // SAFETY: there is a level only where the machine has its instructions.
        let found = unsafe {
            match float {
                Float::F16 => wide::encode_f16(register, out),
                Float::BF16 => wide::encode_bf16(register, out),
                _ => return None,
            }
        };
        (found, wide::BLOCK)
    } else if level.is_avx2() {
        // SAFETY: as above.
        let found = unsafe {
            match float {
                Float::F16 => encode_f16(register, out),
                Float::BF16 => encode_bf16(register, out),
                _ => return None,
            }
        };
        (found, BLOCK)
    } else {
        return None;
    };
    if found >= INFINITY {
        return Some(encode_inline(float, register, out));
    }
    let done = register.len() / block * block;
    Some(encode_inline(float, &register[done..], &mut out[2 * done..]).max(found))
}

/// The range of f16, which has no denormal number that is one as f32; infinite at the upper end if
/// not all are finite.
fn extent_of_f16(finite: bool) -> Extent {
    Extent {
        least: 0x3380_0000,
        most: if finite { 0x477f_e000 } else { INFINITY },
    }
}

/// The extent of bf16 by their magnitudes: the least minus one, and the largest.
fn extent_of_bf16(below: &[u16], most: &[u16]) -> Extent {
    let below = below.iter().copied().fold(u16::MAX, u16::min);
    let most = most.iter().copied().fold(0, u16::max);
    Extent {
        least: match below.checked_add(1) {
            Some(least) => u32::from(least) << 16,
            None => u32::MAX,
        },
        most: u32::from(most) << 16,
    }
}

/// Asks for the bytes of the next tile: a Program reads several inputs in turn, which is more
/// than the hardware foresees.
#[inline]
fn fetch_ahead<const N: usize>(bytes: &[u8; N]) {
    // SAFETY: a hint, which may name any address.
    unsafe { _mm_prefetch::<_MM_HINT_T0>(bytes.as_ptr().wrapping_add(2 * TILE).cast()) };
}

/// Decodes whole blocks. Of what is not finite it tells only that it is there.
#[target_feature(enable = "avx2,f16c")]
fn decode_f16(bytes: &[u8], out: &mut [u32]) -> Extent {
    let exponent = _mm256_set1_epi16(0x7c00);
    let mut special = _mm256_setzero_si256();
    let blocks = out.as_chunks_mut::<BLOCK>().0;
    for (out, bytes) in blocks.iter_mut().zip(bytes.as_chunks::<{ 2 * BLOCK }>().0) {
        fetch_ahead(bytes);
        // SAFETY: the arrays have the size of the vectors; no alignment is needed.
        unsafe {
            let halves = _mm256_loadu_si256(bytes.as_ptr().cast());
            let full = _mm256_cmpeq_epi16(_mm256_and_si256(halves, exponent), exponent);
            special = _mm256_or_si256(special, full);
            let low = _mm256_cvtph_ps(_mm256_castsi256_si128(halves));
            let high = _mm256_cvtph_ps(_mm256_extracti128_si256(halves, 1));
            _mm256_storeu_ps(out.as_mut_ptr().cast(), low);
            _mm256_storeu_ps(out.as_mut_ptr().add(8).cast(), high);
        }
    }
    extent_of_f16(_mm256_movemask_epi8(special) == 0)
}

/// Decodes whole blocks.
#[target_feature(enable = "avx2")]
fn decode_bf16(bytes: &[u8], out: &mut [u32]) -> Extent {
    let magnitude = _mm256_set1_epi16(i16::MAX);
    let one = _mm256_set1_epi16(1);
    let zero = _mm256_setzero_si256();
    let mut below = _mm256_set1_epi16(-1);
    let mut most = zero;
    let blocks = out.as_chunks_mut::<BLOCK>().0;
    for (out, bytes) in blocks.iter_mut().zip(bytes.as_chunks::<{ 2 * BLOCK }>().0) {
        fetch_ahead(bytes);
        // SAFETY: the arrays have the size of the vectors; no alignment is needed.
        unsafe {
            let halves = _mm256_loadu_si256(bytes.as_ptr().cast());
            let size = _mm256_and_si256(halves, magnitude);
            // Zero becomes the largest number.
            below = _mm256_min_epu16(below, _mm256_sub_epi16(size, one));
            most = _mm256_max_epu16(most, size);
            // In this order of the quarters the two unpacks give the elements in theirs.
            let quarters = _mm256_permute4x64_epi64(halves, 0b11_01_10_00);
            let low = _mm256_unpacklo_epi16(zero, quarters);
            let high = _mm256_unpackhi_epi16(zero, quarters);
            _mm256_storeu_si256(out.as_mut_ptr().cast(), low);
            _mm256_storeu_si256(out.as_mut_ptr().add(8).cast(), high);
        }
    }
    extent_of_bf16(&lanes(below), &lanes(most))
}

#[inline]
#[target_feature(enable = "avx2")]
fn lanes(vector: __m256i) -> [u16; BLOCK] {
    let mut lanes = [0; BLOCK];
    // SAFETY: the array has the size of the vector; the store needs no alignment.
    unsafe { _mm256_storeu_si256(lanes.as_mut_ptr().cast(), vector) };
    lanes
}

/// Encodes whole blocks. Returns the largest magnitude.
#[target_feature(enable = "avx2,f16c")]
fn encode_f16(register: &[u32], out: &mut [u8]) -> u32 {
    let magnitude = _mm256_set1_epi32(i32::MAX);
    let mut most = _mm256_setzero_si256();
    let blocks = out.as_chunks_mut::<{ 2 * BLOCK }>().0;
    for (out, bits) in blocks.iter_mut().zip(register.as_chunks::<BLOCK>().0) {
        for half in 0..2 {
            // SAFETY: the arrays have the size of two vectors; no alignment is needed.
            unsafe {
                let bits = _mm256_loadu_si256(bits.as_ptr().add(8 * half).cast());
                most = _mm256_max_epu32(most, _mm256_and_si256(bits, magnitude));
                let wide = _mm256_castsi256_ps(bits);
                let halves = _mm256_cvtps_ph::<_MM_FROUND_TO_NEAREST_INT>(wide);
                _mm_storeu_si128(out.as_mut_ptr().add(16 * half).cast(), halves);
            }
        }
    }
    let mut lanes = [0_u32; 8];
    // SAFETY: the array has the size of the vector; the store needs no alignment.
    unsafe { _mm256_storeu_si256(lanes.as_mut_ptr().cast(), most) };
    lanes.into_iter().fold(0, u32::max)
}

/// Encodes whole blocks of what is no NaN. Returns the largest magnitude, rounded.
#[target_feature(enable = "avx2")]
fn encode_bf16(register: &[u32], out: &mut [u8]) -> u32 {
    let magnitude = _mm256_set1_epi16(i16::MAX);
    let mut most = _mm256_setzero_si256();
    let blocks = out.as_chunks_mut::<{ 2 * BLOCK }>().0;
    for (out, bits) in blocks.iter_mut().zip(register.as_chunks::<BLOCK>().0) {
        // SAFETY: the arrays have the size of the vectors; no alignment is needed.
        unsafe {
            let low = _mm256_loadu_si256(bits.as_ptr().cast());
            let high = _mm256_loadu_si256(bits.as_ptr().add(8).cast());
            let packed = _mm256_packus_epi32(rounded(low), rounded(high));
            let halves = _mm256_permute4x64_epi64(packed, 0b11_01_10_00);
            most = _mm256_max_epu16(most, _mm256_and_si256(halves, magnitude));
            _mm256_storeu_si256(out.as_mut_ptr().cast(), halves);
        }
    }
    u32::from(lanes(most).into_iter().fold(0, u16::max)) << 16
}

/// The upper halves of f32, rounded to nearest even.
#[inline]
#[target_feature(enable = "avx2")]
fn rounded(bits: __m256i) -> __m256i {
    let odd = _mm256_and_si256(_mm256_srli_epi32(bits, 16), _mm256_set1_epi32(1));
    let half = _mm256_add_epi32(_mm256_set1_epi32(0x7fff), odd);
    _mm256_srli_epi32(_mm256_add_epi32(bits, half), 16)
}
