//! Locks that tell other merges what this one is writing. The system gives them back with the
//! process, however it ends.

use std::fs::File;
use std::path::Path;

use super::SinkError;
use crate::checkpoint::FileIdentity;

/// A folder that nobody else replaces as long as this lives.
#[derive(Debug)]
pub(super) struct FolderLock {
    _file: File,
    identity: Option<FileIdentity>,
}

impl FolderLock {
    /// Locks the folder of an output. None where the system has no locks for it.
    pub(super) fn take(folder: &Path) -> Result<Option<FolderLock>, SinkError> {
        // A folder need not be readable, and elsewhere it is no file.
        let Ok(file) = File::open(folder) else {
            return Ok(None);
        };
        match lock(&file) {
            Locked::Yes => Ok(Some(FolderLock {
                _file: file,
                identity: FileIdentity::of(folder).ok(),
            })),
            Locked::ByOther => Err(SinkError::Busy {
                output: folder.to_path_buf(),
            }),
            Locked::Never => Ok(None),
        }
    }

    /// Whether `folder` is still the one that was locked.
    pub(super) fn is_of(&self, folder: &Path) -> bool {
        self.identity == FileIdentity::of(folder).ok()
    }
}

/// Locks a file in the making, as far as the system can.
pub(super) fn claim(file: &File) {
    lock(file);
}

/// Whether what lies at `path` is locked by nobody.
pub(super) fn is_free(path: &Path) -> bool {
    // A pipe of this name would be waited for.
    let ours = std::fs::symlink_metadata(path).is_ok_and(|found| found.is_dir() || found.is_file());
    ours && File::open(path).is_ok_and(|file| matches!(lock(&file), Locked::Yes))
}

/// How a lock went.
enum Locked {
    Yes,
    ByOther,
    Never,
}

#[cfg(unix)]
fn lock(file: &File) -> Locked {
    use rustix::fs::{FlockOperation, flock};
    match flock(file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Locked::Yes,
        Err(rustix::io::Errno::WOULDBLOCK) => Locked::ByOther,
        Err(_) => Locked::Never,
    }
}

#[cfg(not(unix))]
fn lock(_file: &File) -> Locked {
    Locked::Never
}
