//! The files of an output folder that are not weights.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::json;

use crate::checkpoint::Checkpoint;
use crate::plan::PlannedFile;
use crate::sink::{SideContent, SideFile};

/// Larger files are no configuration.
const BYTES_MAX: u64 = 64 << 20;
/// What holds weights, in whatever form.
const WEIGHTS: &[&str] = &[
    "safetensors",
    "bin",
    "pt",
    "pth",
    "ckpt",
    "gguf",
    "h5",
    "msgpack",
    "onnx",
    "ot",
];

/// The configuration, tokenizer and other small files of a model's folder.
pub(super) fn companions(model: &Checkpoint) -> Vec<SideFile> {
    if !model.is_folder() {
        return Vec::new();
    }
    let mut folders = vec![PathBuf::new()];
    folders.extend(subfolders(model.path()));
    let mut names: Vec<PathBuf> = Vec::new();
    for folder in folders {
        let Ok(entries) = std::fs::read_dir(model.path().join(&folder)) else {
            continue;
        };
        for entry in entries.flatten() {
            let small = std::fs::metadata(entry.path())
                .is_ok_and(|metadata| metadata.is_file() && metadata.len() <= BYTES_MAX);
            if small && is_companion(&entry.path()) {
                names.push(folder.join(entry.file_name()));
            }
        }
    }
    names.sort();
    names
        .into_iter()
        .map(|name| SideFile {
            content: SideContent::CopyOf(model.path().join(&name)),
            name,
        })
        .collect()
}

/// Subfolders, which hold the tokenizers and schedulers of a folder of components, or modules of
/// their own. Hidden ones are no part of a model.
fn subfolders(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<PathBuf> = entries
        .filter(|entry| entry.path().is_dir())
        .map(|entry| PathBuf::from(entry.file_name()))
        .filter(|name| !name.to_string_lossy().starts_with('.'))
        .collect();
    names.sort();
    names
}

fn is_companion(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let extension = path
        .extension()
        .unwrap_or_default()
        .to_string_lossy()
        .to_lowercase();
    let weights = WEIGHTS.contains(&extension.as_str());
    !name.starts_with('.') && !weights && !name.ends_with(".index.json")
}

/// The index of each folder whose weights are in several files.
pub(super) fn indexes(planned: &[PlannedFile]) -> Vec<SideFile> {
    let mut folders: BTreeMap<PathBuf, Vec<usize>> = BTreeMap::new();
    for (number, file) in planned.iter().enumerate() {
        let folder = file.name.parent().unwrap_or(Path::new("")).to_owned();
        folders.entry(folder).or_default().push(number);
    }
    folders
        .into_iter()
        .filter(|(_, files)| files.len() > 1)
        .map(|(folder, files)| {
            let mut map: BTreeMap<&str, String> = BTreeMap::new();
            for file in files.iter().map(|&number| &planned[number]) {
                let name = file.name.file_name().unwrap_or_default().to_string_lossy();
                map.extend(
                    file.keys
                        .iter()
                        .map(|key| (key.as_str(), name.clone().into_owned())),
                );
            }
            let bytes: u64 = files.iter().map(|&number| planned[number].data_bytes).sum();
            let index = json!({ "metadata": { "total_size": bytes }, "weight_map": map });
            let text = format!("{index:#}\n");
            let first = &planned[files[0]].name;
            SideFile {
                name: folder.join(index_name(first)),
                content: SideContent::Bytes(text.into_bytes()),
            }
        })
        .collect()
}

/// `model.safetensors.index.json` for `model-00001-of-00002.safetensors`.
fn index_name(file: &Path) -> String {
    let stem = file.file_stem().unwrap_or_default().to_string_lossy();
    let base = match stem
        .rsplit_once("-of-")
        .and_then(|(left, _)| left.rsplit_once('-'))
    {
        Some((base, number)) if number.bytes().all(|byte| byte.is_ascii_digit()) => base,
        _ => "model",
    };
    format!("{base}.safetensors.index.json")
}
