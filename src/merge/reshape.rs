//! Reading of tensors whose shape is not that of the output: cut, and filled up with zeros.

use super::{MergeError, Shared};
use crate::plan::Input;

/// Reads the elements from `start` of a tensor as it looks in the shape `shapes.0`, from one stored
/// in the shape `shapes.1` of the same rank, into `target`.
pub(super) fn read(
    shared: &Shared<'_>,
    input: &Input,
    shapes: (&[u64], &[u64]),
    start: u64,
    target: &mut [u8],
) -> Result<(), MergeError> {
    let (Some((columns, rows)), Some((own_columns, own_rows))) =
        (shapes.0.split_last(), shapes.1.split_last())
    else {
        return shared.read(input, input.offset, target);
    };
    target.fill(0);
    let unit = input.element_bytes;
    let end = start + target.len() as u64 / unit;
    let mut element = start;
    while element < end {
        let (row, column) = (element / columns, element % columns);
        let run = (columns - column).min(end - element);
        let there = own_columns.saturating_sub(column).min(run);
        if let Some(own_row) = stored_row(row, rows, own_rows)
            && there > 0
        {
            let offset = input.offset + (own_row * own_columns + column) * unit;
            let at = ((element - start) * unit) as usize;
            shared.read(input, offset, &mut target[at..][..(there * unit) as usize])?;
        }
        element += run;
    }
    Ok(())
}

/// The number of a row in the stored tensor, or None where it has none.
fn stored_row(row: u64, dimensions: &[u64], stored: &[u64]) -> Option<u64> {
    let (mut rest, mut number, mut stride) = (row, 0, 1);
    for (dimension, own) in dimensions.iter().zip(stored).rev() {
        let index = rest % dimension;
        if index >= *own {
            return None;
        }
        number += index * stride;
        stride *= own;
        rest /= dimension;
    }
    Some(number)
}
