//! Numbers of a table times a scale of a block: bitsandbytes' NF4 and FP4.

use std::ops::Range;

use super::draw;
use super::loops::{maxima, round};
use super::number;
use super::pack;
use super::{Encoding, Rounding, Scales, Stretch};
use crate::dtype::Float;
use crate::format::Table;
use crate::level::{Level, at_level};
use crate::wgsl::select;

/// Elements that are taken together, at the least.
const CHUNK: usize = 1024;

/// The numbers of NF4.
const NF4: [f32; 16] = [
    -1.0,
    -0.696_192_8,
    -0.525_073_05,
    -0.394_917_5,
    -0.284_441_38,
    -0.184_773_43,
    -0.091_050_036,
    0.0,
    0.079_580_3,
    0.160_930_2,
    0.246_112_3,
    0.337_915_24,
    0.440_709_83,
    0.562_617,
    0.722_956_84,
    1.0,
];

/// The bytes of values, scales and table of whole blocks.
pub(super) fn spans(table: &Table, elements: Range<u64>) -> Vec<Range<u64>> {
    let block = table.block.max(1);
    let scales = elements.start / block * 4..elements.end.div_ceil(block) * 4;
    vec![
        elements.start / 2..elements.end.div_ceil(2),
        scales,
        0..16 * 4,
    ]
}

/// The numbers of a table in ascending order.
struct Ladder {
    numbers: [f32; 16],
    /// The middles between neighbours.
    middles: [f32; 15],
    /// The code of each number.
    codes: [u8; 16],
}

impl Ladder {
    fn new(table: &[u8]) -> Ladder {
        let mut codes: [u8; 16] = std::array::from_fn(|code| code as u8);
        let number = |code: u8| f32::from_bits(number::read(table, 4, usize::from(code)));
        codes.sort_by(|a, b| number(*a).total_cmp(&number(*b)));
        let numbers = codes.map(number);
        Ladder {
            numbers,
            middles: std::array::from_fn(|i| (numbers[i] + numbers[i + 1]) / 2.0),
            codes: codes.map(|code| match number(code) == 0.0 {
                // Of two zeros the positive one.
                true => codes[numbers.iter().rposition(|x| *x == 0.0).unwrap_or_default()],
                false => code,
            }),
        }
    }

    /// Codes in place of the places of their numbers.
    fn coded(&self, places: &mut [u8]) {
        for place in places {
            *place = self.codes[usize::from(*place & 15)];
        }
    }
}

/// Encodes whole blocks into parts of the right size.
pub(super) fn encode(
    encoding: &Encoding,
    table: &Table,
    level: Level,
    stretch: Stretch<'_>,
    parts: &mut [Vec<u8>],
) {
    if !encoding.can_write() {
        return;
    }
    let block = table.block as usize;
    match stretch.kept.get(2) {
        Some(kept) if kept.len() == parts[2].len() => parts[2].copy_from_slice(kept),
        _ => {
            for (code, number) in NF4.iter().enumerate() {
                number::write(&mut parts[2], 4, code, number.to_bits());
            }
        }
    }
    let ladder = Ladder::new(&parts[2]);
    let kept = match (encoding.scales, stretch.kept.get(1)) {
        (Scales::Kept, Some(kept)) => Some(*kept),
        _ => None,
    };
    let chunk = CHUNK.next_multiple_of(block);
    let mut values = vec![0.0; chunk];
    let mut codes = vec![0; chunk];
    for (place, source) in stretch.values.chunks(chunk).enumerate() {
        let (values, codes) = (&mut values[..source.len()], &mut codes[..source.len()]);
        values.copy_from_slice(source);
        let first = place * chunk;
        scale(
            encoding,
            level,
            block,
            kept,
            first / block,
            values,
            &mut parts[1],
        );
        match encoding.rounding {
            Rounding::Nearest => nearest(level, &ladder, values, codes),
            Rounding::Stochastic { key } => {
                let start = stretch.start + first as u64;
                let skip = (start % 4) as usize;
                let mut words = vec![0; (skip + values.len()).next_multiple_of(4)];
                draw::words(level, key, start - skip as u64, &mut words);
                drawn(level, &ladder, &words[skip..], values, codes);
            }
        }
        pack::high_first(level, codes, &mut parts[0][first / 2..]);
    }
    // The half byte behind an odd number of elements is a zero.
    if let (1, Some(last)) = (stretch.values.len() % 2, parts[0].last_mut()) {
        let zero = ladder.middles.iter().filter(|middle| **middle < 0.0);
        *last |= ladder.codes[zero.count()];
    }
}

/// Divides numbers by the scales of their blocks, from number `first` on, which are written.
fn scale(
    encoding: &Encoding,
    level: Level,
    block: usize,
    kept: Option<&[u8]>,
    first: usize,
    values: &mut [f32],
    scales: &mut [u8],
) {
    if encoding.rounding == Rounding::Nearest {
        round(level, encoding.source, values);
    }
    for (place, values) in values.chunks_mut(block).enumerate() {
        let mut most = [0];
        maxima(level, block, values, &mut most);
        let bits = match kept {
            Some(kept) => number::read(kept, 4, first + place),
            None => most[0],
        };
        number::write(scales, 4, first + place, bits);
        let scale = f32::from_bits(bits);
        // Zeros stay zeros.
        let by = if scale == 0.0 { 0.0 } else { 1.0 / scale };
        at_level!(level, times(by: f32 = by, values: &mut [f32] = values));
    }
}

#[inline(always)]
fn times(by: f32, values: &mut [f32]) {
    for i in 0..values.len() {
        values[i] *= by;
    }
}

/// The nearest codes; in the middle the lower.
fn nearest(level: Level, ladder: &Ladder, values: &[f32], codes: &mut [u8]) {
    let middles = &ladder.middles;
    at_level!(
        level,
        ranks(middles: &[f32; 15] = middles, values: &[f32] = values, out: &mut [u8] = codes)
    );
    ladder.coded(codes);
}

/// One of the codes next to each number, the nearer the likelier, as random words say.
fn drawn(level: Level, ladder: &Ladder, words: &[u32], values: &[f32], codes: &mut [u8]) {
    let numbers = &ladder.numbers;
    at_level!(
        level,
        drawn_ranks(
            numbers: &[f32; 16] = numbers,
            words: &[u32] = words,
            values: &[f32] = values,
            out: &mut [u8] = codes,
        )
    );
    ladder.coded(codes);
}

#[inline(always)]
fn drawn_ranks(numbers: &[f32; 16], words: &[u32], values: &[f32], out: &mut [u8]) {
    let (words, out) = (&words[..values.len()], &mut out[..values.len()]);
    for i in 0..values.len() {
        let (mut low, mut high, mut rank) = (numbers[0], numbers[1], 0u32);
        for j in 1..15 {
            let is_above = numbers[j] <= values[i];
            low = select(low, numbers[j], is_above);
            high = select(high, numbers[j + 1], is_above);
            rank += u32::from(is_above);
        }
        let chance = (words[i] >> 8) as f32 * 5.960_464_5e-8;
        rank += u32::from(chance * (high - low) < values[i] - low);
        out[i] = rank as u8;
    }
}

/// How many of the middles lie below each number.
#[inline(always)]
fn ranks(middles: &[f32; 15], values: &[f32], out: &mut [u8]) {
    let out = &mut out[..values.len()];
    for i in 0..values.len() {
        let mut rank = 0u32;
        for j in 0..15 {
            rank += u32::from(middles[j] < values[i]);
        }
        out[i] = rank as u8;
    }
}
