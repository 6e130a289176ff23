//! bitsandbytes' tables of sixteen numbers.

use std::ops::Range;

use super::{Encoding, Stretch};
use crate::format::Table;
use crate::level::Level;

/// The bytes of values and scales of whole blocks.
pub(super) fn spans(table: &Table, elements: Range<u64>) -> Vec<Range<u64>> {
    let block = table.block.max(1);
    let scales = elements.start / block * 4..elements.end.div_ceil(block) * 4;
    vec![elements.start / 2..elements.end.div_ceil(2), scales]
}

/// Encodes whole blocks.
pub(super) fn encode(
    _encoding: &Encoding,
    _table: &Table,
    _level: Level,
    _stretch: Stretch<'_>,
    _parts: &mut [Vec<u8>],
) {
}
