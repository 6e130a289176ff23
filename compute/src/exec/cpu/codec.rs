//! Decoding and encoding of whole tiles.
//!
//! The loops call the scalar codecs of [`crate::dtype::codec`]; f16 and bf16 have twins in vector
//! instructions, equal to them on every input.

use super::Level;
use super::bounds::{Bounds, DIGITS, Extent};
use super::elements::{encode_inline, load_inline};
use super::formula::{in_bf16, in_f16, in_f32};
use crate::dtype::{Float, codec};
use crate::kernel::Compute;
use crate::level::at_level;

/// What decoding found.
#[derive(Clone, Copy, Debug)]
pub(super) struct Decoded {
    /// Whether there is neither an infinity nor a NaN.
    pub(super) is_finite: bool,
    /// What is known of the values.
    pub(super) bounds: Option<Bounds>,
}

/// Decodes little-endian elements into f32 bits, rounded to the working dtype unless that is None.
pub(super) fn decode(
    level: Level,
    float: Float,
    working: Option<Compute>,
    bytes: &[u8],
    out: &mut [u32],
) -> Decoded {
    let found = load(level, float, bytes, out);
    match working {
        None => {}
        Some(Compute::F32) if found.is_settled() => {}
        Some(compute) => at_level!(level, round(compute: Compute = compute, out: &mut [u32] = out)),
    }
    // What a type of few exponents holds is known without looking.
    let (least, digits) = match float {
        Float::F16 => (codec::decode(float, 1), 0),
        Float::F8E4M3 | Float::F8E5M2 => (codec::decode(float, 1), 0),
        Float::BF16 => (found.least, 7),
        Float::F32 | Float::F64 => (found.least, DIGITS),
    };
    let most = found.most;
    // A narrow working dtype may make an infinity of a number.
    let is_narrowed = matches!(working, Some(Compute::BF16 | Compute::F16));
    Decoded {
        is_finite: found.is_finite(),
        bounds: Bounds::of(Extent { least, most }, digits).filter(|_| !is_narrowed),
    }
}

/// Encodes settled f32 bits as little-endian elements. Returns a magnitude that is beyond the
/// type's limit if one of them is.
pub(super) fn encode(level: Level, float: Float, values: &[u32], out: &mut [u8]) -> u32 {
    #[cfg(target_arch = "x86_64")]
    if let Some(most) = super::halves::encode(level, float, values, out) {
        return most;
    }
    at_level!(
        level,
        encode_inline(float: Float = float, values: &[u32] = values, out: &mut [u8] = out) -> u32
    )
}

/// Decodes without rounding.
fn load(level: Level, float: Float, bytes: &[u8], out: &mut [u32]) -> Extent {
    #[cfg(target_arch = "x86_64")]
    if let Some(extent) = super::halves::decode(level, float, bytes, out) {
        return extent;
    }
    at_level!(
        level,
        load_inline(float: Float = float, bytes: &[u8] = bytes, out: &mut [u32] = out) -> Extent
    )
}

/// Rounds to a working dtype.
#[inline(always)]
fn round(compute: Compute, out: &mut [u32]) {
    let each = |out: &mut [u32], rz: fn(f32) -> f32| {
        for word in out {
            *word = rz(f32::from_bits(*word)).to_bits();
        }
    };
    match compute {
        Compute::F32 => each(out, in_f32::rz),
        Compute::BF16 => each(out, in_bf16::rz),
        Compute::F16 => each(out, in_f16::rz),
    }
}
