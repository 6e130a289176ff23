//! Which files an output has, and which tensors go into which.
//!
//! A folder is divided as the reference model is, or into shards of a given size. Names are those
//! under which loaders look: a set of shards that came out smaller is numbered anew, and what the
//! reference lacks goes to a component of its own name, never into another's.

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};

use indexmap::IndexMap;

use super::job::Job;
use super::{Output, PlanError, Source};
use crate::checkpoint::{Shard, WeightName};
use crate::recipe::{Recipe, SideFiles};

/// A file of the output and the jobs whose tensors it holds.
pub(super) struct Division {
    /// Its path inside the output folder.
    pub(super) name: PathBuf,
    /// Indices of jobs, in the order of their places.
    pub(super) members: Vec<usize>,
}

/// The name of weights in a folder that says nothing else.
const STEM: &str = "model";
/// The names that loaders know; shards of a folder that has one are called so.
const STEMS: &[&str] = &[STEM, "diffusion_pytorch_model"];

/// The files with the jobs that go there.
pub(super) fn divide(
    recipe: &Recipe,
    sources: &[Source<'_>],
    output: &Output,
    jobs: &[Job],
) -> Result<Vec<Division>, PlanError> {
    let reference = &sources[recipe.reference.index()];
    let path = || reference.path.display().to_string();
    // A folder of components that was converted is none any more, and another may become one.
    let from_reference = jobs.iter().any(|job| reference.file_of(&job.key).is_some());
    let components = match from_reference {
        true => has_components(reference),
        false => jobs.iter().any(|job| component_in(&job.key).is_some()),
    };
    let whole = |stem: &str| {
        let name = WeightName {
            stem: stem.to_owned(),
            shard: None,
        };
        vec![Division {
            name: name.file_name().into(),
            members: (0..jobs.len()).collect(),
        }]
    };
    match (output, recipe.options.shard_bytes) {
        (Output::File, Some(_)) => Err(PlanError::ShardsIntoFile),
        (Output::File, None) if components => {
            Err(PlanError::ComponentsIntoFile { reference: path() })
        }
        (Output::Folder, Some(_)) if components => {
            Err(PlanError::ShardsOfComponents { reference: path() })
        }
        (Output::Folder, Some(limit)) => Ok(shards(jobs, limit, stem(reference))),
        (Output::Folder, None) if components && !from_reference => Ok(by_component(jobs)),
        (Output::Folder, None) if reference.is_folder && from_reference => {
            as_reference(reference, sources, jobs)
        }
        (Output::Folder, None) if recipe.options.side_files == SideFiles::Flat => {
            let own = reference.files.first().and_then(|file| file.file_stem());
            let own = own.filter(|_| !reference.is_folder);
            Ok(whole(&own.map_or(STEM.into(), |own| own.to_string_lossy())))
        }
        (Output::File | Output::Folder, None) => Ok(whole(STEM)),
    }
}

/// Whether a model's files lie in folders of its components.
fn has_components(source: &Source<'_>) -> bool {
    let mut files = source.files.iter();
    source.is_folder && files.any(|file| component_of(file).is_some())
}

/// The folder that a file lies in, where it is not the model's own.
fn component_of(file: &Path) -> Option<&Path> {
    file.parent()
        .filter(|folder| !folder.as_os_str().is_empty())
}

/// The component before a tensor's name, where there is one.
fn component_in(key: &str) -> Option<&str> {
    key.split_once('/').map(|(component, _)| component)
}

/// A file for each component, named as diffusers names it.
fn by_component(jobs: &[Job]) -> Vec<Division> {
    let mut members: IndexMap<&str, Vec<usize>> = IndexMap::new();
    for (at, job) in jobs.iter().enumerate() {
        let component = component_in(&job.key).unwrap_or_default();
        members.entry(component).or_default().push(at);
    }
    let stem = |component: &str| match component.starts_with("text_encoder") {
        true => STEM,
        false => STEMS[1],
    };
    let named = members.into_iter();
    named
        .map(|(component, members)| {
            let file = numbered_name(stem(component), 0, 1).file_name();
            let name = Path::new(component).join(file);
            Division { name, members }
        })
        .collect()
}

/// What the shards of an output are called: as loaders know the reference's files.
fn stem(reference: &Source<'_>) -> &'static str {
    let named = reference.files.iter().filter_map(|file| name_of(file));
    let stems: HashSet<String> = named
        .map(|name| name.plain_stem().unwrap_or(&name.stem).to_owned())
        .collect();
    let known = STEMS.iter().find(|&&stem| stems.contains(stem));
    known.filter(|_| reference.is_folder).unwrap_or(&STEM)
}

fn name_of(file: &Path) -> Option<WeightName> {
    let name = file.file_name()?.to_str()?;
    let torch = || Some(WeightName::of_torch(name)?.as_safetensors());
    WeightName::of_weights(name).or_else(torch)
}

/// What a file of the reference model is called in the output, which is safetensors.
fn own_name(file: &Path) -> PathBuf {
    let torch = file
        .file_name()
        .and_then(|name| WeightName::of_torch(name.to_str()?));
    match torch {
        Some(name) => file.with_file_name(name.as_safetensors().file_name()),
        None => file.to_owned(),
    }
}

/// Files of at most `limit` bytes, unless one tensor is larger.
fn shards(jobs: &[Job], limit: u64, stem: &str) -> Vec<Division> {
    let mut groups: Vec<(u64, Vec<usize>)> = vec![(0, Vec::new())];
    for (at, job) in jobs.iter().enumerate() {
        let tensor = job.bytes * job.run.map_or(1, |run| run.parts);
        let full = groups
            .last()
            .is_some_and(|(bytes, members)| !members.is_empty() && bytes + tensor > limit);
        if full && !job.goes_on() {
            groups.push((0, Vec::new()));
        }
        if let Some((bytes, members)) = groups.last_mut() {
            *bytes += job.bytes;
            members.push(at);
        }
    }
    let count = groups.len();
    let numbered = groups.into_iter().enumerate();
    numbered
        .map(|(at, (_, members))| Division {
            name: numbered_name(stem, at, count).file_name().into(),
            members,
        })
        .collect()
}

/// The name of one of `count` files, without a number where it is the only one.
fn numbered_name(stem: &str, at: usize, count: usize) -> WeightName {
    let shard = (count > 1).then(|| Shard {
        number: u32::try_from(at + 1).unwrap_or(u32::MAX),
        count: u32::try_from(count).unwrap_or(u32::MAX),
    });
    WeightName {
        stem: stem.to_owned(),
        shard,
    }
}

/// The reference model's own files.
fn as_reference(
    reference: &Source<'_>,
    sources: &[Source<'_>],
    jobs: &[Job],
) -> Result<Vec<Division>, PlanError> {
    let mut members: IndexMap<PathBuf, Vec<usize>> = IndexMap::new();
    for file in &reference.files {
        members.insert(own_name(file), Vec::new());
    }
    for (at, job) in jobs.iter().enumerate() {
        let file = match reference.file_of(&job.key) {
            Some(file) => &reference.files[file],
            None => place_of_extra(&job.key, reference, sources)?,
        };
        members.entry(own_name(file)).or_default().push(at);
    }
    members.retain(|_, members| !members.is_empty());
    let divisions = members.into_iter();
    let mut divisions: Vec<Division> = divisions
        .map(|(name, members)| Division { name, members })
        .collect();
    number_anew(&mut divisions);
    Ok(divisions)
}

/// Where a tensor goes that the reference lacks: to the last file of its component, or of the whole
/// model where that has none. A component that the reference lacks keeps the file it comes from.
fn place_of_extra<'a>(
    key: &str,
    reference: &'a Source<'_>,
    sources: &'a [Source<'_>],
) -> Result<&'a PathBuf, PlanError> {
    if !has_components(reference) {
        let last = reference.files.last();
        return last.ok_or_else(|| PlanError::Empty {
            model: reference.path.display().to_string(),
        });
    }
    let component = component_in(key).map(Path::new);
    let in_it = |file: &&PathBuf| component.is_some() && component_of(file) == component;
    let own = reference.files.iter().rfind(in_it);
    let holder = || {
        let mut holders = sources.iter().filter(|source| source.is_folder);
        holders.find_map(|source| {
            let file = &source.files[source.file_of(key)?];
            Some(file).filter(in_it)
        })
    };
    own.or_else(holder).ok_or_else(|| PlanError::NoComponent {
        reference: reference.path.display().to_string(),
        key: key.to_owned(),
    })
}

/// Numbers each set of shards of which some are not in the output from 1 on, without a hole.
fn number_anew(divisions: &mut [Division]) {
    let mut sets: BTreeMap<(PathBuf, String), Vec<(usize, Shard)>> = BTreeMap::new();
    for (at, division) in divisions.iter().enumerate() {
        if let Some(WeightName {
            stem,
            shard: Some(shard),
        }) = name_of(&division.name)
        {
            let folder = division.name.parent().unwrap_or(Path::new(""));
            sets.entry((folder.to_path_buf(), stem))
                .or_default()
                .push((at, shard));
        }
    }
    let taken: HashSet<PathBuf> = divisions.iter().map(|file| file.name.clone()).collect();
    for ((folder, stem), files) in sets {
        let complete = files
            .iter()
            .all(|(_, shard)| shard.count as usize == files.len());
        if complete {
            continue;
        }
        for (number, (at, _)) in files.iter().enumerate() {
            let mut name = numbered_name(&stem, number, files.len());
            if files.len() == 1 && taken.contains(&folder.join(name.file_name())) {
                name.shard = Some(Shard {
                    number: 1,
                    count: 1,
                });
            }
            divisions[*at].name = folder.join(name.file_name());
        }
    }
}

/// A component's files hold its tensors without the component's name.
pub(super) fn key_in_file<'k>(key: &'k str, file: &Path) -> &'k str {
    let component = component_of(file).and_then(Path::to_str);
    let stripped = component.and_then(|name| key.strip_prefix(name)?.strip_prefix('/'));
    stripped.unwrap_or(key)
}
