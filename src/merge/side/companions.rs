//! What comes along from a model's folder, and what does not.

use std::collections::{BTreeMap, HashSet};
use std::fs::{DirEntry, Metadata};
use std::path::{Path, PathBuf};

use serde::{Serialize, Serializer};

use crate::checkpoint::{CARD, Checkpoint};
use crate::recipe::SideFiles;

/// A larger file is no configuration.
const BYTES_MAX: u64 = 64 << 20;
/// Nor is what is larger taken together.
const SUM_MAX: u64 = 256 << 20;
/// Nor are more files than this.
const FILES_MAX: usize = 256;

/// What holds weights, in whatever form.
const WEIGHTS: &[&str] = &[
    "7z",
    "bin",
    "ckpt",
    "ggml",
    "gguf",
    "gz",
    "h5",
    "hdf5",
    "keras",
    "llamafile",
    "msgpack",
    "nemo",
    "npy",
    "npz",
    "onnx",
    "onnx_data",
    "ot",
    "params",
    "pb",
    "pickle",
    "pkl",
    "pt",
    "pth",
    "rar",
    "safetensors",
    "sft",
    "t7",
    "tar",
    "tflite",
    "tgz",
    "xz",
    "zip",
    "zst",
];

/// The files beside the weights of a model's folder.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Companions {
    /// Those that are copied, sorted by name.
    #[serde(serialize_with = "names")]
    pub copied: Vec<Companion>,
    /// Those that are not, sorted by name; hidden ones are not counted.
    pub left_out: Vec<LeftOut>,
}

/// A file that is copied.
#[derive(Clone, Debug)]
pub struct Companion {
    /// Its name, relative to the folder.
    pub name: PathBuf,
    /// Where its bytes are, links resolved.
    pub origin: PathBuf,
    /// Its length when it was found.
    pub bytes: u64,
}

/// A file or folder that is not copied.
#[derive(Clone, Debug, Serialize)]
pub struct LeftOut {
    /// Its name, relative to the folder.
    pub name: String,
    /// Why.
    pub reason: &'static str,
}

fn names<S: Serializer>(files: &[Companion], to: S) -> Result<S::Ok, S::Error> {
    to.collect_seq(files.iter().map(|file| file.name.to_string_lossy()))
}

/// Where the files of a folder may lie: in it, or where a Hugging Face cache keeps them.
struct Bounds {
    root: PathBuf,
    blobs: Option<PathBuf>,
}

impl Bounds {
    fn of(folder: &Path) -> Option<Bounds> {
        let root = std::fs::canonicalize(folder).ok()?;
        let mut above = root.ancestors();
        let snapshots = above.find(|path| path.ends_with("snapshots"));
        let blobs = snapshots.and_then(|path| Some(path.parent()?.join("blobs")));
        Some(Bounds { root, blobs })
    }

    fn hold(&self, target: &Path) -> bool {
        let blobs = self.blobs.as_ref();
        target.starts_with(&self.root) || blobs.is_some_and(|blobs| target.starts_with(blobs))
    }
}

/// Looks through a model's folder and the folders in it. Of a single file there is nothing.
pub(in crate::merge) fn find(model: &Checkpoint, which: SideFiles) -> Companions {
    let mut found = Companions::default();
    let bounds = Bounds::of(model.path()).filter(|_| model.is_folder());
    let Some(bounds) = bounds else {
        return found;
    };
    let mut files = Vec::new();
    let flat = which == SideFiles::Flat;
    for entry in entries(model.path()) {
        let name = PathBuf::from(entry.file_name());
        if !entry.path().is_dir() {
            let is_card = flat && name.to_string_lossy().starts_with("README");
            match is_card {
                true => found.leave_out(&name, "about that model"),
                false => files.push(name),
            }
            continue;
        }
        if flat {
            found.leave_out(&name, "a folder");
            continue;
        }
        for inner in entries(&entry.path()) {
            let name = name.join(inner.file_name());
            match inner.path().is_dir() {
                true => found.leave_out(&name, "a folder in a folder of the model"),
                false => files.push(name),
            }
        }
    }
    let merged = model.files().iter().map(|file| &file.relative);
    let merged: HashSet<&PathBuf> = merged.collect();
    for name in files.into_iter().filter(|name| !merged.contains(name)) {
        let path = model.path().join(&name);
        match judge(&path, &name, &bounds) {
            Ok(companion) => found.copied.push(companion),
            Err(reason) => found.leave_out(&name, reason),
        }
    }
    found.bound();
    found
}

/// What a folder holds that is not hidden, sorted by name.
fn entries(folder: &Path) -> impl Iterator<Item = DirEntry> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let named = entries.map(|entry| (entry.file_name(), entry));
    let sorted: BTreeMap<_, _> = named.collect();
    let shown = |name: &std::ffi::OsString| !name.to_string_lossy().starts_with('.');
    let sorted = sorted.into_iter().filter(move |(name, _)| shown(name));
    sorted.map(|(_, entry)| entry)
}

/// The file as a companion, or why it is none.
fn judge(path: &Path, name: &Path, bounds: &Bounds) -> Result<Companion, &'static str> {
    let text = name.file_name().unwrap_or_default().to_string_lossy();
    if name == Path::new(CARD) {
        return Err("the card of that model");
    }
    if text.contains(".index.") && text.ends_with(".json") {
        return Err("an index of that model's files");
    }
    if holds_weights(name) {
        return Err("weights");
    }
    let origin = std::fs::canonicalize(path).map_err(|_| "a link to nothing")?;
    if !bounds.hold(&origin) {
        return Err("a link that leads out of the folder");
    }
    let metadata = std::fs::metadata(&origin).map_err(|_| "it cannot be looked up")?;
    judge_size(&metadata)?;
    Ok(Companion {
        name: name.to_path_buf(),
        origin,
        bytes: metadata.len(),
    })
}

fn judge_size(metadata: &Metadata) -> Result<(), &'static str> {
    match metadata.is_file() {
        false => Err("not a regular file"),
        true if metadata.len() > BYTES_MAX => Err("larger than 64 MiB"),
        true => Ok(()),
    }
}

fn holds_weights(name: &Path) -> bool {
    let extension = name.extension().unwrap_or_default().to_string_lossy();
    let extension = extension.to_lowercase();
    // TensorFlow's `model.ckpt.data-00000-of-00001`.
    WEIGHTS.contains(&extension.as_str()) || extension.starts_with("data-")
}

impl Companions {
    fn leave_out(&mut self, name: &Path, reason: &'static str) {
        let name = name.to_string_lossy().into_owned();
        self.left_out.push(LeftOut { name, reason });
    }

    /// Keeps the smallest files whose number and sum are within bounds, sorted by name.
    fn bound(&mut self) {
        let mut files = std::mem::take(&mut self.copied);
        files.sort_by(|a, b| (a.bytes, &a.name).cmp(&(b.bytes, &b.name)));
        let mut sum = 0;
        for file in files {
            sum += file.bytes;
            if self.copied.len() == FILES_MAX {
                self.leave_out(&file.name, "more than 256 files");
            } else if sum > SUM_MAX {
                self.leave_out(&file.name, "more than 256 MiB of files");
            } else {
                self.copied.push(file);
            }
        }
        self.copied.sort_by(|a, b| a.name.cmp(&b.name));
        self.left_out.sort_by(|a, b| a.name.cmp(&b.name));
    }
}
