//! Tells whether two paths lead to one file, and whether a file has changed.
//!
//! On Unix a file is its device and inode, so symbolic and hard links are seen through. Elsewhere
//! it is its canonical path, which sees through symbolic links only.

use std::io;
use std::path::Path;

/// What a file is, whatever it is called. Equal for two names of one file.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct FileIdentity {
    #[cfg(unix)]
    device: u64,
    #[cfg(unix)]
    inode: u64,
    #[cfg(not(unix))]
    canonical: std::path::PathBuf,
}

impl FileIdentity {
    /// The identity of the file that `path` leads to, through links.
    ///
    /// # Errors
    /// The system's error where there is no such file or it cannot be looked up.
    pub fn of(path: &Path) -> io::Result<FileIdentity> {
        #[cfg(unix)]
        return Ok(FileIdentity::of_metadata(&std::fs::metadata(path)?));
        #[cfg(not(unix))]
        return Ok(FileIdentity {
            canonical: std::fs::canonicalize(path)?,
        });
    }

    /// The identity of what has the name `path`, a link itself and not what it leads to.
    ///
    /// # Errors
    /// As [`FileIdentity::of`].
    #[cfg(unix)]
    pub fn of_name(path: &Path) -> io::Result<FileIdentity> {
        Ok(FileIdentity::of_metadata(&std::fs::symlink_metadata(path)?))
    }

    /// The identity of what `path` leads to, which the system describes as `found`.
    pub(super) fn of_found(path: &Path, found: &std::fs::Metadata) -> io::Result<FileIdentity> {
        #[cfg(unix)]
        {
            let _ = path;
            Ok(FileIdentity::of_metadata(found))
        }
        #[cfg(not(unix))]
        {
            let _ = found;
            FileIdentity::of(path)
        }
    }

    #[cfg(unix)]
    fn of_metadata(metadata: &std::fs::Metadata) -> FileIdentity {
        use std::os::unix::fs::MetadataExt;
        FileIdentity {
            device: metadata.dev(),
            inode: metadata.ino(),
        }
    }
}

/// What is compared to notice that a file was changed: its length, and when it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct FileState {
    len: u64,
    written: Option<std::time::SystemTime>,
}

impl FileState {
    pub(super) fn of(metadata: &std::fs::Metadata) -> FileState {
        FileState {
            len: metadata.len(),
            // Where the system keeps no time, the length is all there is.
            written: metadata.modified().ok(),
        }
    }
}
