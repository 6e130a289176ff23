//! The last steps of decoding: what a library rounds to, and one form of NaN.

use super::number::canonical;
use crate::dtype::{Float, codec};
use crate::level::{Level, at_level};

/// Rounds numbers to those of a type.
pub(super) fn round(level: Level, float: Float, out: &mut [f32]) {
    if !matches!(float, Float::F32 | Float::F64) {
        at_level!(
            level,
            round_inline(float: Float = float, out: &mut [f32] = out)
        );
    }
}

#[inline(always)]
fn round_inline(float: Float, out: &mut [f32]) {
    match float {
        Float::F32 | Float::F64 => {}
        Float::F16 => each(Float::F16, out),
        Float::BF16 => each(Float::BF16, out),
        Float::F8E4M3 => each(Float::F8E4M3, out),
        Float::F8E5M2 => each(Float::F8E5M2, out),
    }
}

#[inline(always)]
fn each(float: Float, out: &mut [f32]) {
    for i in 0..out.len() {
        let stored = codec::encode(float, out[i].to_bits());
        out[i] = f32::from_bits(codec::decode(float, stored));
    }
}

/// Gives every NaN the same bits. Those of a sum depend on the instructions that make it.
pub(super) fn settle(level: Level, out: &mut [f32]) {
    // They are rare, and looking is faster than writing.
    if at_level!(level, has_nan(out: &[f32] = out) -> bool) {
        for x in out {
            *x = canonical(*x);
        }
    }
}

#[inline(always)]
fn has_nan(out: &[f32]) -> bool {
    let mut found = 0;
    for i in 0..out.len() {
        found |= u32::from(out[i].is_nan());
    }
    found != 0
}
