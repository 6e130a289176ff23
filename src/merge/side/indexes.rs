//! The index of each folder whose weights are in several files.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Serialize, Serializer};

use crate::checkpoint::{Checkpoint, WeightName};
use crate::plan::{Plan, PlannedFile};
use crate::sink::{SideContent, SideFile};

/// The indexes of the planned files. Where all files of a folder are the reference model's, so is
/// the name of their index.
pub(super) fn of(reference: &Checkpoint, plan: &Plan) -> Vec<SideFile> {
    let mut folders: BTreeMap<PathBuf, Vec<&PlannedFile>> = BTreeMap::new();
    for file in &plan.files {
        let folder = file.name.parent().unwrap_or(Path::new("")).to_owned();
        folders.entry(folder).or_default().push(file);
    }
    let needed = folders
        .into_iter()
        .filter(|(_, files)| files.len() > 1 || files.iter().any(|file| is_shard(file)));
    needed
        .map(|(folder, files)| {
            let own = index_of(reference, &folder, &files);
            SideFile {
                name: own.unwrap_or_else(|| folder.join(index_name(&files))),
                content: SideContent::Bytes(text(plan, &files)),
            }
        })
        .collect()
}

fn name_of(file: &PlannedFile) -> Option<WeightName> {
    WeightName::of_weights(file.name.file_name()?.to_str()?)
}

/// Whether a file's name says that it is one of several, so that a loader wants an index.
fn is_shard(file: &PlannedFile) -> bool {
    name_of(file).is_some_and(|name| name.shard.is_some())
}

/// The index by which the reference model knows these files.
fn index_of(reference: &Checkpoint, folder: &Path, files: &[&PlannedFile]) -> Option<PathBuf> {
    let mut indexes = reference.indexes().iter();
    let index = indexes.find(|index| index.parent() == Some(folder))?;
    let known = |file: &&PlannedFile| {
        let mut known = reference.files().iter();
        known.any(|known| known.relative == file.name)
    };
    files.iter().all(known).then(|| index.clone())
}

/// The name that follows from the names of the shards.
fn index_name(files: &[&PlannedFile]) -> String {
    let shards = files.iter().filter(|file| is_shard(file));
    let first = shards.filter_map(|file| name_of(file)).next();
    let first = first.unwrap_or_else(|| WeightName {
        stem: "model".to_owned(),
        shard: None,
    });
    first.index_name()
}

/// An index as it is written.
#[derive(Serialize)]
struct Index<'p> {
    metadata: Totals,
    weight_map: Files<'p>,
}

/// The name of the file of each tensor, in the order of the tensors' names.
struct Files<'p> {
    names: Vec<Cow<'p, str>>,
    /// Each tensor with the number of its file.
    tensors: Vec<(&'p str, u32)>,
}

impl Files<'_> {
    fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        let tensors = self.tensors.iter();
        tensors.map(|(key, file)| (*key, self.names[*file as usize].as_ref()))
    }
}

impl Serialize for Files<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_map(self.iter())
    }
}

#[derive(Serialize)]
struct Totals {
    /// Bytes of all tensors.
    total_size: u64,
}

/// What a line of an index has besides its two names.
const LINE_BYTES: usize = "    \"\": \"\",\n".len();

fn text(plan: &Plan, files: &[&PlannedFile]) -> Vec<u8> {
    let names = files.iter().map(|file| file.name.file_name());
    let names = names.map(|name| name.unwrap_or_default().to_string_lossy());
    let mut tensors = Vec::with_capacity(plan.jobs.len());
    for (file, number) in files.iter().zip(0..) {
        let jobs = plan.jobs_of(file).iter().filter(|job| job.is_entry());
        tensors.extend(jobs.map(|job| (file.key(job), number)));
    }
    tensors.sort_unstable();
    // A tensor may be computed in several jobs.
    tensors.dedup();
    let weight_map = Files {
        names: names.collect(),
        tensors,
    };
    let bytes: usize = weight_map
        .iter()
        .map(|(key, name)| key.len() + name.len() + LINE_BYTES)
        .sum();
    let mut text = Vec::with_capacity(bytes + 128);
    let index = Index {
        metadata: Totals {
            total_size: files.iter().map(|file| file.data_bytes).sum(),
        },
        weight_map,
    };
    serde_json::to_writer_pretty(&mut text, &index).expect("memory takes any text");
    text.push(b'\n');
    text
}
