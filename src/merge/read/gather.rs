//! Reads matrices whose rows are taken from several tensors: runs of rows at once.

use std::sync::{Arc, PoisonError};

use crate::dtype::Float;
use crate::exec::cpu::product::decode;
use crate::merge::MergeError;
use crate::merge::pool::Average;
use crate::merge::shared::Shared;
use crate::plan::{Bytes, Gathered, RowSource};
use crate::vocabulary::{Origin, RowOf, RowRun};

/// Bytes that are read at a time of what is decoded or added up.
pub(super) const BLOCK: usize = 64 << 10;
/// Bytes of an element that is computed.
pub(super) const VALUE: usize = size_of::<f32>();

/// Reads elements of a source, of so many bytes each, from one on.
type ReadSource<'a> = &'a dyn Fn(&Bytes, u64, u64, &mut [u8]) -> Result<(), MergeError>;

/// Reads a gathered matrix.
#[derive(Clone, Copy)]
pub(super) struct Gatherer<'a> {
    pub(super) shared: &'a Shared<'a>,
    pub(super) gathered: &'a Gathered,
    pub(super) source: ReadSource<'a>,
}

impl Gatherer<'_> {
    /// Reads the elements from `start` on, of `unit` bytes each.
    pub(super) fn read(self, unit: u64, start: u64, target: &mut [u8]) -> Result<(), MergeError> {
        let columns = self.gathered.columns;
        let end = start + target.len() as u64 / unit;
        let whole = start.next_multiple_of(columns)..end - end % columns;
        if whole.is_empty() || !self.has_columns() {
            return self.runs(unit, start, target);
        }
        let (head, rest) = target.split_at_mut(((whole.start - start) * unit) as usize);
        let (rows, tail) = rest.split_at_mut(((whole.end - whole.start) * unit) as usize);
        self.runs(unit, start, head)?;
        self.rows(unit, whole.start / columns, rows)?;
        self.runs(unit, whole.end, tail)
    }

    /// Reads the elements from `start` on, run by run.
    fn runs(self, unit: u64, start: u64, target: &mut [u8]) -> Result<(), MergeError> {
        let columns = self.gathered.columns;
        let end = start + target.len() as u64 / unit;
        if start == end {
            return Ok(());
        }
        let (mut rest, mut from) = (target, start);
        // The elements lie in the rows of the map, which numbers them with 32 bits.
        let row = (start / columns) as u32;
        for run in self.gathered.map.0.runs_from(row) {
            let to = (u64::from(run.end()) * columns).min(end);
            let (part, behind) = rest.split_at_mut(((to - from) * unit) as usize);
            self.run(run, from - u64::from(run.start) * columns, part)?;
            (rest, from) = (behind, to);
            if from == end {
                break;
            }
        }
        Ok(())
    }

    /// Reads elements of a run, from element `skip` of it on.
    pub(super) fn run(self, run: &RowRun, skip: u64, target: &mut [u8]) -> Result<(), MergeError> {
        let columns = self.gathered.columns;
        match run.origin {
            Origin::Zero => target.fill(0),
            Origin::Rows(first) => {
                let source = &self.gathered.sources[usize::from(first.source)];
                let at = u64::from(first.row) * columns + skip;
                match self.gathered.decoded {
                    true => self.decoded(source, at, target)?,
                    false => (self.source)(&source.bytes, source.unit(), at, target)?,
                }
            }
            Origin::Mean { first, count } => {
                let terms = self.gathered.map.0.terms(first, count);
                self.mean(terms, skip, target)?;
            }
            Origin::Average => {
                let average = self.average()?;
                let values = average
                    .iter()
                    .copied()
                    .cycle()
                    .skip((skip % columns) as usize);
                self.shared.permits.with(|| write(values, target));
            }
        }
        Ok(())
    }

    /// Reads elements of a source as f32.
    fn decoded(self, source: &RowSource, at: u64, target: &mut [u8]) -> Result<(), MergeError> {
        let Some(float) = source.dtype.float() else {
            let fault = "rows of a tensor that is no float";
            return Err(MergeError::Internal(fault.to_owned()));
        };
        if float == Float::F32 {
            return (self.source)(&source.bytes, VALUE as u64, at, target);
        }
        let unit = float.bytes();
        let each = (BLOCK / (unit + VALUE)).min(target.len() / VALUE).max(1);
        let (mut bytes, mut values) = (vec![0; each * unit], vec![0.0; each]);
        for (number, target) in target.chunks_mut(each * VALUE).enumerate() {
            let len = target.len() / VALUE;
            let bytes = &mut bytes[..len * unit];
            (self.source)(
                &source.bytes,
                unit as u64,
                at + (number * each) as u64,
                bytes,
            )?;
            self.shared.permits.with(|| {
                decode(self.shared.level, float, bytes, &mut values[..len]);
                target.copy_from_slice(bytemuck::cast_slice(&values[..len]));
            });
        }
        Ok(())
    }

    /// Computes elements of the mean of some rows, from column `skip` on.
    fn mean(self, terms: &[RowOf], skip: u64, target: &mut [u8]) -> Result<(), MergeError> {
        let each = BLOCK / (VALUE + size_of::<f64>());
        let each = each.min(target.len() / VALUE).max(1);
        let (mut values, mut sums) = (vec![0.0_f32; each], vec![0.0_f64; each]);
        for (number, target) in target.chunks_mut(each * VALUE).enumerate() {
            let len = target.len() / VALUE;
            let (values, sums) = (&mut values[..len], &mut sums[..len]);
            sums.fill(0.0);
            for term in terms {
                let source = &self.gathered.sources[usize::from(term.source)];
                let column = skip + (number * each) as u64;
                let at = u64::from(term.row) * self.gathered.columns + column;
                self.decoded(source, at, bytemuck::cast_slice_mut(values))?;
                self.shared.permits.with(|| add(sums, values));
            }
            let count = terms.len() as f64;
            let means = sums.iter().map(|sum| (*sum / count) as f32);
            self.shared.permits.with(|| write(means, target));
        }
        Ok(())
    }

    /// The mean of all rows, computed unless it is known. Lanes that need the same one wait for it.
    fn average(self) -> Result<Arc<[f32]>, MergeError> {
        let held = &self.shared.averages.0;
        let mut held = held.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = held.iter().find(|known| known.of == *self.gathered) {
            return Ok(Arc::clone(&known.values));
        }
        let values: Arc<[f32]> = self.averaged()?.into();
        held.push(Average {
            of: self.gathered.clone(),
            values: Arc::clone(&values),
        });
        Ok(values)
    }

    fn averaged(self) -> Result<Vec<f32>, MergeError> {
        let columns = self.gathered.columns as usize;
        let mut sums = vec![0.0_f64; columns];
        let mut block = vec![0.0_f32; BLOCK / VALUE];
        let mut rows: u64 = 0;
        let runs = self.gathered.map.0.runs().iter();
        for run in runs.filter(|run| run.origin != Origin::Average) {
            rows += u64::from(run.count);
            let mut at = u64::from(run.start) * columns as u64;
            let end = u64::from(run.end()) * columns as u64;
            while at < end {
                let len = (block.len() as u64).min(end - at) as usize;
                let values = &mut block[..len];
                self.read(VALUE as u64, at, bytemuck::cast_slice_mut(values))?;
                let first = (at % columns as u64) as usize;
                self.shared
                    .permits
                    .with(|| add_rows(&mut sums, first, values));
                at += len as u64;
            }
        }
        let mean = |sum: f64| (sum / rows.max(1) as f64) as f32;
        Ok(sums.into_iter().map(mean).collect())
    }
}

/// Adds elements of rows that follow each other to the sums of the columns; the first is in column
/// `first`.
fn add_rows(sums: &mut [f64], first: usize, values: &[f32]) {
    let (head, rows) = values.split_at(values.len().min(sums.len() - first));
    add(&mut sums[first..], head);
    for row in rows.chunks(sums.len()) {
        add(sums, row);
    }
}

fn add(sums: &mut [f64], values: &[f32]) {
    for (sum, value) in sums.iter_mut().zip(values) {
        *sum += f64::from(*value);
    }
}

fn write(values: impl Iterator<Item = f32>, target: &mut [u8]) {
    for (bytes, value) in target.chunks_exact_mut(VALUE).zip(values) {
        bytes.copy_from_slice(&value.to_le_bytes());
    }
}
