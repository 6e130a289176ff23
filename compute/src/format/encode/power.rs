//! Powers of two as scales: which byte of E8M0 a block gets.

use super::Exponent;

/// The largest byte that is a number.
const MOST: i32 = 254;
/// The byte that is NaN.
const NAN: u8 = 255;

/// What must be known of the codes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Codes {
    /// The largest number that a code stands for.
    pub(super) most: f32,
    /// Its exponent.
    pub(super) exponent: i32,
    /// Bits of a code's mantissa.
    pub(super) mantissa: u32,
}

/// The byte of a block whose largest magnitude is `most`.
pub(super) fn byte(exponent: Exponent, codes: Codes, most: f32) -> u8 {
    if most.is_nan() {
        return NAN;
    }
    let bits = most.to_bits();
    let byte = match exponent {
        Exponent::Floor => (bits >> 23) as i32 - codes.exponent,
        Exponent::Even => {
            let half = 1 << (22 - codes.mantissa);
            ((bits + half) >> 23) as i32 - codes.exponent
        }
        Exponent::Ceil => ceil_log2(most) + 127 - codes.exponent,
        Exponent::CeilRatio => rounded_up(most / codes.most),
        Exponent::LogRatio => {
            let least = f32::from_bits(0x0040_0000);
            ceil_log2((most / codes.most).max(least)) + 127
        }
    };
    byte.clamp(0, MOST) as u8
}

/// The exponent of a number, plus 127, one more where it has a mantissa.
fn rounded_up(x: f32) -> i32 {
    let bits = x.to_bits();
    let (exponent, mantissa) = ((bits >> 23) as i32, bits & 0x7f_ffff);
    let is_more = match exponent {
        // Half of the least normal number is 2^-127, which is byte 0.
        0 => mantissa > 0x40_0000,
        _ => mantissa > 0,
    };
    exponent + i32::from(is_more)
}

/// The logarithm to base 2, rounded to f32 and then up: of a number just above a power of two it
/// is that power's, where the difference does not show in f32. Of 0 it is below all others.
pub(super) fn ceil_log2(x: f32) -> i32 {
    let bits = x.to_bits();
    if bits == 0 {
        return -150;
    }
    // A denormal times 2^64 is normal, and its mantissa the same.
    let (bits, shift) = match bits >> 23 {
        0 => ((x * 18_446_744_073_709_551_616.0).to_bits(), 64),
        _ => (bits, 0),
    };
    let exponent = (bits >> 23) as i32 - 127 - shift;
    let excess = f64::from(bits & 0x7f_ffff) / 8_388_608.0 * std::f64::consts::LOG2_E;
    exponent + i32::from(excess > half_step(exponent))
}

/// Half of the step from a whole number, of up to 2^23, to the f32 above it.
fn half_step(whole: i32) -> f64 {
    let size = whole.unsigned_abs();
    if size == 0 {
        return 0.0;
    }
    let is_narrow = whole < 0 && size.is_power_of_two();
    let exponent = u64::from(999 + size.ilog2() - u32::from(is_narrow));
    f64::from_bits(exponent << 52)
}
