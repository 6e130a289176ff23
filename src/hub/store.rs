//! What is written to the cache.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use super::cache::Repository;
use super::{HubError, Listing};

/// What tells backups to pass the cache over.
const TAG: &str = "Signature: 8a477f597d28d172789f06886806bc55\n\
     # This file is a cache directory tag created by huggingface_hub.\n\
     # For information about cache directory tags, see:\n\
     #\thttps://bford.info/cachedir/\n";

impl Repository {
    /// The folder around all repositories.
    pub(super) fn cache(&self) -> &Path {
        self.folder.parent().unwrap_or(&self.folder)
    }

    /// Notes the commit of a revision and what it lists.
    pub(super) fn note(
        &self,
        revision: &str,
        commit: &str,
        listing: &Listing,
    ) -> Result<(), HubError> {
        make(self.cache())?;
        let tag = self.cache().join("CACHEDIR.TAG");
        if !tag.exists() {
            // A cache without it is one too.
            let _ = fs::write(tag, TAG);
        }
        if revision != commit && self.commit(revision).as_deref() != Some(commit) {
            replace(&self.folder.join("refs").join(revision), commit.as_bytes())?;
        }
        let text = serde_json::to_vec_pretty(listing).unwrap_or_default();
        replace(&self.listing_path(commit), &text)
    }

    /// Where the bytes of a file are.
    pub(super) fn blob(&self, etag: &str) -> Result<PathBuf, HubError> {
        let blobs = self.folder.join("blobs");
        make(&blobs)?;
        Ok(blobs.join(etag))
    }

    /// Waits until nobody else writes a blob; `busy` is told if somebody does.
    pub(super) fn lock(&self, etag: &str, busy: impl FnOnce()) -> Result<File, HubError> {
        let locks = self.cache().join(".locks");
        let locks = locks.join(self.folder.file_name().unwrap_or_default());
        make(&locks)?;
        let path = locks.join(format!("{etag}.lock"));
        let open = fs::OpenOptions::new().create(true).append(true).open(&path);
        let file = open.map_err(|fault| failed("written", &path, fault))?;
        wait(&file, busy);
        Ok(file)
    }

    /// Lets a snapshot have a file whose blob is there.
    pub(super) fn link(&self, commit: &str, name: &str, etag: &str) -> Result<(), HubError> {
        let path = self.snapshot(commit).join(name);
        make(path.parent().unwrap_or(&self.folder))?;
        if path.exists() {
            return Ok(());
        }
        // A link that leads nowhere.
        let _ = fs::remove_file(&path);
        let up = "../".repeat(2 + name.matches('/').count());
        let target = format!("{up}blobs/{etag}");
        place(
            Path::new(&target),
            &self.folder.join("blobs").join(etag),
            &path,
        )
        .map_err(|fault| failed("written", &path, fault))
    }
}

/// Links by the relative path, else moves the bytes: where there are no links, nobody else has
/// the blob.
#[cfg(unix)]
fn place(target: &Path, _blob: &Path, path: &Path) -> io::Result<()> {
    std::os::unix::fs::symlink(target, path)
}

#[cfg(windows)]
fn place(target: &Path, blob: &Path, path: &Path) -> io::Result<()> {
    let target: PathBuf = target.iter().collect();
    std::os::windows::fs::symlink_file(target, path).or_else(|_| fs::rename(blob, path))
}

#[cfg(unix)]
fn wait(file: &File, busy: impl FnOnce()) {
    use rustix::fs::{FlockOperation, flock};
    if flock(file, FlockOperation::NonBlockingLockExclusive) == Err(rustix::io::Errno::WOULDBLOCK) {
        busy();
        while flock(file, FlockOperation::LockExclusive) == Err(rustix::io::Errno::INTR) {}
    }
}

#[cfg(not(unix))]
fn wait(_file: &File, _busy: impl FnOnce()) {}

fn make(folder: &Path) -> Result<(), HubError> {
    fs::create_dir_all(folder).map_err(|fault| failed("made", folder, fault))
}

/// Writes a small file as a whole or not at all.
fn replace(path: &Path, bytes: &[u8]) -> Result<(), HubError> {
    let folder = path.parent().unwrap_or(Path::new("."));
    make(folder)?;
    let write = || {
        let mut builder = tempfile::Builder::new();
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
        let file = builder.prefix(".tmp").tempfile_in(folder)?;
        fs::write(file.path(), bytes)?;
        file.persist(path)?;
        Ok(())
    };
    write().map_err(|fault| failed("written", path, fault))
}

pub(super) fn failed(done: &'static str, path: &Path, fault: io::Error) -> HubError {
    let path = path.to_path_buf();
    HubError::Io { done, path, fault }
}
