//! Reading of tensors as a recipe sees them: in one run, cut and filled up, joined, transposed or
//! gathered row by row; computed from factors.

use super::gather::Gatherer;
use super::joint::JointReader;
use super::{coded, factors, number};
use crate::merge::MergeError;
use crate::merge::shared::Shared;
use crate::plan::{Bytes, Cut, JointSource};

/// Bytes of stored integers that are held at a time.
const NUMBERS_BYTES: u64 = 64 << 10;

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
        Bytes::Fitted { of, cut } => {
            let Cut { stored, within } = &**cut;
            let boxed = Boxed::of(shape, stored, within);
            target.fill(0);
            boxed.each(start, target.len() as u64 / unit, |from, at, len| {
                let part = &mut target[(at * unit) as usize..][..(len * unit) as usize];
                read(shared, of, (stored, unit), from, part)
            })
        }
        Bytes::Spread { of, stored } => spread(shared, (of, stored), (shape, unit), start, target),
        Bytes::Numbers { of, dtype } => {
            let own = dtype.unit().bytes;
            let at_once = (NUMBERS_BYTES / own) as usize;
            let mut run = vec![0; at_once.min(target.len() / unit as usize) * own as usize];
            let parts = target.chunks_mut(at_once * unit as usize);
            for (from, part) in (start..).step_by(at_once).zip(parts) {
                let run = &mut run[..part.len() / unit as usize * own as usize];
                read(shared, of, (shape, own), from, run)?;
                shared.permits.with(|| number::to_f32(*dtype, run, part));
            }
            Ok(())
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
        Bytes::Strided { of, axes } => axes.gather_with(
            unit as usize,
            start,
            target,
            |from, part| read(shared, of, (&[], unit), from, part),
            |work| shared.permits.with(work),
        ),
        Bytes::Gathered(gathered) => {
            let source = |bytes: &Bytes, unit: u64, at: u64, target: &mut [u8]| {
                read(shared, bytes, (&[], unit), at, target)
            };
            let gatherer = Gatherer {
                shared,
                gathered,
                source: &source,
            };
            gatherer.read(unit, start, target)
        }
        Bytes::Delta(factors) => factors::read_delta(shared, factors, start, target),
        Bytes::Joint(joint) => {
            let source = |source: &JointSource, unit: u64, at: u64, target: &mut [u8]| {
                read(shared, &source.bytes, (&source.shape, unit), at, target)
            };
            let reader = JointReader {
                shared,
                joint,
                source: &source,
            };
            reader.read(unit, start, target)
        }
        Bytes::Coded(codes) => coded::read(shared, codes, start, target),
        Bytes::Constant(bytes) => {
            let start = start as usize;
            target.copy_from_slice(&bytes[start..start + target.len()]);
            Ok(())
        }
        Bytes::Zero => {
            target.fill(0);
            Ok(())
        }
        Bytes::From { skip, of } => read(shared, of, (shape, unit), start + skip, target),
    }
}

/// Reads elements of a tensor that is repeated to a shape.
fn spread(
    shared: &Shared<'_>,
    (of, stored): (&Bytes, &[u64]),
    (shape, unit): (&[u64], u64),
    start: u64,
    target: &mut [u8],
) -> Result<(), MergeError> {
    let axes = Repeated::of(shape, stored);
    let end = start + target.len() as u64 / unit;
    let mut element = start;
    while element < end {
        let column = element % axes.run;
        let len = (axes.run - column).min(end - element);
        let part = ((element - start) * unit) as usize..((element + len - start) * unit) as usize;
        let part = &mut target[part];
        let first = axes.row(element / axes.run);
        match axes.repeats {
            true => {
                let (first_part, rest) = part.split_at_mut(unit as usize);
                read(shared, of, (stored, unit), first, first_part)?;
                rest.chunks_exact_mut(unit as usize)
                    .for_each(|element| element.copy_from_slice(first_part));
            }
            false => read(shared, of, (stored, unit), first + column, part)?,
        }
        element += len;
    }
    Ok(())
}

/// A stored tensor that is repeated to a shape, in runs: of elements that lie one after the other,
/// or of one element.
struct Repeated {
    /// Of each dimension before the run its length as it is seen, and as it is stored.
    outer: Vec<(u64, u64)>,
    /// Elements of a run.
    run: u64,
    /// Whether they are one element.
    repeats: bool,
}

impl Repeated {
    fn of(seen: &[u64], stored: &[u64]) -> Repeated {
        let ones = std::iter::repeat_n(1, seen.len() - stored.len());
        let stored = ones.chain(stored.iter().copied());
        let mut outer: Vec<(u64, u64)> = seen.iter().copied().zip(stored).collect();
        let repeats = outer.last().is_some_and(|(seen, stored)| seen != stored);
        let mut run = 1;
        while let Some(&(seen, stored)) = outer.last()
            && (seen != stored) == repeats
        {
            run *= seen;
            outer.pop();
        }
        Repeated {
            outer,
            run,
            repeats,
        }
    }

    /// The stored element with which a run begins.
    fn row(&self, row: u64) -> u64 {
        let (mut rest, mut number) = (row, 0);
        let mut stride = if self.repeats { 1 } else { self.run };
        for &(seen, stored) in self.outer.iter().rev() {
            number += (rest % seen) % stored * stride;
            stride *= stored;
            rest /= seen;
        }
        number
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
