//! Single numbers in the types that scales are stored and computed in.

use crate::dtype::{DType, Float, codec};
use crate::format::E8M0;
use crate::format::scale::Scales;

/// A number rounded to a type, as f32.
pub(super) fn rounded(float: Float, x: f32) -> f32 {
    match float {
        Float::F32 | Float::F64 => x,
        _ => f32::from_bits(codec::decode(float, codec::encode(float, x.to_bits()))),
    }
}

/// The least step above 1 of a type.
pub(super) fn epsilon(float: Float) -> f32 {
    match float {
        Float::BF16 => 0.007_812_5,
        Float::F16 => 0.000_976_562_5,
        _ => f32::EPSILON,
    }
}

/// The bits of a scale that is stored as a float; what it cannot hold is its largest number.
pub(super) fn stored(scale: DType, x: f32) -> u32 {
    match scale.float() {
        Some(Float::F32 | Float::F64) | None => x.to_bits(),
        Some(float) => {
            let most = f32::from_bits(codec::limit(float));
            let held = if x.abs() > most { most.copysign(x) } else { x };
            codec::encode(float, held.to_bits()) as u32
        }
    }
}

/// The number that the bits of a scale mean.
pub(super) fn meant(scale: DType, e8m0: E8M0, bits: u32) -> f32 {
    // Of the largest power the decoder keeps half.
    let e8m0 = match e8m0 {
        E8M0::Power => E8M0::Ocp,
        e8m0 => e8m0,
    };
    Scales::new(&bits.to_le_bytes(), scale, e8m0).at(0)
}

/// The bits of a little-endian scale of up to four bytes; 0 for what is not there.
pub(super) fn read(bytes: &[u8], width: usize, at: usize) -> u32 {
    let mut bits = 0;
    for i in 0..width {
        let byte = bytes.get(width * at + i).copied().unwrap_or_default();
        bits |= u32::from(byte) << (8 * i);
    }
    bits
}

/// Writes the bits of a scale, little-endian.
pub(super) fn write(bytes: &mut [u8], width: usize, at: usize, bits: u32) {
    let from = width * at;
    bytes[from..from + width].copy_from_slice(&bits.to_le_bytes()[..width]);
}
