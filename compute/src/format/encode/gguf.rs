//! Blocks of a GGUF file, as gguf-py writes them.

use std::ops::Range;

use super::draw;
use super::loops::{self, Grid, Operation};
use super::number;
use super::{Encoding, Rounding, Scales, Stretch};
use crate::dtype::DType;
use crate::format::{E8M0, Gguf};
use crate::level::{Level, at_level};

/// Elements of a block.
pub(super) const BLOCK: usize = 32;

/// A kind of block.
#[derive(Clone, Copy, Debug)]
pub(super) struct Blocks {
    /// Bits of a code: 4, 5 or 8.
    bits: u32,
    /// Whether a block has a least number besides its scale.
    has_least: bool,
}

/// A scale and what is least, as stored and as computed with.
#[derive(Clone, Copy, Debug)]
struct Scale {
    scale: f32,
    least: f32,
}

impl Blocks {
    /// The blocks of a type; None of one that is not written.
    pub(super) fn of(gguf: Gguf) -> Option<Blocks> {
        let (bits, has_least) = match gguf {
            Gguf::Q4_0 => (4, false),
            Gguf::Q4_1 => (4, true),
            Gguf::Q5_0 => (5, false),
            Gguf::Q5_1 => (5, true),
            Gguf::Q8_0 => (8, false),
            _ => return None,
        };
        Some(Blocks { bits, has_least })
    }

    /// Bytes before the codes, or before their fifth bits.
    fn head(&self) -> usize {
        if self.has_least { 4 } else { 2 }
    }

    /// Bytes of a block.
    fn bytes(&self) -> usize {
        self.head() + self.bits as usize * BLOCK / 8
    }

    /// The bytes of whole blocks.
    pub(super) fn span(&self, elements: Range<u64>) -> Range<u64> {
        let (block, bytes) = (BLOCK as u64, self.bytes() as u64);
        elements.start / block * bytes..elements.end.div_ceil(block) * bytes
    }

    /// What is added to quotients, so that codes are not negative.
    fn middle(&self) -> f32 {
        match (self.bits, self.has_least) {
            (8, _) | (_, true) => 0.0,
            (bits, false) => f32::from(1u8 << (bits - 1)),
        }
    }

    fn grid(&self) -> Grid {
        let (least, most) = match self.bits {
            8 => (-128.0, 127.0),
            bits => (0.0, f32::from((1u8 << bits) - 1)),
        };
        Grid::Whole { least, most }
    }

    /// Encodes whole blocks into a part of the right size, which is zero.
    pub(super) fn encode(
        &self,
        encoding: &Encoding,
        level: Level,
        stretch: Stretch<'_>,
        part: &mut [u8],
    ) {
        let bytes = self.bytes();
        let kept = stretch.kept.first().copied().unwrap_or_default();
        let blocks = stretch
            .values
            .chunks(BLOCK)
            .zip(part.chunks_exact_mut(bytes));
        for (place, (source, out)) in blocks.enumerate() {
            let mut values = [0.0; BLOCK];
            values[..source.len()].copy_from_slice(source);
            if encoding.rounding == Rounding::Nearest {
                loops::round(level, encoding.source, &mut values);
            }
            let exact = match encoding.scales {
                Scales::Fresh => self.fresh(level, &values),
                Scales::Kept => self.read(kept.get(place * bytes..).unwrap_or_default()),
            };
            self.write(exact, out);
            let mut codes = [0; BLOCK];
            match encoding.rounding {
                Rounding::Nearest => self.nearest(level, exact, &mut values, &mut codes),
                Rounding::Stochastic { key } => {
                    let start = stretch.start + (place * BLOCK) as u64;
                    let mut words = [0; BLOCK];
                    draw::words(level, key, start, &mut words);
                    // What is right in the mean is so by the scale that will be read.
                    self.scale(level, self.read(out), self.middle(), &mut values);
                    loops::drawn(level, self.grid(), &words, &values, &mut codes);
                }
            }
            self.pack(&codes, &mut out[self.head()..]);
        }
    }

    /// The scale of a block, and its least number.
    fn fresh(&self, level: Level, values: &[f32; BLOCK]) -> Scale {
        if self.has_least {
            let first = values[0];
            let (mut least, mut most) = (first, first);
            for value in values {
                least = least.min(*value);
                most = most.max(*value);
            }
            let scale = (most - least) / f32::from((1u8 << self.bits) - 1);
            return Scale { scale, least };
        }
        let mut most = [0];
        loops::maxima(level, BLOCK, values, &mut most);
        let most = f32::from_bits(most[0]);
        if self.bits == 8 {
            let scale = most / 127.0;
            return Scale { scale, least: 0.0 };
        }
        // The number of the largest magnitude becomes code 0.
        let largest = values.iter().find(|value| value.abs() == most);
        let scale = largest.copied().unwrap_or_default() / -self.middle();
        Scale { scale, least: 0.0 }
    }

    fn read(&self, block: &[u8]) -> Scale {
        let half = |at| number::meant(DType::F16, E8M0::Ocp, number::read(block, 2, at));
        Scale {
            scale: half(0),
            least: if self.has_least { half(1) } else { 0.0 },
        }
    }

    fn write(&self, scale: Scale, block: &mut [u8]) {
        number::write(block, 2, 0, number::stored(DType::F16, scale.scale));
        if self.has_least {
            number::write(block, 2, 1, number::stored(DType::F16, scale.least));
        }
    }

    /// Numbers meet their scale.
    fn scale(&self, level: Level, scale: Scale, shift: f32, values: &mut [f32; BLOCK]) {
        let by = match scale.scale == 0.0 {
            true => 0.0,
            false => (1.0 / scale.scale).clamp(f32::MIN, f32::MAX),
        };
        if self.has_least {
            let least = scale.least;
            at_level!(
                level,
                above(least: f32 = least, values: &mut [f32; BLOCK] = values)
            );
        }
        loops::scale(level, Operation::Times, &[by; BLOCK], values);
        if self.bits != 8 {
            loops::add(level, &[shift; BLOCK], values);
        }
    }

    /// The nearest codes.
    fn nearest(
        &self,
        level: Level,
        scale: Scale,
        values: &mut [f32; BLOCK],
        codes: &mut [u8; BLOCK],
    ) {
        self.scale(level, scale, self.middle() + 0.5, values);
        match self.bits {
            8 => loops::away(level, values, codes),
            _ => loops::floor(level, self.grid(), values, codes),
        }
    }

    /// Codes as they are stored: the low nibbles are the first half of a block.
    fn pack(&self, codes: &[u8; BLOCK], out: &mut [u8]) {
        if self.bits == 8 {
            return out.copy_from_slice(codes);
        }
        let fifths = if self.bits == 5 { 4 } else { 0 };
        for (place, code) in codes.iter().enumerate() {
            if self.bits == 5 {
                out[place / 8] |= (code >> 4) << (place % 8);
            }
            let half = place / (BLOCK / 2);
            out[fifths + place % (BLOCK / 2)] |= (code & 15) << (4 * half);
        }
    }
}

#[inline(always)]
fn above(least: f32, values: &mut [f32; BLOCK]) {
    for i in 0..BLOCK {
        values[i] -= least;
    }
}
