//! Where every tensor goes: files, offsets and headers of the output.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::PathBuf;

use super::division::{Division, divide, key_in_file};
use super::job::{Action, Job};
use super::{FileId, Output, PlanError, Source, entries};
use crate::checkpoint::{HeaderError, Shape, encode_header, header_bytes};
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
        encode_header(self.tensors(jobs), metadata, DATA_ALIGNMENT)
    }

    /// Its tensors, as a header has them.
    fn tensors<'a>(
        &'a self,
        jobs: &'a [Job],
    ) -> impl Iterator<Item = (&'a str, &'a DType, Shape, Range<u64>)> {
        let jobs = jobs[self.jobs.clone()].iter();
        jobs.filter(|job| job.is_entry() && !job.goes_on())
            .map(|job| {
                let parts = job.run.map_or(1, |run| run.parts);
                let span = job.place.offset..job.place.offset + job.bytes * parts;
                let mut shape: Shape = job.shape.iter().copied().collect();
                if job.run.is_some() {
                    shape.insert(0, parts);
                }
                (self.key(job), &job.dtype, shape, span)
            })
    }
}

/// Orders the jobs by place and sets their places. Returns the files.
pub(super) fn place(
    recipe: &Recipe,
    sources: &[Source<'_>],
    output: &Output,
    jobs: &mut [Job],
) -> Result<Vec<PlannedFile>, PlanError> {
    let divisions = divide(recipe, sources, output, jobs)?;
    arrange(jobs, &divisions);
    let mut files = Vec::with_capacity(divisions.len());
    let mut first = 0;
    for Division { name, members } in divisions {
        let own = first..first + members.len();
        first = own.end;
        let data_bytes = set_offsets(&mut jobs[own.clone()], FileId::new(files.len()));
        let mut dtypes = BTreeMap::new();
        // Codes are of no type in which a model is computed.
        let numbers = jobs[own.clone()].iter();
        for job in numbers.filter(|job| !matches!(job.action, Action::Part)) {
            *dtypes.entry(job.dtype).or_default() += job.bytes;
        }
        files.push(PlannedFile {
            name,
            jobs: own,
            header_bytes: Vec::new(),
            data_bytes,
            dtypes,
        });
    }
    entries::link(jobs);
    Ok(files)
}

/// Puts the jobs in the order of the divisions, in place: there may be many.
fn arrange(jobs: &mut [Job], divisions: &[Division]) {
    let mut places = vec![0; jobs.len()];
    let members = divisions.iter().flat_map(|division| &division.members);
    for (place, &job) in members.enumerate() {
        places[job] = place;
    }
    for at in 0..jobs.len() {
        while places[at] != at {
            let place = places[at];
            jobs.swap(at, place);
            places.swap(at, place);
        }
    }
}

/// Works out how long the headers of an output are.
pub(super) fn measure(
    files: &mut [PlannedFile],
    jobs: &[Job],
    metadata: &[(String, String)],
) -> Result<(), PlanError> {
    for file in files {
        let bytes = header_bytes(file.tensors(jobs), metadata, DATA_ALIGNMENT);
        let bytes = bytes.map_err(|fault| PlanError::Header {
            file: file.name.display().to_string(),
            fault,
        })?;
        file.header_bytes.push(bytes);
    }
    Ok(())
}

/// Lays the tensors end to end. Where that would put one at an offset that is no multiple of its
/// element's size, wider types go first, as the format's own writer does.
fn set_offsets(members: &mut [Job], file: FileId) -> u64 {
    let mut total = lay(members, file);
    let aligned = |job: &Job| job.place.offset.is_multiple_of(job.dtype.unit().bytes);
    if !members.iter().all(aligned) {
        members.sort_by_key(|job| std::cmp::Reverse(job.dtype.bits()));
        total = lay(members, file);
    }
    total
}

fn lay(members: &mut [Job], file: FileId) -> u64 {
    let mut offset = 0;
    for job in members {
        job.place.file = file;
        job.place.offset = offset;
        offset += job.bytes;
    }
    offset
}
