//! Numbers of a table times a scale of a block: bitsandbytes' NF4 and FP4.

use std::ops::Range;

use super::draw;
use super::ladder::Ladder;
use super::loops::{maxima, round};
use super::nested::Nested;
use super::number;
use super::pack;
use super::{Encoding, Rounding, Scales, Stretch};
use crate::format::grid::product;
use crate::format::{Table, TableScale};
use crate::level::{Level, at_level};

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

/// How many elements are encoded together.
pub(super) fn band(table: &Table) -> u64 {
    match table.scale {
        TableScale::Plain => table.block.max(1),
        TableScale::Nested { block, .. } => product(&[table.block.max(1), block.max(1)]),
    }
}

/// The bytes of values, scales and tables of whole bands.
pub(super) fn spans(table: &Table, elements: Range<u64>) -> Vec<Range<u64>> {
    let block = table.block.max(1);
    let scales = elements.start / block..elements.end.div_ceil(block);
    let times = |span: &Range<u64>, bytes: u64| span.start * bytes..span.end * bytes;
    let values = elements.start / 2..elements.end.div_ceil(2);
    match table.scale {
        TableScale::Plain => vec![values, times(&scales, 4), 0..16 * 4],
        TableScale::Nested { block, .. } => {
            let block = block.max(1);
            let nested = scales.start / block..scales.end.div_ceil(block);
            vec![values, scales, 0..16 * 4, times(&nested, 4), 0..256 * 4]
        }
    }
}

/// Encodes whole bands into parts of the right size.
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
    copy_tables(stretch.kept, parts);
    let ladder = Ladder::new(&parts[2]);
    let scales = scales(encoding, table, level, stretch, parts);
    let block = table.block as usize;
    let chunk = CHUNK.next_multiple_of(block);
    let mut values = vec![0.0; chunk];
    let mut codes = vec![0; chunk];
    for (place, source) in stretch.values.chunks(chunk).enumerate() {
        let (values, codes) = (&mut values[..source.len()], &mut codes[..source.len()]);
        values.copy_from_slice(source);
        if encoding.rounding == Rounding::Nearest {
            round(level, encoding.source, values);
        }
        let first = place * chunk;
        scale(level, block, &scales[first / block..], values);
        match encoding.rounding {
            Rounding::Nearest => nearest(level, &ladder, values, codes),
            Rounding::Stochastic { key } => {
                let start = stretch.start + first as u64;
                let mut words = vec![0; values.len().next_multiple_of(4)];
                draw::words(level, key, start, &mut words);
                drawn(level, &ladder, &words, values, codes);
            }
        }
        pack::high_first(level, codes, &mut parts[0][first / 2..]);
    }
    // The half byte behind an odd number of elements is a zero.
    if let (1, Some(last)) = (stretch.values.len() % 2, parts[0].last_mut()) {
        *last |= ladder.nearest(0.0);
    }
}

/// Writes the tables: those that are there; else the numbers of NF4.
fn copy_tables(kept: &[&[u8]], parts: &mut [Vec<u8>]) {
    for (code, number) in NF4.iter().enumerate() {
        number::write(&mut parts[2], 4, code, number.to_bits());
    }
    for place in [2, 4] {
        if let (Some(part), Some(kept)) = (parts.get_mut(place), kept.get(place))
            && part.len() == kept.len()
        {
            part.copy_from_slice(kept);
        }
    }
}

/// The scales of blocks, which are written, or those that are there.
fn scales(
    encoding: &Encoding,
    table: &Table,
    level: Level,
    stretch: Stretch<'_>,
    parts: &mut [Vec<u8>],
) -> Vec<f32> {
    let block = table.block as usize;
    let mut most = vec![0; stretch.values.len().div_ceil(block)];
    maxima(level, block, stretch.values, &mut most);
    let mut scales: Vec<f32> = most.into_iter().map(f32::from_bits).collect();
    if encoding.rounding == Rounding::Nearest {
        // The largest of rounded numbers is the rounded largest.
        round(level, encoding.source, &mut scales);
    }
    if encoding.scales == Scales::Kept {
        for place in [1, 3] {
            if let (Some(part), Some(kept)) = (parts.get_mut(place), stretch.kept.get(place)) {
                let count = part.len().min(kept.len());
                part[..count].copy_from_slice(&kept[..count]);
            }
        }
    }
    let TableScale::Nested { block, offset } = table.scale else {
        for (place, scale) in scales.iter_mut().enumerate() {
            match encoding.scales {
                Scales::Fresh => number::write(&mut parts[1], 4, place, scale.to_bits()),
                Scales::Kept => *scale = f32::from_bits(number::read(&parts[1], 4, place)),
            }
        }
        return scales;
    };
    let numbers = parts[4].clone();
    let nested = Nested::new(block as usize, f32::from_bits(offset), &numbers);
    if encoding.scales == Scales::Fresh {
        let (codes, rest) = parts[1..].split_at_mut(2);
        nested.write(&scales, &mut codes[0], &mut rest[0]);
    }
    // The library divides by the scales as they were before they became codes; what is right in
    // the mean is so by those that will be read.
    if (encoding.scales, encoding.rounding) != (Scales::Fresh, Rounding::Nearest) {
        nested.read(&parts[1], &parts[3], &mut scales);
    }
    scales
}

/// Divides numbers by the scales of their blocks.
fn scale(level: Level, block: usize, scales: &[f32], values: &mut [f32]) {
    for (values, scale) in values.chunks_mut(block).zip(scales) {
        // Zeros stay zeros.
        let by = if *scale == 0.0 {
            0.0
        } else {
            (1.0 / scale).min(f32::MAX)
        };
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
    let middles = ladder.middles.as_slice();
    at_level!(
        level,
        ranks(middles: &[f32] = middles, values: &[f32] = values, out: &mut [u8] = codes)
    );
    ladder.coded(codes);
}

/// One of the codes next to each number, the nearer the likelier, as random words say.
fn drawn(level: Level, ladder: &Ladder, words: &[u32], values: &[f32], codes: &mut [u8]) {
    let numbers = ladder.numbers.as_slice();
    at_level!(
        level,
        drawn_ranks(
            numbers: &[f32] = numbers,
            words: &[u32] = words,
            values: &[f32] = values,
            out: &mut [u8] = codes,
        )
    );
    ladder.coded(codes);
}

#[inline(always)]
fn drawn_ranks(numbers: &[f32], words: &[u32], values: &[f32], out: &mut [u8]) {
    let (words, numbers) = (&words[..values.len()], &numbers[..16]);
    let out = &mut out[..values.len()];
    for i in 0..values.len() {
        // Bits, for which no compiler makes branches.
        let (mut low, mut high) = (numbers[0].to_bits(), numbers[1].to_bits());
        let mut rank = 0u32;
        for j in 1..15 {
            let is_above = u32::from(numbers[j] <= values[i]);
            let mask = is_above.wrapping_neg();
            low = (low & !mask) | (numbers[j].to_bits() & mask);
            high = (high & !mask) | (numbers[j + 1].to_bits() & mask);
            rank += is_above;
        }
        let (low, high) = (f32::from_bits(low), f32::from_bits(high));
        let chance = (words[i] >> 8) as f32 * 5.960_464_5e-8;
        rank += u32::from(chance * (high - low) < values[i] - low);
        out[i] = rank as u8;
    }
}

/// How many of the middles lie below each number.
#[inline(always)]
fn ranks(middles: &[f32], values: &[f32], out: &mut [u8]) {
    let (middles, out) = (&middles[..15], &mut out[..values.len()]);
    for i in 0..values.len() {
        let mut rank = 0u32;
        for j in 0..15 {
            rank += u32::from(middles[j] < values[i]);
        }
        out[i] = rank as u8;
    }
}
