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
        Bytes::Fitted { of, stored, within } => {
            let boxed = Boxed::of(shape, stored, within);
            target.fill(0);
            boxed.each(start, target.len() as u64 / unit, |from, at, len| {
                let part = &mut target[(at * unit) as usize..][..(len * unit) as usize];
                read(shared, of, (stored, unit), from, part)
            })
        }
        Bytes::Inside { within } => {
            let boxed = Boxed::of(shape, within, within);
            let unit = unit as usize;
            target.fill(0);
            boxed.each(start, (target.len() / unit) as u64, |_, at, len| {
                let part = &mut target[at as usize * unit..][..len as usize * unit];
                let ones = part.chunks_exact_mut(unit);
                ones.for_each(|one| one.copy_from_slice(&1.0_f32.to_le_bytes()));
                Ok(())
            })
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
        Bytes::Strided { of, axes } => axes.gather(unit as usize, start, target, |from, part| {
            read(shared, of, (&[], unit), from, part)
        }),
        Bytes::Delta(factors) => shared.read_delta(factors, start, target),
        Bytes::Zero => {
            target.fill(0);
            Ok(())
        }
        Bytes::From { skip, of } => read(shared, of, (shape, unit), start + skip, target),
    }
}

/// A box of a stored tensor, seen in a tensor of other dimensions of the same rank. Trailing
/// dimensions that all have in common are one.
struct Boxed {
    /// Of each dimension its length as it is seen, as it is stored, and as far as it is wanted.
    axes: Vec<Axis>,
}

struct Axis {
    seen: u64,
    stored: u64,
    within: u64,
}

impl Boxed {
    fn of(seen: &[u64], stored: &[u64], within: &[u64]) -> Boxed {
        let lengths = seen.iter().zip(stored).zip(within);
        let mut axes: Vec<Axis> = lengths
            .map(|((&seen, &stored), &within)| Axis {
                seen,
                stored,
                within: within.min(stored).min(seen),
            })
            .collect();
        while let [.., outer, inner] = axes.as_mut_slice()
            && inner.seen == inner.stored
            && inner.seen == inner.within
        {
            outer.seen *= inner.seen;
            outer.stored *= inner.stored;
            outer.within *= inner.within;
            axes.pop();
        }
        Boxed { axes }
    }

    /// Calls `work` with every run of elements of the box among `len` seen ones from `start` on:
    /// where it begins in the stored tensor, where among the `len`, and its length.
    fn each(
        &self,
        start: u64,
        len: u64,
        mut work: impl FnMut(u64, u64, u64) -> Result<(), MergeError>,
    ) -> Result<(), MergeError> {
        let Some((last, outer)) = self.axes.split_last() else {
            return work(start, 0, len);
        };
        let end = start + len;
        let mut element = start;
        while element < end {
            let (row, column) = (element / last.seen, element % last.seen);
            let run = (last.seen - column).min(end - element);
            let there = last.within.saturating_sub(column).min(run);
            if let Some(stored) = stored_row(row, outer)
                && there > 0
            {
                work(stored * last.stored + column, element - start, there)?;
            }
            element += run;
        }
        Ok(())
    }
}

/// The number of a row in the stored tensor, or None where it lies outside the box.
fn stored_row(row: u64, axes: &[Axis]) -> Option<u64> {
    let (mut rest, mut number, mut stride) = (row, 0, 1);
    for axis in axes.iter().rev() {
        let index = rest % axis.seen;
        if index >= axis.within {
            return None;
        }
        number += index * stride;
        stride *= axis.stored;
        rest /= axis.seen;
    }
    Some(number)
}
