//! bitsandbytes' int8.

use std::ops::Range;

use super::lines::Lines;
use super::loops;
use super::number;
use super::scaling::Scaling;
use super::{Encoding, Scales, Stretch};
use crate::dtype::{Float, codec};
use crate::level::Level;

/// The bytes of values and scales of whole rows.
pub(super) fn spans(shape: &[u64], elements: Range<u64>) -> Vec<Range<u64>> {
    let columns = shape.last().copied().unwrap_or(1).max(1);
    let scales = elements.start / columns * 4..elements.end.div_ceil(columns) * 4;
    vec![elements, scales]
}

/// Encodes whole rows into parts of the right size.
pub(super) fn encode(
    encoding: &Encoding,
    level: Level,
    stretch: Stretch<'_>,
    parts: &mut [Vec<u8>],
) {
    let scaling = Scaling::bytes(Float::F16);
    let lines = |float| Lines::new(level, Scaling::bytes(float), encoding.rounding, None);
    // The library takes numbers as F16. A row that F16 does not hold is taken as it is.
    let [mut near, mut exact] = [lines(Float::F16), lines(Float::F32)];
    let limit = codec::limit(Float::F16);
    let columns = stretch.shape.last().copied().unwrap_or(1).max(1) as usize;
    let kept = stretch.kept.get(1).copied().unwrap_or_default();
    for (row, values) in stretch.values.chunks_exact(columns).enumerate() {
        let at = row * columns;
        let mut most = [0];
        loops::maxima(level, columns, values, &mut most);
        let lines = match most[0] > limit {
            true => &mut exact,
            false => &mut near,
        };
        lines.take(stretch.start + at as u64, values);
        most = [0];
        lines.maxima(columns, &mut most);
        let scale = match encoding.scales {
            Scales::Fresh => scaling.fresh(f32::from_bits(most[0]), 1.0),
            Scales::Kept => scaling.kept(number::read(kept, 4, row), 1.0),
        };
        number::write(&mut parts[1], 4, row, scale.bits);
        lines.codes(columns, &[scale.by], &mut parts[0][at..at + columns]);
    }
}
