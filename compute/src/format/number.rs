//! The numbers that codes stand for.

use std::sync::LazyLock;

use super::layout::Code;
use crate::dtype::{Float, Unit, codec};

/// The two numbers of a byte, in the order of the columns.
pub(super) type Pairs = [[f32; 2]; 256];

/// The numbers of all codes.
pub(super) struct Numbers {
    /// F8_E4M3.
    pub(super) e4m3: [f32; 256],
    /// F8_E5M2.
    pub(super) e5m2: [f32; 256],
    /// E2M1, the low nibble first.
    pub(super) e2m1_low: Pairs,
    /// E2M1 without a negative zero, the low nibble first.
    pub(super) e2m1_positive: Pairs,
    /// E2M1, the high nibble first.
    pub(super) e2m1_high: Pairs,
    /// Signed nibbles, the low one first.
    pub(super) i4: Pairs,
    /// Unsigned nibbles less 8, the low one first.
    pub(super) offset8: Pairs,
    /// Unsigned nibbles, the low one first.
    pub(super) u4: Pairs,
    /// E2M3.
    pub(super) e2m3: [f32; 64],
    /// E3M2.
    pub(super) e3m2: [f32; 64],
}

/// All of them.
pub(super) static NUMBERS: LazyLock<Numbers> = LazyLock::new(Numbers::new);

/// The magnitudes of E2M1.
const E2M1: [f32; 8] = [0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0];

/// The pairs of nibbles that stand for these numbers.
pub(super) fn pairs(numbers: &[f32; 16], high_first: bool) -> Pairs {
    let mut pairs = [[0.0; 2]; 256];
    for (byte, pair) in pairs.iter_mut().enumerate() {
        *pair = [numbers[byte & 15], numbers[byte >> 4]];
        if high_first {
            pair.reverse();
        }
    }
    pairs
}

/// A NaN has one form, so that the order of factors does not show.
#[inline(always)]
pub(super) fn canonical(x: f32) -> f32 {
    if x.is_nan() {
        f32::from_bits(0x7fc0_0000)
    } else {
        x
    }
}

/// The number of a code of six bits, of which the lowest `mantissa` are the mantissa.
fn six_bits(code: usize, mantissa: i32, bias: i32) -> f32 {
    let field = (code & 31) >> mantissa;
    let digits = (code & ((1 << mantissa) - 1)) as f32;
    let one = (1 << mantissa) as f32;
    let magnitude = match field {
        0 => digits / one * 2f32.powi(1 - bias),
        _ => (one + digits) / one * 2f32.powi(field as i32 - bias),
    };
    if code & 32 == 0 {
        magnitude
    } else {
        -magnitude
    }
}

impl Numbers {
    fn new() -> Numbers {
        let float = |float| {
            std::array::from_fn(|code| canonical(f32::from_bits(codec::decode(float, code as u64))))
        };
        let e2m1 = std::array::from_fn(|code| {
            let magnitude = E2M1[code & 7];
            if code < 8 { magnitude } else { -magnitude }
        });
        let mut positive: [f32; 16] = e2m1;
        positive[8] = 0.0;
        let i4 = std::array::from_fn(|code| ((code as i32 ^ 8) - 8) as f32);
        let offset8 = std::array::from_fn(|code| code as f32 - 8.0);
        let u4 = std::array::from_fn(|code| code as f32);
        Numbers {
            e4m3: float(Float::F8E4M3),
            e5m2: float(Float::F8E5M2),
            e2m1_low: pairs(&e2m1, false),
            e2m1_positive: pairs(&positive, false),
            e2m1_high: pairs(&e2m1, true),
            i4: pairs(&i4, false),
            offset8: pairs(&offset8, false),
            u4: pairs(&u4, false),
            e2m3: std::array::from_fn(|code| six_bits(code, 3, 1)),
            e3m2: std::array::from_fn(|code| six_bits(code, 2, 3)),
        }
    }
}

impl Code {
    /// The least that whole bytes hold.
    pub(super) fn unit(self) -> Unit {
        let (elements, bytes) = match self {
            Code::E4M3 | Code::E5M2 | Code::I8 => (1, 1),
            Code::E2M1High | Code::E2M1Low | Code::I4Low => (2, 1),
            Code::E2M3 | Code::E3M2 => (4, 3),
        };
        Unit { elements, bytes }
    }
}
