//! The files of a folder, and the index that names their tensors.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use serde_json::Value as Json;

use super::{Flaw, LoaderError, Seen};

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
            Ok(map) => flaws.extend(compared(index, &map, (of, files), seen)),
            Err(fault) => flaws.push(Flaw::Index {
                index: index.clone(),
                fault,
            }),
        }
    }
    flaws
}

/// The file of each tensor.
fn read(index: &Path) -> Result<BTreeMap<String, String>, String> {
    let text = std::fs::read(index).map_err(|fault| fault.to_string())?;
    let json: Json = serde_json::from_slice(&text).map_err(|fault| fault.to_string())?;
    let map = json.get("weight_map").and_then(Json::as_object);
    let map = map.ok_or_else(|| "it has no `weight_map`".to_owned())?;
    let entries = map.iter().map(|(tensor, file)| {
        let file = file.as_str();
        let file = file.ok_or_else(|| format!("the file of `{tensor}` is no text"))?;
        Ok((tensor.clone(), file.to_owned()))
    });
    entries.collect()
}

fn compared(
    index: &Path,
    map: &BTreeMap<String, String>,
    (folder, files): (&Path, &[PathBuf]),
    seen: &[Seen],
) -> Vec<Flaw> {
    let own = |seen: &&Seen| files[seen.file].parent() == Some(folder);
    let held: HashMap<&str, &Path> = seen
        .iter()
        .filter(own)
        .map(|seen| (seen.name.as_str(), files[seen.file].as_path()))
        .collect();
    let mut flaws = Vec::new();
    for (tensor, file) in map {
        let wanted = folder.join(file);
        let fault = match held.get(tensor.as_str()) {
            Some(found) if *found == wanted => continue,
            Some(found) => format!(
                "says that `{tensor}` is in {file}, it is in {}",
                found.display()
            ),
            None if !wanted.is_file() => format!("names {file}, which is not there"),
            None => format!("says that `{tensor}` is in {file}, which does not hold it"),
        };
        flaws.push(Flaw::Index {
            index: index.to_owned(),
            fault,
        });
    }
    let mut unnamed: Vec<_> = held
        .iter()
        .filter(|(tensor, _)| !map.contains_key(**tensor))
        .collect();
    unnamed.sort();
    flaws.extend(unnamed.into_iter().map(|(tensor, file)| Flaw::Unnamed {
        file: (*file).to_owned(),
        index: index.to_owned(),
        tensor: (*tensor).to_owned(),
    }));
    flaws
}
