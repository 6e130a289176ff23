//! What a repository holds at a commit. The listing lies in the cache as `huggingface_hub` keeps
//! it, because of a commit it never changes.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The form of the file in the cache.
const VERSION: u32 = 1;

/// The files of a repository.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listing {
    format_version: u32,
    /// What is known of each, by its path in the repository.
    pub files: BTreeMap<String, Stored>,
}

/// How the hub stores a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stored {
    /// Its bytes.
    pub size: u64,
    /// The hash by which git knows it, or its pointer.
    pub blob_id: String,
    /// The SHA-256 of a large file.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub lfs_sha256: Option<String>,
    /// The bytes of a large file.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub lfs_size: Option<u64>,
    /// The hash under which it is stored in chunks; kept for those who read chunks.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub xet_hash: Option<String>,
}

impl Stored {
    /// The name of its blob in the cache: what the hub gives as its ETag.
    pub fn etag(&self) -> &str {
        self.lfs_sha256.as_deref().unwrap_or(&self.blob_id)
    }

    /// Its bytes.
    pub fn bytes(&self) -> u64 {
        self.lfs_size.unwrap_or(self.size)
    }
}

impl Listing {
    /// A listing of these files.
    pub fn new(files: BTreeMap<String, Stored>) -> Listing {
        Listing {
            format_version: VERSION,
            files,
        }
    }

    /// The bytes of each file.
    pub(super) fn sizes(&self) -> BTreeMap<String, u64> {
        let files = self.files.iter();
        let sizes = files.map(|(name, stored)| (name.clone(), stored.bytes()));
        sizes.collect()
    }

    /// Reads the text of the cache; None where it is of another form.
    pub(super) fn read(text: &str) -> Option<Listing> {
        let listing: Listing = serde_json::from_str(text).ok()?;
        (listing.format_version == VERSION).then_some(listing)
    }
}
