//! Blocks of 32 of GGUF files. The low nibbles are the first half of a block.

use crate::dtype::{Float, codec};

/// The levels of IQ4.
pub(super) const LEVELS: [i8; 16] = [
    -127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113,
];

/// Twice the numbers of E2M1.
const DOUBLES: [i8; 16] = [0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12];

/// The f16 at a place.
#[inline(always)]
pub(super) fn half(block: &[u8], at: usize) -> f32 {
    let word = u16::from_le_bytes([block[at], block[at + 1]]);
    f32::from_bits(codec::decode(Float::F16, u64::from(word)))
}

/// The nibbles of 16 bytes, the low ones first.
#[inline(always)]
fn nibbles(bytes: &[u8], codes: &mut [u8; 32]) {
    let bytes = &bytes[..16];
    for i in 0..16 {
        codes[i] = bytes[i] & 15;
        codes[i + 16] = bytes[i] >> 4;
    }
}

/// The nibbles of 16 bytes with a fifth bit each of the four bytes before them.
#[inline(always)]
fn fives(bytes: &[u8], codes: &mut [u8; 32]) {
    let high = u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
    nibbles(&bytes[4..], codes);
    for i in 0..32 {
        codes[i] |= ((high >> i & 1) << 4) as u8;
    }
}

/// code * scale + minimum.
#[inline(always)]
fn affine(codes: &[u8; 32], scale: f32, minimum: f32, out: &mut [f32; 32]) {
    for i in 0..32 {
        out[i] = scale * f32::from(codes[i]) + minimum;
    }
}

/// (code - middle) * scale.
#[inline(always)]
fn centred(codes: &[u8; 32], scale: f32, middle: i16, out: &mut [f32; 32]) {
    for i in 0..32 {
        out[i] = scale * f32::from(i16::from(codes[i]) - middle);
    }
}

/// level * scale.
#[inline(always)]
fn levels(codes: &[u8; 32], scale: f32, levels: &[i8; 16], out: &mut [f32; 32]) {
    for i in 0..32 {
        out[i] = scale * f32::from(levels[usize::from(codes[i] & 15)]);
    }
}

#[inline(always)]
pub(super) fn q4_0(block: &[u8; 18], out: &mut [f32; 32]) {
    let mut codes = [0; 32];
    nibbles(&block[2..], &mut codes);
    centred(&codes, half(block, 0), 8, out);
}

#[inline(always)]
pub(super) fn q4_1(block: &[u8; 20], out: &mut [f32; 32]) {
    let mut codes = [0; 32];
    nibbles(&block[4..], &mut codes);
    affine(&codes, half(block, 0), half(block, 2), out);
}

#[inline(always)]
pub(super) fn q5_0(block: &[u8; 22], out: &mut [f32; 32]) {
    let mut codes = [0; 32];
    fives(&block[2..], &mut codes);
    centred(&codes, half(block, 0), 16, out);
}

#[inline(always)]
pub(super) fn q5_1(block: &[u8; 24], out: &mut [f32; 32]) {
    let mut codes = [0; 32];
    fives(&block[4..], &mut codes);
    affine(&codes, half(block, 0), half(block, 2), out);
}

#[inline(always)]
pub(super) fn q8_0(block: &[u8; 34], out: &mut [f32; 32]) {
    let scale = half(block, 0);
    for i in 0..32 {
        out[i] = f32::from(block[2 + i] as i8) * scale;
    }
}

#[inline(always)]
pub(super) fn iq4_nl(block: &[u8; 18], out: &mut [f32; 32]) {
    let mut codes = [0; 32];
    nibbles(&block[2..], &mut codes);
    levels(&codes, half(block, 0), &LEVELS, out);
}

#[inline(always)]
pub(super) fn mxfp4(block: &[u8; 17], out: &mut [f32; 32]) {
    let mut codes = [0; 32];
    nibbles(&block[1..], &mut codes);
    // 2^(byte - 128), of which the least two are no normal numbers.
    let byte = u32::from(block[0]);
    let bits = if byte < 2 {
        0x0020_0000 << byte
    } else {
        (byte - 1) << 23
    };
    levels(&codes, f32::from_bits(bits), &DOUBLES, out);
}
