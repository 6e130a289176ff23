//! The listing of a repository as it comes, entry by entry.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::Stored;
use super::reference::is_inner_path;

/// Files and folders of a listing at most: one and a half times those of the largest repositories.
const ENTRIES_MAX: usize = 150_000;
/// Bytes of their paths and hashes at most: for so many, 320 each.
const TEXTS_BYTES_MAX: usize = 48 << 20;

/// An entry of a page.
#[derive(Deserialize)]
pub(super) struct Entry {
    r#type: String,
    oid: String,
    #[serde(default)]
    size: u64,
    path: String,
    lfs: Option<Large>,
    #[serde(rename = "xetHash")]
    xet_hash: Option<String>,
}

/// What a pointer in git says of a large file.
#[derive(Deserialize)]
struct Large {
    oid: String,
    size: u64,
}

/// What the pages of a listing have told so far.
#[derive(Default)]
pub(super) struct Gathered {
    pub(super) files: BTreeMap<String, Stored>,
    /// Files and folders.
    entries: usize,
    /// Bytes of their texts.
    bytes: usize,
}

impl Gathered {
    /// Adds an entry.
    ///
    /// # Errors
    /// What is wrong with it, or a limit of all.
    pub(super) fn add(&mut self, entry: Entry) -> Result<(), String> {
        self.entries += 1;
        if self.entries > ENTRIES_MAX {
            return Err(format!(
                "it lists more than {ENTRIES_MAX} files and folders, the limit"
            ));
        }
        if entry.r#type != "file" {
            return Ok(());
        }
        let (large_oid, large_size) = entry.lfs.map(|large| (large.oid, large.size)).unzip();
        let stored = Stored {
            size: entry.size,
            blob_id: entry.oid,
            lfs_size: large_size,
            lfs_sha256: large_oid,
            xet_hash: entry.xet_hash,
        };
        let texts = [&stored.lfs_sha256, &stored.xet_hash].into_iter().flatten();
        let texts = texts.chain([&entry.path, &stored.blob_id]);
        self.bytes += texts.map(String::len).sum::<usize>();
        if self.bytes > TEXTS_BYTES_MAX {
            return Err(format!(
                "the paths and hashes that it lists have more than {TEXTS_BYTES_MAX} bytes, the \
                 limit"
            ));
        }
        let is_hash = |text: &str| {
            (40..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_hexdigit())
        };
        if !is_inner_path(&entry.path) || !is_hash(stored.etag()) {
            return Err(format!("it lists `{:.200}`", entry.path));
        }
        self.files.insert(entry.path, stored);
        Ok(())
    }
}
