//! Where the tensors of a file of GGUF lie.

use std::ops::Range;

use super::Entry;
use super::fault::GgufError;

/// A tensor and its bytes in the file.
pub(super) struct Placed {
    /// Its number in the header.
    pub(super) entry: usize,
    /// Its bytes, counted from the start of the file.
    pub(super) span: Range<u64>,
}

/// The bytes of a tensor of a file of `len` bytes whose tensors begin at `data`.
pub(super) fn place(
    entry: &Entry,
    data: u64,
    alignment: u64,
    len: u64,
) -> Result<Range<u64>, GgufError> {
    let key = || entry.name.clone();
    let kind = entry.kind;
    let row = entry.shape.last().copied().unwrap_or(1);
    if !row.is_multiple_of(kind.elements) {
        return Err(GgufError::Blocks {
            key: key(),
            kind: kind.name,
            row,
            elements: kind.elements,
        });
    }
    if !entry.offset.is_multiple_of(alignment) {
        let offset = entry.offset;
        return Err(GgufError::Offset {
            key: key(),
            offset,
            alignment,
        });
    }
    let mut sizes = entry.shape.iter();
    let elements = sizes.try_fold(1u64, |all, &size| all.checked_mul(size));
    let bytes = elements.and_then(|all| (all / kind.elements).checked_mul(kind.bytes));
    let start = data.checked_add(entry.offset);
    let end = start
        .zip(bytes)
        .and_then(|(start, bytes)| start.checked_add(bytes));
    match start.zip(end) {
        Some((start, end)) if end <= len => Ok(start..end),
        _ => Err(GgufError::Beyond {
            key: key(),
            kind: kind.name,
            shape: entry.shape.to_vec(),
            offset: entry.offset,
            data,
            len,
        }),
    }
}

/// Sorts tensors by their bytes, and checks that no two share some.
pub(super) fn sorted(entries: &[Entry], spans: Vec<Range<u64>>) -> Result<Vec<Placed>, GgufError> {
    let spans = spans.into_iter().enumerate();
    let mut placed: Vec<Placed> = spans.map(|(entry, span)| Placed { entry, span }).collect();
    placed.sort_by_key(|placed| (placed.span.start, placed.span.end));
    for pair in placed.windows(2) {
        if pair[0].span.end > pair[1].span.start {
            return Err(GgufError::Overlap {
                first: entries[pair[0].entry].name.clone(),
                second: entries[pair[1].entry].name.clone(),
            });
        }
    }
    Ok(placed)
}
