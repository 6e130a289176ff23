//! Windows of output beside a checkpoint that is there.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::MergeError;
use super::verified::{Difference, Stored};
use super::write::{Put, Run};
use crate::checkpoint::{Checkpoint, TensorInfo};
use crate::plan::{FileId, Job, JobId, Plan};

/// Bytes that are compared at a time.
const BLOCK_BYTES: usize = 64 << 10;

/// An output that is there, and what of it differs from what is computed.
pub(super) struct Checked<'a> {
    plan: &'a Plan,
    output: &'a Checkpoint,
    /// For each job where its tensor lies in the output; None where that has it not, or not so.
    there: Vec<Option<There>>,
    found: Mutex<BTreeMap<JobId, Found>>,
}

/// Where a job's bytes lie.
#[derive(Clone, Copy, Debug)]
struct There {
    file: usize,
    start: u64,
    /// The byte of the tensor that the job begins with.
    skip: u64,
}

/// What of a job differs.
#[derive(Clone, Debug)]
struct Found {
    /// The first byte of the tensor that does.
    byte: u64,
    /// The bytes of its element, as they are stored and as they are computed.
    stored: Vec<u8>,
    computed: Vec<u8>,
    /// How many bytes do.
    bytes: u64,
}

impl<'a> Checked<'a> {
    /// The output beside a plan, with what its headers show: tensors that are not there, that
    /// nothing makes, of another form or in another file.
    pub(super) fn new(plan: &'a Plan, output: &'a Checkpoint) -> (Checked<'a>, Vec<Difference>) {
        let mut differences = Vec::new();
        let mut there = vec![None; plan.jobs.len()];
        let mut known = 0;
        for file in plan.files.iter() {
            let mut start = 0;
            let entries = file.jobs.clone().zip(plan.jobs_of(file));
            for (at, job) in entries.filter(|(_, job)| job.is_entry()) {
                let is_first = job.run.is_none_or(|run| run.part == 0);
                if is_first {
                    start = job.place.offset;
                }
                let Some(info) = output.get(&job.key) else {
                    differences.extend(is_first.then(|| Difference::Lost {
                        key: job.key.clone(),
                    }));
                    continue;
                };
                known += usize::from(is_first);
                let form = form_of(output, info, job);
                if form.is_none() {
                    there[at] = Some(There {
                        file: info.file,
                        start: info.span.start,
                        skip: job.place.offset - start,
                    });
                }
                if is_first {
                    differences.extend(form.or_else(|| place_of(output, info, job, &file.name)));
                }
            }
        }
        if known < output.entries().len() {
            differences.extend(strange(plan, output));
        }
        let checked = Checked {
            plan,
            output,
            there,
            found: Mutex::default(),
        };
        (checked, differences)
    }

    /// The first element of each tensor that differs, in the order of the output.
    pub(super) fn differences(self) -> Vec<Difference> {
        let found = self.found.into_inner();
        let found = found.unwrap_or_else(PoisonError::into_inner);
        let mut differences: Vec<Difference> = Vec::new();
        for (job, own) in found {
            let job = &self.plan.jobs[job];
            let Some(info) = self.output.get(&job.key) else {
                continue;
            };
            let unit = info.dtype.unit();
            let stored = |bytes| Stored {
                dtype: info.dtype,
                bytes,
            };
            if let Some(Difference::Value { key, bytes, .. }) = differences.last_mut()
                && *key == job.key
            {
                // Another part of the same tensor.
                *bytes += own.bytes;
                continue;
            }
            differences.push(Difference::Value {
                file: path_of(self.output, info),
                key: job.key.clone(),
                element: own.byte / unit.bytes * unit.elements,
                found: stored(own.stored),
                expected: stored(own.computed),
                bytes: own.bytes,
            });
        }
        differences
    }

    /// Compares a run of a tensor.
    fn compare(&self, id: JobId, job: &Job, start: u64, bytes: &[u8]) -> Result<(), MergeError> {
        let Some(there) = self.there[id.index()] else {
            return Ok(());
        };
        let mut block = vec![0; BLOCK_BYTES.min(bytes.len())];
        for (at, computed) in bytes.chunks(BLOCK_BYTES).enumerate() {
            let begin = there.skip + start + (at * BLOCK_BYTES) as u64;
            let stored = &mut block[..computed.len()];
            self.output
                .read_at(there.file, there.start + begin, stored)?;
            if stored == computed {
                continue;
            }
            self.note(id, job, begin, (stored, computed));
        }
        Ok(())
    }

    /// Notes that a block that begins at a byte of a tensor differs.
    fn note(&self, id: JobId, job: &Job, begin: u64, (stored, computed): (&[u8], &[u8])) {
        let pairs = || stored.iter().zip(computed);
        let Some(first) = pairs().position(|(a, b)| a != b) else {
            return;
        };
        let unit = job.dtype.unit().bytes as usize;
        // Blocks begin with an element.
        let element = first / unit * unit..(first / unit + 1) * unit;
        let bytes = pairs().filter(|(a, b)| a != b).count() as u64;
        let found = Found {
            byte: begin + first as u64,
            stored: stored[element.clone()].to_vec(),
            computed: computed[element].to_vec(),
            bytes,
        };
        let mut all = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        let known = all.entry(id).or_insert_with(|| Found {
            bytes: 0,
            ..found.clone()
        });
        let bytes = known.bytes + bytes;
        if found.byte < known.byte {
            *known = found;
        }
        known.bytes = bytes;
    }
}

impl Put for Checked<'_> {
    fn put(&self, window: &[Run], _: FileId, _: u64, bytes: &[u8]) -> Result<(), MergeError> {
        for run in window {
            let job = &self.plan.jobs[run.part.job];
            let unit = job.unit_bytes();
            let bytes = &bytes[run.output..][..(run.part.len * unit) as usize];
            self.compare(run.part.job, job, run.part.start * unit, bytes)?;
        }
        Ok(())
    }
}

/// How a tensor of the output is of another form than a job makes, if it is.
fn form_of(output: &Checkpoint, info: &TensorInfo, job: &Job) -> Option<Difference> {
    let parts = job.run.map(|run| run.parts);
    let shape: Vec<u64> = parts.into_iter().chain(job.shape.iter().copied()).collect();
    let alike = info.dtype == job.dtype && *info.shape == *shape;
    (!alike).then(|| Difference::Form {
        file: path_of(output, info),
        key: job.key.clone(),
        found: format!("{} {:?}", info.dtype, info.shape),
        expected: format!("{} {shape:?}", job.dtype),
    })
}

/// That a tensor of the output lies in another file than it should, if it does.
fn place_of(output: &Checkpoint, info: &TensorInfo, job: &Job, file: &Path) -> Option<Difference> {
    let own = &output.files()[info.file];
    let moved = output.is_folder() && own.relative != file;
    moved.then(|| Difference::Place {
        file: own.path.clone(),
        key: job.key.clone(),
        expected: file.to_owned(),
    })
}

fn path_of(output: &Checkpoint, info: &TensorInfo) -> PathBuf {
    output.files()[info.file].path.clone()
}

/// The tensors of an output that no job makes.
fn strange(plan: &Plan, output: &Checkpoint) -> Vec<Difference> {
    let made: std::collections::HashSet<&str> = plan
        .jobs
        .iter()
        .filter(|job| job.is_entry())
        .map(|job| job.key.as_str())
        .collect();
    let tensors = output.entries().iter();
    let strange = tensors.filter(|(key, _)| !made.contains(key.as_str()));
    let strange = strange.map(|(key, info)| Difference::Strange {
        file: path_of(output, info),
        key: key.clone(),
    });
    strange.collect()
}
