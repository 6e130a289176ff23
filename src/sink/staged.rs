//! A file that is being written and has no final name yet.
//!
//! It vanishes when dropped. On Linux it is an unnamed file (`O_TMPFILE`), which needs nobody to
//! remove it: the system does, even after a kill. Elsewhere, and on file systems without unnamed
//! files, it is a hidden sibling. Publishing moves no data: it gives the file a name.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io;
use std::path::Path;

use super::hidden::{Hidden, ordinary_access};
#[cfg(target_os = "linux")]
use super::linux;
use super::preflight::parent;
use super::{Staging, lock};

/// An unfinished file, removed when dropped.
#[derive(Debug)]
pub(super) struct Staged {
    /// Writable through the page cache.
    pub(super) file: File,
    /// Its present name, `None` for an unnamed file.
    name: Option<Hidden>,
}

impl Staged {
    /// Makes an empty file in `folder`; `name` is its later name and only colours a hidden one.
    pub(super) fn create(folder: &Path, name: &OsStr, staging: Staging) -> io::Result<Self> {
        #[cfg(target_os = "linux")]
        if staging == Staging::Unnamed {
            match linux::open_unnamed(folder) {
                Ok(file) => return Ok(Self { file, name: None }),
                // A file with a name would fail for the same reason.
                Err(error) if linux::is_want(&error) => return Err(error),
                Err(_) => {}
            }
        }
        #[cfg(not(target_os = "linux"))]
        let _ = staging;
        let (file, name) = Hidden::file(name, |builder| {
            ordinary_access(builder, 0o666);
            builder.tempfile_in(folder)
        })?;
        lock::claim(&file);
        Ok(Self {
            file,
            name: Some(name),
        })
    }

    /// Sets the length to `bytes` and, with `preallocate`, claims the disk space for them.
    pub(super) fn reserve(&self, bytes: u64, preallocate: bool) -> io::Result<()> {
        #[cfg(target_os = "linux")]
        if preallocate && bytes > 0 {
            linux::allocate(&self.file, bytes)?;
        }
        #[cfg(not(target_os = "linux"))]
        let _ = preallocate;
        self.file.set_len(bytes)
    }

    /// Gives the file the access rights of the one that it replaces, so that what was private stays
    /// so. A link has none, and what is not there has none either.
    pub(super) fn inherit(&self, old: &Path) -> io::Result<()> {
        match fs::symlink_metadata(old) {
            Ok(metadata) if metadata.is_file() => {
                #[cfg(unix)]
                {
                    use std::os::unix::fs::{MetadataExt, fchown};
                    // Only some users may give files away; the rights hold without that.
                    let _ = fchown(&self.file, Some(metadata.uid()), Some(metadata.gid()));
                }
                self.file.set_permissions(metadata.permissions())
            }
            _ => Ok(()),
        }
    }

    /// Gives the file its final name and closes it. With `replace` whatever file has that name
    /// goes; without, a name that is taken is the error `AlreadyExists`, and the file is dropped.
    pub(super) fn publish(self, path: &Path, replace: bool) -> io::Result<()> {
        #[cfg(target_os = "linux")]
        if self.name.is_none() && !replace {
            return linux::link(&self.file, path);
        }
        let Self { file, name } = self.named_beside(path)?;
        // Windows moves no file that is still open for writing elsewhere; closing costs nothing.
        drop(file);
        let name = name.ok_or(io::ErrorKind::Unsupported)?;
        name.publish(path, replace)
    }

    /// Gives an unnamed file a hidden name beside `path`, so that a rename can publish it.
    fn named_beside(self, path: &Path) -> io::Result<Self> {
        #[cfg(target_os = "linux")]
        if self.name.is_none() {
            let name = path.file_name().unwrap_or_default();
            let link = |hidden: &Path| linux::link(&self.file, hidden);
            let ((), name) = Hidden::file(name, |builder| builder.make_in(parent(path), link))?;
            return Ok(Self {
                file: self.file,
                name: Some(name),
            });
        }
        let _ = parent(path);
        Ok(self)
    }
}
