//! Decoding and encoding of whole tiles.
//!
//! The loops call the scalar codecs of [`crate::dtype::codec`]; f16 has a twin in F16C
//! instructions, equal to it on every input.

use super::Level;
use super::formula::{in_bf16, in_f16, in_f32};
use crate::dtype::{Float, codec};
use crate::kernel::{Compute, TILE};

/// Decodes little-endian elements into f32 bits, rounded to the working dtype unless that is None.
/// Returns whether all are finite.
pub(super) fn decode(
    level: Level,
    float: Float,
    working: Option<Compute>,
    bytes: &[u8],
    out: &mut [u32],
) -> bool {
    #[cfg(target_arch = "x86_64")]
    if level.is_avx2() {
        // SAFETY: an executor has this level only where the machine supports it.
        return unsafe { avx2::decode(float, working, bytes, out) };
    }
    let _ = level;
    decode_inline(float, working, bytes, out)
}

/// Encodes settled f32 bits as little-endian elements. Returns the largest magnitude.
pub(super) fn encode(level: Level, float: Float, plane: &[u32], out: &mut [u8]) -> u32 {
    #[cfg(target_arch = "x86_64")]
    if level.is_avx2() {
        // SAFETY: an executor has this level only where the machine supports it.
        return unsafe { avx2::encode(float, plane, out) };
    }
    let _ = level;
    encode_inline(float, plane, out)
}

/// The bits of a magnitude.
const MAGNITUDE: u32 = 0x7fff_ffff;

/// Whether the bits are those of a finite number.
#[inline(always)]
fn is_finite(bits: u32) -> bool {
    bits & 0x7f80_0000 != 0x7f80_0000
}

/// Decodes with `load`, then applies `round`; checks what was decoded.
#[inline(always)]
fn each<const N: usize>(
    bytes: &[u8],
    out: &mut [u32],
    load: impl Fn([u8; N]) -> u32,
    round: impl Fn(u32) -> u32,
) -> bool {
    let mut special = 0;
    for (out, bytes) in out.iter_mut().zip(bytes.as_chunks::<N>().0) {
        let decoded = load(*bytes);
        special |= u32::from(!is_finite(decoded));
        *out = round(decoded);
    }
    special == 0
}

#[inline(always)]
fn decode_as<const N: usize>(
    working: Option<Compute>,
    bytes: &[u8],
    out: &mut [u32],
    load: impl Fn([u8; N]) -> u32,
) -> bool {
    match working {
        None => each(bytes, out, load, |bits| bits),
        Some(Compute::F32) => each(bytes, out, load, |x| {
            in_f32::rz(f32::from_bits(x)).to_bits()
        }),
        Some(Compute::BF16) => each(bytes, out, load, |x| {
            in_bf16::rz(f32::from_bits(x)).to_bits()
        }),
        Some(Compute::F16) => each(bytes, out, load, |x| {
            in_f16::rz(f32::from_bits(x)).to_bits()
        }),
    }
}

#[inline(always)]
fn decode_inline(float: Float, working: Option<Compute>, bytes: &[u8], out: &mut [u32]) -> bool {
    match float {
        Float::F64 => decode_as(working, bytes, out, |b: [u8; 8]| {
            codec::decode(Float::F64, u64::from_le_bytes(b))
        }),
        Float::F32 => decode_as(working, bytes, out, u32::from_le_bytes),
        Float::F16 => decode_as(working, bytes, out, |b: [u8; 2]| {
            codec::decode(Float::F16, u64::from(u16::from_le_bytes(b)))
        }),
        Float::BF16 => decode_as(working, bytes, out, |b: [u8; 2]| {
            u32::from(u16::from_le_bytes(b)) << 16
        }),
        Float::F8E4M3 => decode_as(working, bytes, out, |b: [u8; 1]| {
            codec::decode(Float::F8E4M3, u64::from(b[0]))
        }),
        Float::F8E5M2 => decode_as(working, bytes, out, |b: [u8; 1]| {
            codec::decode(Float::F8E5M2, u64::from(b[0]))
        }),
    }
}

#[inline(always)]
fn encode_as<const N: usize>(plane: &[u32], out: &mut [u8], pack: impl Fn(u32) -> [u8; N]) -> u32 {
    let mut most = 0;
    for (out, bits) in out.as_chunks_mut::<N>().0.iter_mut().zip(plane) {
        *out = pack(*bits);
        most = most.max(*bits & MAGNITUDE);
    }
    most
}

#[inline(always)]
fn encode_inline(float: Float, plane: &[u32], out: &mut [u8]) -> u32 {
    match float {
        Float::F64 => encode_as(plane, out, |x| codec::encode(Float::F64, x).to_le_bytes()),
        Float::F32 => encode_as(plane, out, u32::to_le_bytes),
        Float::F16 => encode_as(plane, out, |x| {
            (codec::encode(Float::F16, x) as u16).to_le_bytes()
        }),
        Float::BF16 => encode_as(plane, out, |x| {
            (codec::encode(Float::BF16, x) as u16).to_le_bytes()
        }),
        Float::F8E4M3 => encode_as(plane, out, |x| [codec::encode(Float::F8E4M3, x) as u8]),
        Float::F8E5M2 => encode_as(plane, out, |x| [codec::encode(Float::F8E5M2, x) as u8]),
    }
}

#[cfg(target_arch = "x86_64")]
mod avx2 {
    use std::arch::x86_64::*;

    use super::*;

    #[target_feature(enable = "avx2,f16c")]
    pub(super) fn decode(
        float: Float,
        working: Option<Compute>,
        bytes: &[u8],
        out: &mut [u32],
    ) -> bool {
        let special = match (float, working) {
            // What an f16 decodes to needs no rounding in f32 unless it is a NaN.
            (Float::F16, None | Some(Compute::F32)) => decode_f16(bytes, out),
            (Float::BF16, Some(Compute::F32)) => decode_bf16(bytes, out),
            _ => return decode_inline(float, working, bytes, out),
        };
        if special {
            // NaN payloads differ between instructions and codec: decode by the definition.
            return decode_inline(float, working, bytes, out);
        }
        let done = out.len() / 16 * 16;
        decode_inline(float, working, &bytes[2 * done..], &mut out[done..])
    }

    /// Asks for the bytes of the next tile: a Program reads several inputs in turn, which is more
    /// than the hardware foresees.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn fetch_ahead(bytes: &[u8; 32]) {
        // A hint: it may name any address.
        _mm_prefetch::<_MM_HINT_T0>(bytes.as_ptr().wrapping_add(2 * TILE).cast());
    }

    /// Decodes whole blocks of 16 elements; returns whether one is infinite or NaN.
    #[target_feature(enable = "avx2,f16c")]
    fn decode_f16(bytes: &[u8], out: &mut [u32]) -> bool {
        let exponent = _mm256_set1_epi16(0x7c00);
        let mut special = _mm256_setzero_si256();
        for (out, bytes) in out
            .as_chunks_mut::<16>()
            .0
            .iter_mut()
            .zip(bytes.as_chunks::<32>().0)
        {
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
        _mm256_movemask_epi8(special) != 0
    }

    /// Decodes and settles whole blocks of 16 elements; returns whether one is infinite or NaN.
    #[target_feature(enable = "avx2")]
    fn decode_bf16(bytes: &[u8], out: &mut [u32]) -> bool {
        let sign = _mm256_set1_epi16(i16::MIN);
        let magnitude = _mm256_set1_epi16(i16::MAX);
        let tiny = _mm256_set1_epi16(0x0080);
        let largest = _mm256_set1_epi16(0x7f7f);
        let mut special = _mm256_setzero_si256();
        for (out, bytes) in out
            .as_chunks_mut::<16>()
            .0
            .iter_mut()
            .zip(bytes.as_chunks::<32>().0)
        {
            fetch_ahead(bytes);
            // SAFETY: the arrays have the size of the vectors; no alignment is needed.
            unsafe {
                let halves = _mm256_loadu_si256(bytes.as_ptr().cast());
                let size = _mm256_and_si256(halves, magnitude);
                special = _mm256_or_si256(special, _mm256_cmpgt_epi16(size, largest));
                // What is not above 2^-126 keeps its sign alone.
                let kept = _mm256_or_si256(_mm256_cmpgt_epi16(size, tiny), sign);
                let settled = _mm256_and_si256(halves, kept);
                let low = _mm256_cvtepu16_epi32(_mm256_castsi256_si128(settled));
                let high = _mm256_cvtepu16_epi32(_mm256_extracti128_si256(settled, 1));
                let out = out.as_mut_ptr();
                _mm256_storeu_si256(out.cast(), _mm256_slli_epi32(low, 16));
                _mm256_storeu_si256(out.add(8).cast(), _mm256_slli_epi32(high, 16));
            }
        }
        _mm256_movemask_epi8(special) != 0
    }

    #[target_feature(enable = "avx2,f16c")]
    pub(super) fn encode(float: Float, plane: &[u32], out: &mut [u8]) -> u32 {
        if float != Float::F16 {
            return encode_inline(float, plane, out);
        }
        let (blocks, tail) = plane.as_chunks::<8>();
        let (out_blocks, out_tail) = out.as_chunks_mut::<16>();
        let magnitude = _mm256_set1_epi32(MAGNITUDE as i32);
        let mut most = _mm256_setzero_si256();
        for (out, bits) in out_blocks.iter_mut().zip(blocks) {
            // SAFETY: both arrays have the size of the vector; loads and stores need no alignment.
            unsafe {
                let bits = _mm256_loadu_si256(bits.as_ptr().cast());
                most = _mm256_max_epu32(most, _mm256_and_si256(bits, magnitude));
                let wide = _mm256_castsi256_ps(bits);
                let halves = _mm256_cvtps_ph::<_MM_FROUND_TO_NEAREST_INT>(wide);
                _mm_storeu_si128(out.as_mut_ptr().cast(), halves);
            }
        }
        let mut lanes = [0_u32; 8];
        // SAFETY: as above, a store.
        unsafe { _mm256_storeu_si256(lanes.as_mut_ptr().cast(), most) };
        let tail = encode_inline(float, tail, out_tail);
        lanes.into_iter().fold(tail, u32::max)
    }
}
