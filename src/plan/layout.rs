//! Where every tensor goes: files, offsets and headers of the output.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::job::Job;
use super::metadata::metadata;
use super::{Output, PlanError, Source};
use crate::checkpoint::encode_header;
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
}

/// Orders the jobs by place, sets their places and writes the headers.
pub(super) fn place(
    recipe: &Recipe,
    sources: &[Source<'_>],
    output: &Output,
    jobs: &mut Vec<Job>,
) -> Result<Vec<PlannedFile>, PlanError> {
    let reference = &sources[recipe.reference];
    let names = name_files(recipe, reference, output, jobs)?;
    let metadata = metadata(recipe, sources);
    let mut placed = Vec::with_capacity(jobs.len());
    let mut files = Vec::with_capacity(names.len());
    for (name, members) in names {
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
        files.push(PlannedFile {
            name,
            header,
            data_bytes,
            keys,
        });
        placed.append(&mut members);
    }
    *jobs = placed;
    Ok(files)
}

/// The files with the jobs that go there.
fn name_files(
    recipe: &Recipe,
    reference: &Source<'_>,
    output: &Output,
    jobs: &[Job],
) -> Result<Vec<(PathBuf, Vec<usize>)>, PlanError> {
    let all: Vec<usize> = (0..jobs.len()).collect();
    let path = reference.path.display().to_string();
    let components = reference
        .files
        .iter()
        .any(|file| file.components().count() > 1);
    match (output, recipe.options.shard_bytes) {
        (Output::File, Some(_)) => Err(PlanError::ShardsIntoFile),
        (Output::File, None) if components => {
            Err(PlanError::ComponentsIntoFile { reference: path })
        }
        (Output::File, None) => Ok(vec![("model.safetensors".into(), all)]),
        (Output::Folder, Some(_)) if components => {
            Err(PlanError::ShardsOfComponents { reference: path })
        }
        (Output::Folder, Some(limit)) => Ok(shards(jobs, limit)),
        (Output::Folder, None) if reference.is_folder => Ok(as_reference(reference, jobs)),
        (Output::Folder, None) => Ok(vec![("model.safetensors".into(), all)]),
    }
}

/// Files of at most `limit` bytes, unless one tensor is larger.
fn shards(jobs: &[Job], limit: u64) -> Vec<(PathBuf, Vec<usize>)> {
    let mut groups: Vec<(u64, Vec<usize>)> = vec![(0, Vec::new())];
    for (at, job) in jobs.iter().enumerate() {
        let full = groups
            .last()
            .is_some_and(|(bytes, members)| !members.is_empty() && bytes + job.bytes > limit);
        if full {
            groups.push((0, Vec::new()));
        }
        if let Some((bytes, members)) = groups.last_mut() {
            *bytes += job.bytes;
            members.push(at);
        }
    }
    let count = groups.len();
    let name = |number: usize| match count {
        1 => "model.safetensors".into(),
        _ => format!("model-{:05}-of-{count:05}.safetensors", number + 1).into(),
    };
    let numbered = groups.into_iter().enumerate();
    numbered
        .map(|(number, (_, members))| (name(number), members))
        .collect()
}

/// The reference model's own files; tensors that it lacks join the last.
fn as_reference(reference: &Source<'_>, jobs: &[Job]) -> Vec<(PathBuf, Vec<usize>)> {
    let last = reference.files.len() - 1;
    let mut members: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (at, job) in jobs.iter().enumerate() {
        let file = reference
            .tensors
            .get(&job.key)
            .map_or(last, |info| info.file);
        members.entry(file).or_default().push(at);
    }
    let named = members.into_iter();
    named
        .map(|(file, members)| (reference.files[file].clone(), members))
        .collect()
}

/// A component's files hold its tensors without the component's name.
fn key_in_file(key: &str, file: &Path) -> String {
    let component = file
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty());
    let prefix = component.map(|component| format!("{}/", component.display()));
    let stripped = prefix.and_then(|prefix| key.strip_prefix(&prefix).map(str::to_owned));
    stripped.unwrap_or_else(|| key.to_owned())
}

/// Lays the tensors end to end. Where that would put one at an offset that is no multiple of its
/// element's size, wider types go first, as the format's own writer does.
fn set_offsets(members: &mut [Job], file: usize) -> u64 {
    let mut total = lay(members, file);
    let aligned = |job: &Job| {
        job.place
            .offset
            .is_multiple_of((job.dtype.bits() / 8).max(1))
    };
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
