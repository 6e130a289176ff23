//! Blocks of 256 of GGUF files: parts of 16 or 32, each with a scale that is a code itself.

use super::blocks::{LEVELS, half};

/// Eight scales and eight minima of six bits each.
#[inline(always)]
fn scales_and_minima(packed: &[u8], scales: &mut [f32; 8], minima: &mut [f32; 8]) {
    let packed = &packed[..12];
    for i in 0..4 {
        let (scale, minimum, rest) = (packed[i], packed[i + 4], packed[i + 8]);
        scales[i] = f32::from(scale & 63);
        minima[i] = f32::from(minimum & 63);
        scales[i + 4] = f32::from(rest & 15 | scale >> 2 & 48);
        minima[i + 4] = f32::from(rest >> 4 | minimum >> 2 & 48);
    }
}

#[inline(always)]
pub(super) fn q2_k(block: &[u8; 84], out: &mut [f32; 256]) {
    let (scale, minimum) = (half(block, 80), half(block, 82));
    for part in 0..16 {
        let packed = block[part];
        let step = scale * f32::from(packed & 15);
        let low = minimum * f32::from(packed >> 4);
        let codes = &block[16 + part / 8 * 32 + part % 2 * 16..][..16];
        let shift = part % 8 / 2 * 2;
        let out = &mut out[part * 16..][..16];
        for i in 0..16 {
            out[i] = step * f32::from(codes[i] >> shift & 3) - low;
        }
    }
}

#[inline(always)]
pub(super) fn q3_k(block: &[u8; 110], out: &mut [f32; 256]) {
    let scale = half(block, 108);
    for part in 0..16 {
        let low = block[96 + part % 8] >> (part / 8 * 4) & 15;
        let high = block[104 + part % 4] >> (part / 4 * 2) & 3;
        let step = scale * f32::from(i16::from(low | high << 4) - 32);
        let codes = &block[32 + part / 8 * 32 + part % 2 * 16..][..16];
        let highs = &block[part % 2 * 16..][..16];
        let (shift, bit) = (part % 8 / 2 * 2, part / 2);
        let out = &mut out[part * 16..][..16];
        for i in 0..16 {
            // A third bit that is not set takes four.
            let code = codes[i] >> shift & 3 | (highs[i] >> bit & 1) << 2;
            out[i] = step * f32::from(i16::from(code) - 4);
        }
    }
}

#[inline(always)]
pub(super) fn q4_k(block: &[u8; 144], out: &mut [f32; 256]) {
    let (scale, minimum) = (half(block, 0), half(block, 2));
    let (mut scales, mut minima) = ([0.0; 8], [0.0; 8]);
    scales_and_minima(&block[4..], &mut scales, &mut minima);
    for part in 0..8 {
        let (step, low) = (scale * scales[part], minimum * minima[part]);
        let codes = &block[16 + part / 2 * 32..][..32];
        let shift = part % 2 * 4;
        let out = &mut out[part * 32..][..32];
        for i in 0..32 {
            out[i] = step * f32::from(codes[i] >> shift & 15) - low;
        }
    }
}

#[inline(always)]
pub(super) fn q5_k(block: &[u8; 176], out: &mut [f32; 256]) {
    let (scale, minimum) = (half(block, 0), half(block, 2));
    let (mut scales, mut minima) = ([0.0; 8], [0.0; 8]);
    scales_and_minima(&block[4..], &mut scales, &mut minima);
    let highs = &block[16..48];
    for part in 0..8 {
        let (step, low) = (scale * scales[part], minimum * minima[part]);
        let codes = &block[48 + part / 2 * 32..][..32];
        let shift = part % 2 * 4;
        let out = &mut out[part * 32..][..32];
        for i in 0..32 {
            let code = codes[i] >> shift & 15 | (highs[i] >> part & 1) << 4;
            out[i] = step * f32::from(code) - low;
        }
    }
}

#[inline(always)]
pub(super) fn q6_k(block: &[u8; 210], out: &mut [f32; 256]) {
    let scale = half(block, 208);
    for part in 0..16 {
        let step = scale * f32::from(block[192 + part] as i8);
        let codes = &block[part / 8 * 64 + part % 4 * 16..][..16];
        let highs = &block[128 + part / 8 * 32 + part % 2 * 16..][..16];
        let (shift, high) = (part % 8 / 4 * 4, part % 8 / 2 * 2);
        let out = &mut out[part * 16..][..16];
        for i in 0..16 {
            let code = codes[i] >> shift & 15 | (highs[i] >> high & 3) << 4;
            out[i] = step * f32::from(i16::from(code) - 32);
        }
    }
}

#[inline(always)]
pub(super) fn iq4_xs(block: &[u8; 136], out: &mut [f32; 256]) {
    let scale = half(block, 0);
    let highs = u16::from_le_bytes([block[2], block[3]]);
    for part in 0..8 {
        let low = block[4 + part / 2] >> (part % 2 * 4) & 15;
        let high = (highs >> (part * 2) & 3) as u8;
        let step = scale * f32::from(i16::from(low | high << 4) - 32);
        let codes = &block[8 + part * 16..][..16];
        let out = &mut out[part * 32..][..32];
        for i in 0..16 {
            out[i] = step * f32::from(LEVELS[usize::from(codes[i] & 15)]);
            out[i + 16] = step * f32::from(LEVELS[usize::from(codes[i] >> 4)]);
        }
    }
}
