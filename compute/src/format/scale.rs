//! The scales of a part.

use super::layout::E8M0;
use super::number::{NUMBERS, canonical};
use crate::dtype::{DType, Float, codec};

/// Scales as they are stored.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scales<'a> {
    bytes: &'a [u8],
    dtype: DType,
    e8m0: E8M0,
}

impl<'a> Scales<'a> {
    /// Scales of a type; U8 means E8M0.
    pub(super) fn new(bytes: &'a [u8], dtype: DType, e8m0: E8M0) -> Scales<'a> {
        Scales { bytes, dtype, e8m0 }
    }

    /// Scales that are floats.
    pub(super) fn floats(bytes: &'a [u8], float: Float) -> Scales<'a> {
        Scales::new(bytes, float.dtype(), E8M0::Ocp)
    }

    /// Bytes of a scale.
    pub(super) fn width(dtype: DType) -> u64 {
        dtype.bits().div_ceil(8)
    }

    /// The scale with this number.
    #[inline(always)]
    pub(super) fn at(&self, index: usize) -> f32 {
        let half = || u64::from(u16::from_le_bytes(self.word(index)));
        let bits = match self.dtype {
            DType::F32 => u32::from_le_bytes(self.word(index)),
            DType::F16 => codec::decode(Float::F16, half()),
            DType::BF16 => codec::decode(Float::BF16, half()),
            DType::F8E4M3 => return NUMBERS.e4m3[usize::from(self.bytes[index])],
            DType::F8E5M2 => return NUMBERS.e5m2[usize::from(self.bytes[index])],
            _ => power(self.e8m0, self.bytes[index]),
        };
        canonical(f32::from_bits(bits))
    }

    #[inline(always)]
    fn word<const N: usize>(&self, index: usize) -> [u8; N] {
        let mut word = [0; N];
        word.copy_from_slice(&self.bytes[index * N..][..N]);
        word
    }
}

/// The f32 bits of an exponent; half of it for [`E8M0::Power`], of which the largest is none.
#[inline(always)]
fn power(e8m0: E8M0, byte: u8) -> u32 {
    match (byte, e8m0) {
        // 2^-127 and 2^-128 are no normal numbers.
        (0, E8M0::Ocp) | (1, E8M0::Power) => 0x0040_0000,
        (0, E8M0::Power) => 0x0020_0000,
        (_, E8M0::Power) => (u32::from(byte) - 1) << 23,
        (255, E8M0::Ocp) => 0x7fc0_0000,
        _ => u32::from(byte) << 23,
    }
}
