//! Builds files by hand, so that tests do not lean on the code they test.

use std::path::{Path, PathBuf};

use wgmerge::checkpoint::{Checkpoint, CheckpointError};

/// The bytes of a file with this header text and this many data bytes (0, 1, 2 …).
pub fn file(json: &str, data_bytes: usize) -> Vec<u8> {
    let mut bytes = (json.len() as u64).to_le_bytes().to_vec();
    bytes.extend(json.as_bytes());
    bytes.extend((0..data_bytes).map(|n| n as u8));
    bytes
}

/// The bytes of a file whose tensors are one F32 each, named so.
pub fn scalars(keys: &[&str]) -> Vec<u8> {
    let entries: Vec<String> = keys
        .iter()
        .enumerate()
        .map(|(n, key)| {
            let (begin, end) = (4 * n, 4 * n + 4);
            format!(r#""{key}":{{"dtype":"F32","shape":[],"data_offsets":[{begin},{end}]}}"#)
        })
        .collect();
    file(&format!("{{{}}}", entries.join(",")), 4 * keys.len())
}

/// A scratch folder that files are put into.
pub struct Scratch(tempfile::TempDir);

impl Scratch {
    /// An empty folder.
    pub fn new() -> Scratch {
        Scratch(tempfile::tempdir().unwrap())
    }

    /// The folder with one file per name; each tensor is named after its file's stem.
    pub fn with(names: &[&str]) -> Scratch {
        let scratch = Scratch::new();
        for name in names {
            let stem = Path::new(name).file_stem().unwrap().to_str().unwrap();
            scratch.put(name, &scalars(&[stem]));
        }
        scratch
    }

    /// Writes a file, with the folders on its way.
    pub fn put(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, bytes).unwrap();
        path
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// Opens the folder as a checkpoint.
    pub fn open(&self) -> Result<Checkpoint, CheckpointError> {
        Checkpoint::open(self.path())
    }

    /// The message of opening the folder, with the folder's own path shown as `DIR`.
    pub fn message(&self) -> String {
        self.message_of("")
    }

    /// The message of opening a file in the folder, with the folder's own path shown as `DIR`.
    pub fn message_of(&self, name: &str) -> String {
        let path = if name.is_empty() {
            self.path().into()
        } else {
            self.path().join(name)
        };
        let message = Checkpoint::open(&path).unwrap_err().to_string();
        message
            .replace(self.path().to_str().unwrap(), "DIR")
            .replace('\\', "/")
    }
}

/// The keys of a checkpoint, in its order.
pub fn keys(checkpoint: &Checkpoint) -> Vec<&str> {
    checkpoint.tensors().keys().map(String::as_str).collect()
}

/// Paths as text with `/`.
pub fn texts<'a>(paths: impl IntoIterator<Item = &'a PathBuf>) -> Vec<String> {
    paths
        .into_iter()
        .map(|path| path.to_str().unwrap().replace('\\', "/"))
        .collect()
}
