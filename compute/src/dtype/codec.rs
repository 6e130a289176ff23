//! Bit-exact conversion between f32 and the element types of checkpoints.
//!
//! The scalar functions are the shader files themselves, read by rustc. They are the definition:
//! faster forms elsewhere (F16C, vectors of Philox blocks) are tested equal to them.
#![allow(
    clippy::needless_return,
    dead_code,
    reason = "the included files are WGSL as well as Rust, and are shared with other modules"
)]

use crate::dtype::Float;
use crate::wgsl::*;
use crate::wgsl::{codec_files, shaders};

codec_files!(shaders);

/// The f32 bits of one stored element, whose little-endian bytes are the low bytes of `word`.
/// Only f64 rounds (to nearest even, tiny values to zero); NaN payloads are not canonical yet.
#[inline(always)]
pub fn decode(float: Float, word: u64) -> u32 {
    match float {
        Float::F64 => f64_decode(word as u32, (word >> 32) as u32),
        Float::F32 => word as u32,
        Float::F16 => f16_decode(word as u32),
        Float::BF16 => bf16_decode(word as u32),
        Float::F8E4M3 => f8_e4m3_decode(word as u32),
        Float::F8E5M2 => f8_e5m2_decode(word as u32),
    }
}

/// The stored element nearest to an f32 given by its settled bits, ties to even, NaN canonical.
#[inline(always)]
pub fn encode(float: Float, x: u32) -> u64 {
    match float {
        Float::F64 => u64::from(f64_encode_lo(x)) | (u64::from(f64_encode_hi(x)) << 32),
        Float::F32 => u64::from(x),
        Float::F16 => u64::from(f16_encode(x)),
        Float::BF16 => u64::from(bf16_encode(x)),
        Float::F8E4M3 => u64::from(f8_e4m3_encode(x)),
        Float::F8E5M2 => u64::from(f8_e5m2_encode(x)),
    }
}

/// The largest magnitude, as f32 bits, that a stored type rounds to a finite number.
#[inline(always)]
pub fn limit(float: Float) -> u32 {
    match float {
        Float::F64 => F64_LIMIT,
        Float::F32 => F32_LIMIT,
        Float::F16 => F16_LIMIT,
        Float::BF16 => BF16_LIMIT,
        Float::F8E4M3 => F8_E4M3_LIMIT,
        Float::F8E5M2 => F8_E5M2_LIMIT,
    }
}

/// Whether a stored f64 is a finite number that rounds to an f32 infinity.
pub fn is_beyond(word: u64) -> bool {
    f64_is_beyond(word as u32, (word >> 32) as u32)
}

/// The form every f32 result takes: tiny magnitudes are zero, NaN is 0x7fc00000.
#[inline(always)]
pub fn settled(x: u32) -> u32 {
    settle(x)
}

/// One block of Philox4x32-10 by the shader's formula.
pub fn philox_block(counter: [u32; 4], key: [u32; 2]) -> [u32; 4] {
    let [x, y, z, w] = counter;
    let block = philox(vec4u(x, y, z, w), key[0], key[1]);
    [block.x, block.y, block.z, block.w]
}

/// The quotient of two f32 by the shader's integer algorithm, from a first guess of the quotient
/// of the mantissas that is up to four units in the last place off. For tests.
pub fn quotient_in_integers(a: f32, b: f32, guess_error: i32) -> f32 {
    let (a, b) = (a.to_bits(), b.to_bits());
    let denominator = f32((b & 0x7f_ffff) | 0x80_0000);
    let guess = f32(divide_numerator(a, b)) / denominator;
    let guess = guess.to_bits().wrapping_add_signed(guess_error);
    f32::from_bits(settle(divide_bits(a, b, guess)))
}

/// What two values are to each other, as f32 bits: a set of marks, of which 1 and 2 say that the
/// first and the second is infinite or NaN. Of numbers, 4 says that they have the same sign, 8 that
/// they have opposite ones, and 16 that they differ.
#[inline(always)]
pub fn compared(x: u32, y: u32) -> u32 {
    pair_marks(x, y)
}

/// What became of a result when it was stored, all as f32 bits: a set of marks, of which 1 says
/// that the stored value differs from the base's, 2 that a result other than zero became zero, 4
/// that a number is beyond `limit`, and 8 that what is stored is infinite or NaN.
#[inline(always)]
pub fn marks(result: u32, stored: u32, base: u32, limit: u32) -> u32 {
    change_marks(result, stored, base, limit)
}

/// Whether result, stored value and base are numbers.
#[inline(always)]
pub fn are_numbers(result: u32, stored: u32, base: u32) -> bool {
    change_counts(result, stored, base)
}

/// The exponent of the least change that counts in sums.
pub const LEAST_TOLD: i16 = -50;

/// A change as it counts in sums: none below 2^[`LEAST_TOLD`].
#[inline(always)]
pub fn told(x: u32) -> u32 {
    change_told(x)
}
