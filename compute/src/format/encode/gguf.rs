//! Blocks of a GGUF file: Q8_0.

use std::ops::Range;

use super::draw;
use super::loops::{self, Grid, Operation};
use super::number;
use super::{Encoding, Rounding, Scales, Stretch};
use crate::dtype::DType;
use crate::format::E8M0;
use crate::level::Level;

/// Elements of a block.
pub(super) const BLOCK: usize = 32;
/// Bytes of one: an F16 scale, and the codes.
const BYTES: usize = 2 + BLOCK;
/// What codes are.
const GRID: Grid = Grid::Whole {
    least: -128.0,
    most: 127.0,
};

/// The bytes of whole blocks.
pub(super) fn span(elements: Range<u64>) -> Range<u64> {
    let block = BLOCK as u64;
    let blocks = elements.start / block..elements.end.div_ceil(block);
    blocks.start * BYTES as u64..blocks.end * BYTES as u64
}

/// Encodes whole blocks into parts of the right size.
pub(super) fn encode(
    encoding: &Encoding,
    level: Level,
    stretch: Stretch<'_>,
    parts: &mut [Vec<u8>],
) {
    let kept = stretch.kept.first().copied().unwrap_or_default();
    let blocks = stretch
        .values
        .chunks(BLOCK)
        .zip(parts[0].chunks_exact_mut(BYTES));
    for (place, (source, out)) in blocks.enumerate() {
        let mut values = [0.0; BLOCK];
        values[..source.len()].copy_from_slice(source);
        if encoding.rounding == Rounding::Nearest {
            loops::round(level, encoding.source, &mut values);
        }
        let exact = match encoding.scales {
            Scales::Fresh => {
                let mut most = [0];
                loops::maxima(level, BLOCK, &values, &mut most);
                f32::from_bits(most[0]) / 127.0
            }
            Scales::Kept => {
                let bits = number::read(kept.get(place * BYTES..).unwrap_or_default(), 2, 0);
                number::meant(DType::F16, E8M0::Ocp, bits)
            }
        };
        let bits = number::stored(DType::F16, exact);
        let scale = match encoding.rounding {
            Rounding::Nearest => exact,
            // What is right in the mean is so by the scale that will be read.
            Rounding::Stochastic { .. } => number::meant(DType::F16, E8M0::Ocp, bits),
        };
        let by = if scale == 0.0 { 0.0 } else { 1.0 / scale };
        loops::scale(level, Operation::Times, &[by; BLOCK], &mut values);
        number::write(out, 2, 0, bits);
        codes(
            encoding.rounding,
            level,
            stretch.start,
            place,
            &values,
            &mut out[2..],
        );
    }
}

/// The codes of a block, the one with number `place` from element `start` on.
fn codes(
    rounding: Rounding,
    level: Level,
    start: u64,
    place: usize,
    values: &[f32; BLOCK],
    out: &mut [u8],
) {
    match rounding {
        Rounding::Nearest => loops::away(level, values, out),
        Rounding::Stochastic { key } => {
            let mut words = [0; BLOCK];
            draw::words(level, key, start + (place * BLOCK) as u64, &mut words);
            loops::drawn(level, GRID, &words, values, out);
        }
    }
}
