//! The loops over elements: scaling, and rounding to codes.

use crate::dtype::{Float, codec};
use crate::level::{Level, at_level};
use crate::wgsl::{bits, f32, max, min, select, shaders, wrapping_add, wrapping_sub};

#[allow(
    clippy::needless_return,
    dead_code,
    reason = "the file is WGSL as well as Rust"
)]
mod small {
    use super::{bits, f32, max, min, select, wrapping_add, wrapping_sub};

    super::shaders! { "codec/small" }

    /// See the shader.
    #[inline(always)]
    pub(super) fn nearest(a: u32, mantissa: u32, bias: u32) -> u32 {
        narrow(a, mantissa, bias)
    }
}

/// The bits of a magnitude.
const MAGNITUDE: u32 = 0x7fff_ffff;
/// The bits of infinity.
const INFINITY: u32 = 0x7f80_0000;

/// How numbers meet their scales.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operation {
    /// Number times what is given.
    Times,
    /// Number divided by it.
    Over,
}

/// What numbers are rounded to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Grid {
    /// A small float. What is beyond the largest becomes it.
    Float(Small),
    /// Whole numbers within bounds, as signed bytes.
    Whole {
        /// The least.
        least: f32,
        /// The largest.
        most: f32,
    },
}

/// A small float.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Small {
    /// Bits of the mantissa.
    pub(super) mantissa: u32,
    /// Bias of the exponent.
    pub(super) bias: u32,
    /// The place of the sign.
    pub(super) sign: u32,
    /// The largest number, as f32 bits.
    pub(super) most: u32,
    /// The code of NaN, or of the largest where there is none.
    pub(super) nan: u32,
}

impl Small {
    pub(super) const E4M3: Small = Small::new(3, 7, 7, 448.0, 0x7f);
    pub(super) const E5M2: Small = Small::new(2, 15, 7, 57344.0, 0x7f);
    pub(super) const E2M1: Small = Small::new(1, 1, 3, 6.0, 7);
    pub(super) const E2M3: Small = Small::new(3, 1, 5, 7.5, 31);
    pub(super) const E3M2: Small = Small::new(2, 3, 5, 28.0, 31);

    const fn new(mantissa: u32, bias: u32, sign: u32, most: f32, nan: u32) -> Small {
        Small {
            mantissa,
            bias,
            sign,
            most: most.to_bits(),
            nan,
        }
    }
}

/// The largest magnitude of each run of `block` numbers, as f32 bits, where it is above what is
/// there. The bits of NaN are above all others, and so it is not lost.
pub(super) fn maxima(level: Level, block: usize, values: &[f32], out: &mut [u32]) {
    at_level!(
        level,
        largest(block: usize = block, values: &[f32] = values, out: &mut [u32] = out)
    );
}

#[inline(always)]
fn largest(block: usize, values: &[f32], out: &mut [u32]) {
    match block {
        16 => largest_of(16, values, out),
        32 => largest_of(32, values, out),
        _ => largest_of(block, values, out),
    }
}

#[inline(always)]
fn largest_of(block: usize, values: &[f32], out: &mut [u32]) {
    let mut at = 0;
    for i in 0..out.len() {
        let end = values.len().min(at + block);
        let run = &values[at..end];
        let mut most = out[i];
        for j in 0..run.len() {
            most = most.max(run[j].to_bits() & MAGNITUDE);
        }
        out[i] = most;
        at = end;
    }
}

/// The least and the largest of some numbers and zero.
#[derive(Clone, Copy, Debug)]
pub(super) struct Extremes {
    /// The least.
    pub(super) least: f32,
    /// The largest.
    pub(super) most: f32,
}

impl Extremes {
    pub(super) fn of(level: Level, values: &[f32]) -> Extremes {
        at_level!(level, extremes(values: &[f32] = values) -> Extremes)
    }
}

#[inline(always)]
fn extremes(values: &[f32]) -> Extremes {
    let (mut least, mut most) = (0.0, 0.0);
    for i in 0..values.len() {
        least = select(least, values[i], values[i] < least);
        most = select(most, values[i], values[i] > most);
    }
    Extremes { least, most }
}

/// Rounds numbers to a type.
pub(super) fn round(level: Level, float: Float, values: &mut [f32]) {
    match float {
        Float::F32 | Float::F64 => {}
        _ => at_level!(level, rounded(float: Float = float, values: &mut [f32] = values)),
    }
}

#[inline(always)]
fn rounded(float: Float, values: &mut [f32]) {
    match float {
        Float::BF16 => rounded_to(Float::BF16, values),
        Float::F16 => rounded_to(Float::F16, values),
        Float::F8E4M3 => rounded_to(Float::F8E4M3, values),
        Float::F8E5M2 => rounded_to(Float::F8E5M2, values),
        Float::F32 | Float::F64 => {}
    }
}

#[inline(always)]
fn rounded_to(float: Float, values: &mut [f32]) {
    for i in 0..values.len() {
        let code = codec::encode(float, values[i].to_bits());
        values[i] = f32::from_bits(codec::decode(float, code));
    }
}

/// Numbers times scales, or divided by them, one for each.
pub(super) fn scale(level: Level, operation: Operation, by: &[f32], values: &mut [f32]) {
    at_level!(
        level,
        scaled(operation: Operation = operation, by: &[f32] = by, values: &mut [f32] = values)
    );
}

#[inline(always)]
fn scaled(operation: Operation, by: &[f32], values: &mut [f32]) {
    let by = &by[..values.len()];
    match operation {
        Operation::Times => {
            for i in 0..values.len() {
                values[i] *= by[i];
            }
        }
        Operation::Over => {
            for i in 0..values.len() {
                values[i] /= by[i];
            }
        }
    }
}

/// Adds a number to each. A zero makes -0 a +0.
pub(super) fn add(level: Level, shifts: &[f32], values: &mut [f32]) {
    at_level!(level, added(shifts: &[f32] = shifts, values: &mut [f32] = values));
}

#[inline(always)]
fn added(shifts: &[f32], values: &mut [f32]) {
    let shifts = &shifts[..values.len()];
    for i in 0..values.len() {
        values[i] += shifts[i];
    }
}

/// The nearest codes, of two the even one.
pub(super) fn nearest(level: Level, grid: Grid, values: &[f32], out: &mut [u8]) {
    at_level!(
        level,
        nearest_inline(grid: Grid = grid, values: &[f32] = values, out: &mut [u8] = out)
    );
}

#[inline(always)]
fn nearest_inline(grid: Grid, values: &[f32], out: &mut [u8]) {
    match grid {
        Grid::Float(Small {
            mantissa: 3,
            bias: 7,
            ..
        }) => floats(Small::E4M3, values, out),
        Grid::Float(Small { mantissa: 1, .. }) => floats(Small::E2M1, values, out),
        Grid::Float(small) => floats(small, values, out),
        Grid::Whole { least, most } => {
            let out = &mut out[..values.len()];
            for i in 0..values.len() {
                out[i] = whole(within(values[i], least, most)) as u8;
            }
        }
    }
}

#[inline(always)]
fn floats(small: Small, values: &[f32], out: &mut [u8]) {
    let out = &mut out[..values.len()];
    for i in 0..values.len() {
        let x = values[i].to_bits();
        let a = x & MAGNITUDE;
        let near = small::nearest(a.min(small.most), small.mantissa, small.bias);
        let sign = (x >> 31) << small.sign;
        out[i] = (sign | select(near, small.nan, a > INFINITY)) as u8;
    }
}

/// A number, or the bound that it is beyond.
#[inline(always)]
fn within(x: f32, least: f32, most: f32) -> f32 {
    let x = select(x, least, x < least);
    select(x, most, x > most)
}

/// The nearest whole number of one below 2^22, ties to even.
#[inline(always)]
fn whole(x: f32) -> i32 {
    // In f32 numbers of this size are whole.
    const LARGE: f32 = 12_582_912.0;
    (x + LARGE).to_bits().wrapping_sub(LARGE.to_bits()) as i32
}

/// The nearest whole numbers as signed bytes, of two the one farther from zero.
pub(super) fn away(level: Level, values: &[f32], out: &mut [u8]) {
    at_level!(level, away_inline(values: &[f32] = values, out: &mut [u8] = out));
}

#[inline(always)]
fn away_inline(values: &[f32], out: &mut [u8]) {
    let out = &mut out[..values.len()];
    for i in 0..values.len() {
        let x = within(values[i], -128.0, 127.0);
        let size = x.abs();
        let floor = below(size);
        let rounded = floor + i32::from(size - floor as f32 >= 0.5);
        out[i] = select(rounded, -rounded, x < 0.0) as u8;
    }
}

/// The nearest codes of E2M1 as ModelOpt's mxfp4 has them: in the middle the smaller, and zero is
/// below zero.
pub(super) fn toward_zero(level: Level, values: &[f32], out: &mut [u8]) {
    at_level!(
        level,
        toward_zero_inline(values: &[f32] = values, out: &mut [u8] = out)
    );
}

#[inline(always)]
fn toward_zero_inline(values: &[f32], out: &mut [u8]) {
    const MIDDLES: [f32; 7] = [0.25, 0.75, 1.25, 1.75, 2.5, 3.5, 5.0];
    let out = &mut out[..values.len()];
    for i in 0..values.len() {
        let size = values[i].abs();
        let mut code = select(8, 0, values[i] > 0.0);
        for j in 0..MIDDLES.len() {
            code += u32::from(size > MIDDLES[j]);
        }
        out[i] = code as u8;
    }
}

/// The whole numbers below, within the bounds of a grid, as signed bytes.
pub(super) fn floor(level: Level, grid: Grid, values: &[f32], out: &mut [u8]) {
    let Grid::Whole { least, most } = grid else {
        return;
    };
    at_level!(
        level,
        floor_inline(
            least: f32 = least,
            most: f32 = most,
            values: &[f32] = values,
            out: &mut [u8] = out,
        )
    );
}

#[inline(always)]
fn floor_inline(least: f32, most: f32, values: &[f32], out: &mut [u8]) {
    let out = &mut out[..values.len()];
    for i in 0..values.len() {
        out[i] = below(within(values[i], least, most)) as u8;
    }
}

/// The whole number below one below 2^22.
#[inline(always)]
fn below(x: f32) -> i32 {
    let near = whole(x);
    near - i32::from(near as f32 > x)
}

/// One of the two codes next to each number, the nearer the likelier, as random words say.
pub(super) fn drawn(level: Level, grid: Grid, words: &[u32], values: &[f32], out: &mut [u8]) {
    at_level!(
        level,
        drawn_inline(
            grid: Grid = grid,
            words: &[u32] = words,
            values: &[f32] = values,
            out: &mut [u8] = out,
        )
    );
}

#[inline(always)]
fn drawn_inline(grid: Grid, words: &[u32], values: &[f32], out: &mut [u8]) {
    let (words, out) = (&words[..values.len()], &mut out[..values.len()]);
    match grid {
        Grid::Float(small) => {
            for i in 0..values.len() {
                let x = values[i].to_bits();
                let a = x & MAGNITUDE;
                let code = drawn_float(small, a.min(small.most), words[i]);
                let sign = (x >> 31) << small.sign;
                out[i] = (sign | select(code, small.nan, a > INFINITY)) as u8;
            }
        }
        Grid::Whole { least, most } => {
            for i in 0..values.len() {
                let x = within(values[i], least, most);
                let floor = below(x);
                // 24 bits, which f32 holds.
                let chance = (words[i] >> 8) as f32 * 5.960_464_5e-8;
                out[i] = (floor + i32::from(chance < x - floor as f32)) as u8;
            }
        }
    }
}

/// A code of a magnitude: the bits that the mantissa has not, plus as many random ones, carry into
/// it or do not.
#[inline(always)]
fn drawn_float(small: Small, a: u32, word: u32) -> u32 {
    let shift = 23 - small.mantissa;
    let rebased = a.wrapping_sub((127 - small.bias) << 23);
    let normal = rebased.wrapping_add(word >> (32 - shift)) >> shift;
    // Below the least normal number one more bit per exponent; what is beyond 31 of them is lost.
    let drop = (151 - small.bias - small.mantissa).wrapping_sub(a >> 23);
    let drop = drop.clamp(1, 62);
    let most = drop.min(31);
    let mantissa = (a & 0x7f_ffff) | select(0x80_0000, 0, a < 0x80_0000);
    let lost = (mantissa >> (drop - most).min(31)) + (word >> (32 - most));
    select(lost >> most, normal, a >= ((128 - small.bias) << 23))
}
