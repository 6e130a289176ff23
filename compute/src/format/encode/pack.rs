//! Codes of fewer than eight bits, put together into bytes.

use crate::level::{Level, at_level};

/// Two to a byte, the even one in the low four bits. An odd last one has zero above it.
pub(super) fn low_first(level: Level, codes: &[u8], out: &mut [u8]) {
    at_level!(level, pairs(high: u32 = 0, codes: &[u8] = codes, out: &mut [u8] = out));
}

/// Two to a byte, the even one in the high four bits. An odd last one has zero below it.
pub(super) fn high_first(level: Level, codes: &[u8], out: &mut [u8]) {
    at_level!(level, pairs(high: u32 = 4, codes: &[u8] = codes, out: &mut [u8] = out));
}

/// Pairs of codes of four bits; `high` is the place of the even one.
#[inline(always)]
fn pairs(high: u32, codes: &[u8], out: &mut [u8]) {
    let whole = codes.len() / 2;
    let (evens, out) = (&codes[..2 * whole], out);
    for i in 0..whole {
        let pair = [evens[2 * i] & 15, evens[2 * i + 1] & 15];
        out[i] = (pair[0] << high) | (pair[1] << (4 - high));
    }
    if codes.len() > 2 * whole {
        out[whole] = (codes[2 * whole] & 15) << high;
    }
}

/// One after the other from the lowest bit on, `bits` of each; what is left of the last byte is
/// zero.
pub(super) fn dense(bits: u32, codes: &[u8], out: &mut [u8]) {
    let mask = (1u32 << bits) - 1;
    let (mut held, mut count, mut at) = (0u32, 0, 0);
    for &code in codes {
        held |= (u32::from(code) & mask) << count;
        count += bits;
        while count >= 8 {
            out[at] = held as u8;
            at += 1;
            held >>= 8;
            count -= 8;
        }
    }
    if count > 0 {
        out[at] = held as u8;
    }
}

/// Two to a byte from code `start` on, where rows share bytes.
pub(super) fn shared(is_high_first: bool, start: usize, codes: &[u8], out: &mut [u8]) {
    for (place, code) in codes.iter().enumerate() {
        let at = start + place;
        let is_high = at.is_multiple_of(2) == is_high_first;
        out[at / 2] |= (code & 15) << if is_high { 4 } else { 0 };
    }
}
