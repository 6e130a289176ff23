//! What the Hugging Face cache calls a model: a snapshot of a repository at a commit.
//!
//! The cache keeps a model at `models--ORG--NAME/snapshots/COMMIT`, in which the last name says
//! nothing. What it is called for people and in records is `ORG/NAME@COMMIT`, by which it can be
//! found again on any machine.

use std::fmt;
use std::path::{Component, Path, PathBuf};

/// What the folder of a model's repository begins with.
pub const REPOSITORY: &str = "models--";
/// The folder of a repository that holds its snapshots.
pub const SNAPSHOTS: &str = "snapshots";

/// A place in the cache, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// `ORG/NAME`, or the `NAME` of a repository of old.
    pub repository: String,
    /// The commit.
    pub commit: String,
    /// What is meant inside it, with `/`; empty for all of it.
    pub inside: String,
}

impl Snapshot {
    /// The snapshot that a path leads into, by its names alone.
    pub fn of(path: &Path) -> Option<Snapshot> {
        let mut names = path.components().map(|part| match part {
            Component::Normal(name) => name.to_str(),
            _ => None,
        });
        let mut before = None;
        for name in names.by_ref() {
            if name == Some(SNAPSHOTS) && before.is_some() {
                break;
            }
            before = name.and_then(|name| name.strip_prefix(REPOSITORY));
        }
        let repository = before?.replacen("--", "/", 1);
        let commit = names.next()??.to_owned();
        let inside: Vec<&str> = names.collect::<Option<_>>()?;
        Some(Snapshot {
            repository,
            commit,
            inside: inside.join("/"),
        })
    }
}

impl fmt::Display for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.repository)?;
        if !self.inside.is_empty() {
            write!(f, "/{}", self.inside)?;
        }
        write!(f, "@{}", self.commit)
    }
}

/// What a model is called in records of a merge, wherever it lies: the name of its file or folder,
/// and what lies in the Hugging Face cache by repository and commit.
pub fn recorded_name(path: &Path) -> String {
    match Snapshot::of(path) {
        Some(snapshot) => snapshot.to_string(),
        None => {
            // `.` has a name too, by another way.
            let whole = match path.file_name() {
                None => std::fs::canonicalize(path).ok(),
                Some(_) => None,
            };
            let path = whole.as_deref().unwrap_or(path);
            let name = path.file_name().unwrap_or(path.as_os_str());
            name.to_string_lossy().into_owned()
        }
    }
}

/// The folder of a repository in the cache: `models--ORG--NAME`.
pub fn repository_folder(repository: &str) -> PathBuf {
    PathBuf::from(format!("{REPOSITORY}{}", repository.replace('/', "--")))
}
