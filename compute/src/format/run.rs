//! Codes one after the other, times scales that hold for a run of them each.

use super::layout::Code;
use super::number::{NUMBERS, Pairs};
use crate::level::{Level, at_level};

/// The scales of codes that follow each other.
#[derive(Clone, Copy, Debug)]
pub(super) struct Runs<'a> {
    /// Codes that the first scale holds for.
    pub(super) first: usize,
    /// Codes that each further scale holds for.
    pub(super) width: usize,
    /// The scales.
    pub(super) scales: &'a [f32],
}

impl<'a> Runs<'a> {
    /// Scales of `width` columns each, of elements that begin in a column.
    pub(super) fn new(width: u64, column: u64, scales: &'a [f32]) -> Runs<'a> {
        let codes = |count: u64| usize::try_from(count).unwrap_or(usize::MAX);
        Runs {
            first: codes(width - column % width),
            width: codes(width),
            scales,
        }
    }

    /// One scale for all.
    pub(super) fn one(scale: &'a f32) -> Runs<'a> {
        Runs::new(u64::MAX, 0, std::slice::from_ref(scale))
    }
}

/// Calls a loop for each run, with its scale and the elements from one to another.
macro_rules! for_runs {
    ($runs:expr, $length:expr, |$scale:ident, $from:ident, $to:ident| $body:block) => {
        let mut $from = 0;
        let mut $to = $runs.first.min($length);
        for index in 0..$runs.scales.len() {
            let $scale = $runs.scales[index];
            $body
            $from = $to;
            $to = $to.saturating_add($runs.width).min($length);
        }
    };
}
pub(super) use for_runs;

/// Decodes codes; the first stands behind `skip` others in `bytes`.
pub(super) fn decode(
    level: Level,
    code: Code,
    bytes: &[u8],
    skip: usize,
    runs: &Runs<'_>,
    out: &mut [f32],
) {
    let numbers = &*NUMBERS;
    match code {
        Code::E4M3 => table(level, &numbers.e4m3, bytes, skip, runs, out),
        Code::E5M2 => table(level, &numbers.e5m2, bytes, skip, runs, out),
        Code::I8 => integers(level, &bytes[skip..], runs, out),
        Code::E2M1High => nibbles(level, &numbers.e2m1_high, bytes, skip, runs, out),
        Code::E2M1Low => nibbles(level, &numbers.e2m1_low, bytes, skip, runs, out),
        Code::I4Low => nibbles(level, &numbers.i4, bytes, skip, runs, out),
        Code::E2M3 => sixes(&numbers.e2m3, bytes, skip, runs, out),
        Code::E3M2 => sixes(&numbers.e3m2, bytes, skip, runs, out),
    }
}

fn table(
    level: Level,
    numbers: &[f32; 256],
    bytes: &[u8],
    skip: usize,
    runs: &Runs<'_>,
    out: &mut [f32],
) {
    at_level!(
        level,
        table_inline(
            numbers: &[f32; 256] = numbers,
            bytes: &[u8] = &bytes[skip..],
            runs: &Runs<'_> = runs,
            out: &mut [f32] = out,
        )
    );
}

#[inline(always)]
fn table_inline(numbers: &[f32; 256], bytes: &[u8], runs: &Runs<'_>, out: &mut [f32]) {
    for_runs!(runs, out.len(), |scale, from, to| {
        let out = &mut out[from..to];
        let codes = &bytes[from..][..out.len()];
        for i in 0..out.len() {
            out[i] = numbers[codes[i] as usize] * scale;
        }
    });
}

/// Decodes signed bytes.
pub(super) fn integers(level: Level, bytes: &[u8], runs: &Runs<'_>, out: &mut [f32]) {
    at_level!(
        level,
        integers_inline(
            bytes: &[u8] = bytes,
            runs: &Runs<'_> = runs,
            out: &mut [f32] = out,
        )
    );
}

#[inline(always)]
fn integers_inline(bytes: &[u8], runs: &Runs<'_>, out: &mut [f32]) {
    for_runs!(runs, out.len(), |scale, from, to| {
        let out = &mut out[from..to];
        let codes = &bytes[from..][..out.len()];
        for i in 0..out.len() {
            out[i] = f32::from(codes[i] as i8) * scale;
        }
    });
}

/// Decodes nibbles, each of the two in a byte by a table; the first stands behind `skip` others.
pub(super) fn nibbles(
    level: Level,
    pairs: &Pairs,
    bytes: &[u8],
    skip: usize,
    runs: &Runs<'_>,
    out: &mut [f32],
) {
    at_level!(
        level,
        nibbles_inline(
            pairs: &Pairs = pairs,
            bytes: &[u8] = bytes,
            skip: usize = skip,
            runs: &Runs<'_> = runs,
            out: &mut [f32] = out,
        )
    );
}

#[inline(always)]
fn nibbles_inline(pairs: &Pairs, bytes: &[u8], skip: usize, runs: &Runs<'_>, out: &mut [f32]) {
    for_runs!(runs, out.len(), |scale, from, to| {
        let mut out = &mut out[from..to];
        let mut byte = (skip + from) / 2;
        if (skip + from) % 2 == 1 && !out.is_empty() {
            out[0] = pairs[bytes[byte] as usize][1] * scale;
            out = &mut out[1..];
            byte += 1;
        }
        let (whole, rest) = out.as_chunks_mut::<2>();
        let codes = &bytes[byte..][..whole.len() + rest.len()];
        for i in 0..whole.len() {
            let pair = pairs[codes[i] as usize];
            whole[i] = [pair[0] * scale, pair[1] * scale];
        }
        if !rest.is_empty() {
            rest[0] = pairs[codes[whole.len()] as usize][0] * scale;
        }
    });
}

/// Decodes codes of six bits, four to three bytes.
fn sixes(numbers: &[f32; 64], bytes: &[u8], skip: usize, runs: &Runs<'_>, out: &mut [f32]) {
    for_runs!(runs, out.len(), |scale, from, to| {
        for i in from..to {
            let bit = (skip + i) * 6;
            // The last code of four ends with its byte.
            let upper = bytes.get(bit / 8 + 1).copied().unwrap_or(0);
            let word = u16::from_le_bytes([bytes[bit / 8], upper]);
            out[i] = numbers[usize::from(word >> (bit % 8)) & 63] * scale;
        }
    });
}
