//! Elements one after the other, by the scalar codecs of [`crate::dtype::codec`]: loops that are
//! compiled for every instruction set.

use super::bounds::{Extent, Measure};
use crate::dtype::{Float, codec};

/// The bits of a magnitude.
const MAGNITUDE: u32 = 0x7fff_ffff;

#[inline(always)]
fn load_as<const N: usize>(
    bytes: &[u8],
    out: &mut [u32],
    decode: impl Fn([u8; N]) -> u32,
) -> Extent {
    let mut measure = Measure::default();
    for (out, bytes) in out.iter_mut().zip(bytes.as_chunks::<N>().0) {
        let bits = decode(*bytes);
        measure.take(bits);
        *out = bits;
    }
    measure.end()
}

/// Decodes without rounding.
#[inline(always)]
pub(super) fn load_inline(float: Float, bytes: &[u8], out: &mut [u32]) -> Extent {
    match float {
        Float::F64 => load_as(bytes, out, |b: [u8; 8]| {
            codec::decode(Float::F64, u64::from_le_bytes(b))
        }),
        Float::F32 => load_as(bytes, out, u32::from_le_bytes),
        Float::F16 => load_as(bytes, out, |b: [u8; 2]| {
            codec::decode(Float::F16, u64::from(u16::from_le_bytes(b)))
        }),
        Float::BF16 => load_as(bytes, out, |b: [u8; 2]| {
            u32::from(u16::from_le_bytes(b)) << 16
        }),
        Float::F8E4M3 => load_as(bytes, out, |b: [u8; 1]| {
            codec::decode(Float::F8E4M3, u64::from(b[0]))
        }),
        Float::F8E5M2 => load_as(bytes, out, |b: [u8; 1]| {
            codec::decode(Float::F8E5M2, u64::from(b[0]))
        }),
    }
}

#[inline(always)]
fn encode_as<const N: usize>(
    register: &[u32],
    out: &mut [u8],
    pack: impl Fn(u32) -> [u8; N],
) -> u32 {
    let mut most = 0;
    for (out, bits) in out.as_chunks_mut::<N>().0.iter_mut().zip(register) {
        *out = pack(*bits);
        most = most.max(*bits & MAGNITUDE);
    }
    most
}

/// Encodes settled f32 bits. Returns the largest magnitude.
#[inline(always)]
pub(super) fn encode_inline(float: Float, register: &[u32], out: &mut [u8]) -> u32 {
    match float {
        Float::F64 => encode_as(register, out, |x| {
            codec::encode(Float::F64, x).to_le_bytes()
        }),
        Float::F32 => encode_as(register, out, u32::to_le_bytes),
        Float::F16 => encode_as(register, out, |x| {
            (codec::encode(Float::F16, x) as u16).to_le_bytes()
        }),
        Float::BF16 => encode_as(register, out, |x| {
            (codec::encode(Float::BF16, x) as u16).to_le_bytes()
        }),
        Float::F8E4M3 => encode_as(register, out, |x| [codec::encode(Float::F8E4M3, x) as u8]),
        Float::F8E5M2 => encode_as(register, out, |x| [codec::encode(Float::F8E5M2, x) as u8]),
    }
}
