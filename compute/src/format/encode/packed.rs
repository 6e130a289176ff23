//! Integers of a few bits in words.

use std::ops::Range;

use super::lines::Lines;
use super::number;
use super::pack;
use super::scaling::Scaling;
use super::{Encoding, Scales, Stretch};
use crate::format::Packed;
use crate::level::Level;

/// The sizes of rows.
struct Sizes {
    columns: u64,
    row_bytes: u64,
    group: u64,
    groups: u64,
    width: u64,
}

impl Sizes {
    fn of(packed: &Packed, shape: &[u64]) -> Sizes {
        let columns = shape.last().copied().unwrap_or(1);
        let group = packed.group.unwrap_or(columns).max(1);
        Sizes {
            columns,
            row_bytes: (columns * u64::from(packed.bits)).div_ceil(32) * 4,
            group,
            groups: columns.div_ceil(group),
            width: packed.scale.bytes() as u64,
        }
    }
}

/// The bytes of values and scales of whole rows.
pub(super) fn spans(packed: &Packed, shape: &[u64], elements: Range<u64>) -> Vec<Range<u64>> {
    let sizes = Sizes::of(packed, shape);
    let columns = sizes.columns.max(1);
    let rows = elements.start / columns..elements.end.div_ceil(columns);
    let span = |bytes: u64| rows.start * bytes..rows.end * bytes;
    vec![span(sizes.row_bytes), span(sizes.groups * sizes.width)]
}

/// Encodes whole rows into parts of the right size, which are zero.
pub(super) fn encode(
    encoding: &Encoding,
    packed: &Packed,
    level: Level,
    stretch: Stretch<'_>,
    parts: &mut [Vec<u8>],
) {
    if !encoding.can_write() {
        return;
    }
    let sizes = Sizes::of(packed, stretch.shape);
    let scaling = Scaling::packed(encoding, packed);
    let mut lines = Lines::new(level, scaling, encoding.rounding, None);
    let (columns, groups) = (sizes.columns.max(1) as usize, sizes.groups as usize);
    let (group, width) = (sizes.group as usize, sizes.width as usize);
    let is_kept = encoding.scales == Scales::Kept;
    let kept = stretch.kept.get(1).copied().unwrap_or_default();
    let mut most = vec![0; groups];
    let mut by = vec![0.0; groups];
    let mut codes = vec![0; columns];
    let half = 1u8 << (packed.bits - 1);
    for (row, values) in stretch.values.chunks_exact(columns).enumerate() {
        lines.take(stretch.start + (row * columns) as u64, values);
        most.fill(0);
        lines.maxima(group, &mut most);
        for (place, by) in by.iter_mut().enumerate() {
            let at = row * groups + place;
            let scale = match is_kept {
                true => scaling.kept(number::read(kept, width, at), 1.0),
                false => scaling.fresh(f32::from_bits(most[place]), 1.0),
            };
            number::write(&mut parts[1], width, at, scale.bits);
            *by = scale.by;
        }
        lines.codes(group, &by, &mut codes);
        for code in &mut codes {
            *code = code.wrapping_add(half);
        }
        let from = row * sizes.row_bytes as usize;
        let out = &mut parts[0][from..from + sizes.row_bytes as usize];
        match packed.bits {
            4 => pack::low_first(level, &codes, out),
            bits => pack::dense(bits, &codes, out),
        }
    }
}
