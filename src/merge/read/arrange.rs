//! Reading of tensors as a recipe sees them: in one run, cut and filled up, joined or transposed;
//! computed from factors.

use crate::merge::MergeError;
use crate::merge::shared::Shared;
use crate::plan::Bytes;

/// Reads the elements from `start` on, of `unit` bytes each, into `target`. `shape` is that of the
/// tensor as it is seen.
pub(in crate::merge) fn read(
    shared: &Shared<'_>,
    bytes: &Bytes,
    (shape, unit): (&[u64], u64),
    start: u64,
    target: &mut [u8],
) -> Result<(), MergeError> {
    match bytes {
        Bytes::Run {
            model,
            file,
            offset,
        } => shared.read((*model, *file), offset + start * unit, target),
        Bytes::Fitted {
            model,
            file,
            offset,
            stored,
        } => fit(
            shared,
            (*model, *file, *offset),
            (shape, stored),
            unit,
            start,
            target,
        ),
        Bytes::Repeated {
            model,
            file,
            offset,
        } => {
            let unit = unit as usize;
            let (first, rest) = target.split_at_mut(unit.min(target.len()));
            shared.read((*model, *file), *offset, first)?;
            rest.chunks_mut(unit)
                .for_each(|element| element.copy_from_slice(&first[..element.len()]));
            Ok(())
        }
        Bytes::Joined(runs) => {
            let (mut begin, mut at) = (0, 0);
            let end = start + target.len() as u64 / unit;
            for (elements, run) in runs {
                let from = start.max(begin);
                let to = end.min(begin + elements);
                if from < to {
                    let len = ((to - from) * unit) as usize;
                    let part = &mut target[at..at + len];
                    read(shared, run, (shape, unit), from - begin, part)?;
                    at += len;
                }
                begin += elements;
            }
            Ok(())
        }
        Bytes::Transposed { of, rows, columns } => {
            transpose(shared, of, (*rows, *columns), unit, start, target)
        }
        Bytes::Delta(factors) => shared.read_delta(factors, start, target),
        Bytes::Zero => {
            target.fill(0);
            Ok(())
        }
        Bytes::From { skip, of } => read(shared, of, (shape, unit), start + skip, target),
    }
}

/// Reads elements of a matrix column by column: the wanted part of each stored row at a time.
fn transpose(
    shared: &Shared<'_>,
    of: &Bytes,
    (rows, columns): (u64, u64),
    unit: u64,
    start: u64,
    target: &mut [u8],
) -> Result<(), MergeError> {
    let end = start + target.len() as u64 / unit;
    if start == end {
        return Ok(());
    }
    let (first, last) = (start / rows, (end - 1) / rows);
    let mut run = vec![0; ((last - first + 1) * unit) as usize];
    for row in 0..rows {
        read(shared, of, (&[], unit), row * columns + first, &mut run)?;
        for (column, element) in (first..=last).zip(run.chunks_exact(unit as usize)) {
            let place = column * rows + row;
            if (start..end).contains(&place) {
                let at = ((place - start) * unit) as usize;
                target[at..at + element.len()].copy_from_slice(element);
            }
        }
    }
    Ok(())
}

/// Reads elements of a tensor of the shape `shapes.0` from one stored in the shape `shapes.1` of
/// the same rank.
fn fit(
    shared: &Shared<'_>,
    (model, file, offset): (usize, usize, u64),
    shapes: (&[u64], &[u64]),
    unit: u64,
    start: u64,
    target: &mut [u8],
) -> Result<(), MergeError> {
    let (Some((columns, rows)), Some((own_columns, own_rows))) =
        (shapes.0.split_last(), shapes.1.split_last())
    else {
        return shared.read((model, file), offset, target);
    };
    target.fill(0);
    let end = start + target.len() as u64 / unit;
    let mut element = start;
    while element < end {
        let (row, column) = (element / columns, element % columns);
        let run = (columns - column).min(end - element);
        let there = own_columns.saturating_sub(column).min(run);
        if let Some(own_row) = stored_row(row, rows, own_rows)
            && there > 0
        {
            let offset = offset + (own_row * own_columns + column) * unit;
            let at = ((element - start) * unit) as usize;
            let part = &mut target[at..][..(there * unit) as usize];
            shared.read((model, file), offset, part)?;
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
