//! The files of a folder, and the index that names their tensors.

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use regex::Regex;
use serde_json::Value as Json;

use super::mapped::read_some;
use super::{Flaw, LoaderError, Seen};
use crate::figures::counted;

/// Bytes of an index at most.
const BYTES_MAX: u64 = 128 << 20;
const ENDING: &str = ".safetensors";
const INDEX_ENDING: &str = ".safetensors.index.json";

/// The files of weights of a folder and the folders in it, in order.
pub(super) fn weights(folder: &Path) -> Result<Vec<PathBuf>, LoaderError> {
    let found: Vec<PathBuf> = named(folder, ENDING)?;
    match found.is_empty() {
        true => Err(LoaderError::NoWeights {
            path: folder.to_owned(),
        }),
        false => Ok(found),
    }
}

/// Files whose names end so, in a folder and the folders right in it.
fn named(folder: &Path, ending: &str) -> Result<Vec<PathBuf>, LoaderError> {
    let mut found = Vec::new();
    let mut open = vec![(folder.to_owned(), 0)];
    while let Some((folder, depth)) = open.pop() {
        let failed = |fault| LoaderError::Io {
            path: folder.clone(),
            fault,
        };
        for entry in std::fs::read_dir(&folder).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            let name = path
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            if path.is_dir() && depth == 0 && !name.starts_with('.') {
                open.push((path, 1));
            } else if path.is_file() && name.ends_with(ending) && !name.starts_with('.') {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

/// What the indexes of a folder say that its files do not hold, and the other way round.
pub(super) fn flaws(folder: &Path, files: &[PathBuf], seen: &[Seen]) -> Vec<Flaw> {
    let mut flaws = Vec::new();
    let indexes = named(folder, INDEX_ENDING).unwrap_or_default();
    for index in &indexes {
        let of = index.parent().unwrap_or(folder);
        match read(index) {
            Ok(index_of) => flaws.extend(compared(index, &index_of, (of, files), seen)),
            Err(fault) => flaws.push(Flaw::Index {
                index: index.clone(),
                fault,
            }),
        }
    }
    let mut shards: BTreeMap<&Path, usize> = BTreeMap::new();
    for file in files.iter().filter(|file| is_shard(file)) {
        let home = file.parent().unwrap_or(folder);
        if !indexes.iter().any(|index| index.parent() == Some(home)) {
            *shards.entry(home).or_default() += 1;
        }
    }
    flaws.extend(shards.into_iter().map(|(folder, files)| Flaw::NoIndex {
        folder: folder.to_owned(),
        files,
    }));
    flaws
}

/// Whether a file is called as one of several that an index names.
fn is_shard(file: &Path) -> bool {
    static SHARD: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r"-[0-9]{5}-of-[0-9]{5}[^/]*$").expect("a sound expression"));
    let name = file.file_name().and_then(|name| name.to_str());
    name.is_some_and(|name| SHARD.is_match(name))
}

/// What an index says.
struct Index {
    /// The file of each tensor.
    map: BTreeMap<String, String>,
    /// The bytes of all of them.
    total: Option<u64>,
}

fn read(index: &Path) -> Result<Index, String> {
    let text = read_some(index, BYTES_MAX).map_err(|fault| fault.to_string())?;
    let json: Json = serde_json::from_slice(&text).map_err(|fault| fault.to_string())?;
    let map = json.get("weight_map").and_then(Json::as_object);
    let map = map.ok_or_else(|| "it has no `weight_map`".to_owned())?;
    let entries = map.iter().map(|(tensor, file)| {
        let file = file.as_str();
        let file = file.ok_or_else(|| format!("the file of `{tensor}` is no text"))?;
        Ok((tensor.clone(), file.to_owned()))
    });
    let map = entries.collect::<Result<_, String>>()?;
    let total = json.pointer("/metadata/total_size").and_then(Json::as_u64);
    Ok(Index { map, total })
}

fn compared(
    path: &Path,
    index: &Index,
    (folder, files): (&Path, &[PathBuf]),
    seen: &[Seen],
) -> Vec<Flaw> {
    let own = |seen: &&Seen| files[seen.file].parent() == Some(folder);
    let mut held: BTreeMap<&str, Vec<(&Path, u64)>> = BTreeMap::new();
    for seen in seen.iter().filter(own) {
        let file = files[seen.file].as_path();
        held.entry(&seen.name).or_default().push((file, seen.bytes));
    }
    let fault = |fault: String| Flaw::Index {
        index: path.to_owned(),
        fault,
    };
    let mut flaws = Vec::new();
    let mut absent: BTreeMap<&str, usize> = BTreeMap::new();
    let mut total = 0;
    for (tensor, file) in &index.map {
        let wanted = folder.join(file);
        let places = held.get(tensor.as_str()).map_or(&[][..], Vec::as_slice);
        match places.iter().find(|(place, _)| *place == wanted) {
            Some((_, bytes)) => total += bytes,
            None if !wanted.is_file() => *absent.entry(file).or_default() += 1,
            None => flaws.push(fault(match places {
                [] => format!("says that `{tensor}` is in {file}, which does not hold it"),
                [(place, _), ..] => {
                    let place = place.display();
                    format!("says that `{tensor}` is in {file}, it is in {place}")
                }
            })),
        }
    }
    flaws.extend(absent.into_iter().map(|(file, tensors)| {
        let tensors = counted(tensors, "tensor");
        fault(format!("names {file} for {tensors}, which is not there"))
    }));
    if let Some(said) = index
        .total
        .filter(|said| flaws.is_empty() && *said != total)
    {
        flaws.push(fault(format!(
            "says that tensors have {said} bytes, they have {total}"
        )));
    }
    let named: HashSet<PathBuf> = index.map.values().map(|file| folder.join(file)).collect();
    // Files that no tensor is looked for in are left alone by loaders.
    let unnamed = held
        .iter()
        .filter(|(tensor, _)| !index.map.contains_key(**tensor));
    let unnamed = unnamed.filter_map(|(tensor, places)| {
        let (place, _) = places.iter().find(|(place, _)| named.contains(*place))?;
        Some(Flaw::Unnamed {
            file: (*place).to_owned(),
            index: path.to_owned(),
            tensor: (*tensor).to_owned(),
        })
    });
    flaws.extend(unnamed);
    flaws
}
