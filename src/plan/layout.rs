//! Where every tensor goes: files, offsets and headers of the output.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::division::{Division, divide, key_in_file};
use super::job::Job;
use super::metadata::metadata;
use super::{Output, PlanError, Source};
use crate::checkpoint::encode_header;
use crate::dtype::DType;
use crate::recipe::Recipe;

/// The data section begins at a multiple of this, so that blocks can be written past the page
/// cache.
const DATA_ALIGNMENT: usize = 4096;

/// A file of the output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedFile {
    /// Its path inside the output folder; unused where the output is one file.
    pub name: PathBuf,
    /// Its first bytes.
    pub header: Vec<u8>,
    /// The length of what follows.
    pub data_bytes: u64,
    /// The names its tensors have in it.
    pub keys: Vec<String>,
    /// The bytes of each type of its elements.
    pub dtypes: BTreeMap<DType, u64>,
}

/// Orders the jobs by place, sets their places and writes the headers.
pub(super) fn place(
    recipe: &Recipe,
    sources: &[Source<'_>],
    output: &Output,
    jobs: &mut Vec<Job>,
) -> Result<Vec<PlannedFile>, PlanError> {
    let divisions = divide(recipe, sources, output, jobs)?;
    let metadata = metadata(recipe, sources);
    let mut placed = Vec::with_capacity(jobs.len());
    let mut files = Vec::with_capacity(divisions.len());
    for Division { name, members } in divisions {
        let mut members: Vec<Job> = members.into_iter().map(|at| jobs[at].clone()).collect();
        let data_bytes = set_offsets(&mut members, files.len());
        let keys: Vec<String> = members
            .iter()
            .map(|job| key_in_file(&job.key, &name))
            .collect();
        let tensors = members.iter().zip(&keys).map(|(job, key)| {
            let span = job.place.offset..job.place.offset + job.bytes;
            (key.as_str(), &job.dtype, job.shape.as_slice(), span)
        });
        let header = encode_header(tensors, &metadata, DATA_ALIGNMENT).map_err(|fault| {
            PlanError::Header {
                file: name.display().to_string(),
                fault,
            }
        })?;
        let mut dtypes = BTreeMap::new();
        for job in &members {
            *dtypes.entry(job.dtype).or_default() += job.bytes;
        }
        files.push(PlannedFile {
            name,
            header,
            data_bytes,
            keys,
            dtypes,
        });
        placed.append(&mut members);
    }
    *jobs = placed;
    Ok(files)
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
