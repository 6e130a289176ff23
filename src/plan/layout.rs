//! Where every tensor goes: files, offsets and headers of the output.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::PathBuf;

use super::division::{Division, divide, key_in_file};
use super::job::Job;
use super::{Output, PlanError, Source};
use crate::checkpoint::{HeaderError, encode_header};
use crate::dtype::DType;
use crate::recipe::Recipe;

/// The data section begins at a multiple of this, so that blocks can be written past the page
/// cache.
const DATA_ALIGNMENT: usize = 4096;

/// A file of the output, or of each output of a sweep.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedFile {
    /// Its path inside the output folder; unused where the output is one file.
    pub name: PathBuf,
    /// The numbers of its jobs, in the order of their places.
    pub jobs: Range<usize>,
    /// For each output the length of what comes before the data.
    pub header_bytes: Vec<u64>,
    /// The length of what follows.
    pub data_bytes: u64,
    /// The bytes of each type of its elements.
    pub dtypes: BTreeMap<DType, u64>,
}

impl PlannedFile {
    /// The name that a tensor has in it.
    pub fn key<'k>(&self, job: &'k Job) -> &'k str {
        key_in_file(&job.key, &self.name)
    }

    /// The first bytes, up to the data.
    pub(super) fn header(
        &self,
        jobs: &[Job],
        metadata: &[(String, String)],
    ) -> Result<Vec<u8>, HeaderError> {
        let tensors = jobs[self.jobs.clone()].iter().map(|job| {
            let span = job.place.offset..job.place.offset + job.bytes;
            (self.key(job), &job.dtype, &*job.shape, span)
        });
        encode_header(tensors, metadata, DATA_ALIGNMENT)
    }
}

/// Orders the jobs by place and sets their places. Returns the files.
pub(super) fn place(
    recipe: &Recipe,
    sources: &[Source<'_>],
    output: &Output,
    jobs: &mut Vec<Job>,
) -> Result<Vec<PlannedFile>, PlanError> {
    let divisions = divide(recipe, sources, output, jobs)?;
    let mut left: Vec<Option<Job>> = std::mem::take(jobs).into_iter().map(Some).collect();
    jobs.reserve_exact(left.len());
    let mut files = Vec::with_capacity(divisions.len());
    for Division { name, members } in divisions {
        let first = jobs.len();
        jobs.extend(members.into_iter().filter_map(|at| left[at].take()));
        let data_bytes = set_offsets(&mut jobs[first..], files.len());
        let mut dtypes = BTreeMap::new();
        for job in &jobs[first..] {
            *dtypes.entry(job.dtype).or_default() += job.bytes;
        }
        files.push(PlannedFile {
            name,
            jobs: first..jobs.len(),
            header_bytes: Vec::new(),
            data_bytes,
            dtypes,
        });
    }
    Ok(files)
}

/// Writes the headers of an output once, to know their lengths.
pub(super) fn measure(
    files: &mut [PlannedFile],
    jobs: &[Job],
    metadata: &[(String, String)],
) -> Result<(), PlanError> {
    for file in files {
        let header = file.header(jobs, metadata);
        let header = header.map_err(|fault| PlanError::Header {
            file: file.name.display().to_string(),
            fault,
        })?;
        file.header_bytes.push(header.len() as u64);
    }
    Ok(())
}

/// Lays the tensors end to end. Where that would put one at an offset that is no multiple of its
/// element's size, wider types go first, as the format's own writer does.
fn set_offsets(members: &mut [Job], file: usize) -> u64 {
    let mut total = lay(members, file);
    let aligned = |job: &Job| job.place.offset.is_multiple_of(job.dtype.unit().bytes);
    if !members.iter().all(aligned) {
        members.sort_by_key(|job| std::cmp::Reverse(job.dtype.bits()));
        total = lay(members, file);
    }
    total
}

fn lay(members: &mut [Job], file: usize) -> u64 {
    let mut offset = 0;
    for job in members {
        job.place.file = file;
        job.place.offset = offset;
        offset += job.bytes;
    }
    offset
}
