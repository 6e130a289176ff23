//! The cache on the disk, as `huggingface_hub` lays it out.
//!
//! `models--ORG--NAME/blobs/ETAG` holds the bytes of a file, `snapshots/COMMIT/PATH` is a relative
//! link to them, `refs/REVISION` holds the commit of a branch or tag, `trees/COMMIT.json` what a
//! commit lists, and `.locks/models--ORG--NAME/ETAG.lock` beside the repositories is locked by
//! whoever writes a blob.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::Listing;
use super::reference::is_commit;
use crate::checkpoint::{SNAPSHOTS, repository_folder};

/// Folders in each other at most, in a snapshot.
const DEPTH_MAX: usize = 8;

/// A repository of the cache, whether or not it is there.
#[derive(Clone, Debug)]
pub(super) struct Repository {
    pub(super) folder: PathBuf,
}

impl Repository {
    /// That of a name.
    pub(super) fn new(cache: &Path, name: &str) -> Repository {
        Repository {
            folder: cache.join(repository_folder(name)),
        }
    }

    /// That of a folder, if it looks like one.
    pub(super) fn of_folder(folder: &Path) -> Option<Repository> {
        // A link to it, or `.`, has its name where it leads.
        let full = fs::canonicalize(folder).ok()?;
        let name = full.file_name()?.to_str()?;
        let is_one = name.starts_with(crate::checkpoint::REPOSITORY);
        let has_files = full.join(SNAPSHOTS).is_dir() || full.join("blobs").is_dir();
        (is_one && has_files).then_some(Repository { folder: full })
    }

    /// The commit that a branch, tag or commit is here.
    pub(super) fn commit(&self, revision: &str) -> Option<String> {
        let told = fs::read_to_string(self.folder.join("refs").join(revision)).ok();
        let told = told.map(|text| text.trim().to_owned());
        let own = || is_commit(revision).then(|| revision.to_owned());
        told.filter(|text| is_commit(text)).or_else(own)
    }

    /// Where the files of a commit are.
    pub(super) fn snapshot(&self, commit: &str) -> PathBuf {
        self.folder.join(SNAPSHOTS).join(commit)
    }

    /// The commits of which there are snapshots, sorted.
    pub(super) fn snapshots(&self) -> Vec<String> {
        let entries = fs::read_dir(self.folder.join(SNAPSHOTS));
        let names = entries.into_iter().flatten().flatten();
        let mut names: Vec<String> = names
            .filter_map(|entry| entry.file_name().into_string().ok())
            .filter(|name| !name.starts_with('.'))
            .collect();
        names.sort();
        names
    }

    /// The files of a snapshot that are there, by their paths, with their bytes.
    pub(super) fn files(&self, commit: &str) -> BTreeMap<String, u64> {
        let mut found = BTreeMap::new();
        walk(&self.snapshot(commit), "", DEPTH_MAX, &mut found);
        found
    }

    /// What a commit lists, if that is known.
    pub(super) fn listing(&self, commit: &str) -> Option<Listing> {
        Listing::read(&fs::read_to_string(self.listing_path(commit)).ok()?)
    }

    pub(super) fn listing_path(&self, commit: &str) -> PathBuf {
        self.folder.join("trees").join(format!("{commit}.json"))
    }
}

/// The files below a folder whose bytes are there, links followed.
fn walk(folder: &Path, below: &str, depth: usize, found: &mut BTreeMap<String, u64>) {
    let entries = fs::read_dir(folder);
    for entry in entries.into_iter().flatten().flatten() {
        let Ok(name) = entry.file_name().into_string() else {
            continue;
        };
        let name = format!("{below}{name}");
        let Ok(data) = fs::metadata(entry.path()) else {
            continue;
        };
        if data.is_file() {
            found.insert(name, data.len());
        } else if depth > 0 {
            walk(&entry.path(), &format!("{name}/"), depth - 1, found);
        }
    }
}
