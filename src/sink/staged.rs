//! A file that is being written and has no final name yet.
//!
//! It vanishes when dropped. On Linux it is an unnamed file (`O_TMPFILE`), which needs nobody to
//! remove it: the system does, even after a kill. Elsewhere, and on file systems without unnamed
//! files, it is a hidden sibling. Publishing moves no data: it gives the file a name.

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::path::Path;

use tempfile::{Builder, TempPath};

use super::Staging;
#[cfg(target_os = "linux")]
use super::{linux, preflight::parent};

/// How the names of partial files end; a leftover after a kill can be told by it.
const SUFFIX: &str = ".wgmerge-partial";

/// An unfinished file, removed when dropped.
#[derive(Debug)]
pub(super) struct Staged {
    /// Writable through the page cache.
    pub(super) file: File,
    /// Its present name, `None` for an unnamed file.
    name: Option<TempPath>,
}

impl Staged {
    /// Makes an empty file in `folder`; `name` is its later name and only colours a hidden one.
    pub(super) fn create(folder: &Path, name: &OsStr, staging: Staging) -> io::Result<Self> {
        #[cfg(target_os = "linux")]
        if staging == Staging::Unnamed
            && let Ok(file) = linux::open_unnamed(folder)
        {
            return Ok(Self { file, name: None });
        }
        #[cfg(not(target_os = "linux"))]
        let _ = staging;
        let make = |builder: &mut Builder<'_, '_>| {
            ordinary_access(builder, 0o666);
            builder.tempfile_in(folder)
        };
        let (file, path) = hidden(name, make)?.into_parts();
        Ok(Self {
            file,
            name: Some(path),
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

    /// Gives an unnamed file a hidden name beside `path`, so that a rename can publish it.
    pub(super) fn named_beside(self, path: &Path) -> io::Result<Self> {
        #[cfg(target_os = "linux")]
        if self.name.is_none() {
            let name = path.file_name().unwrap_or_default();
            let link = |hidden: &Path| linux::link(&self.file, hidden);
            let made = hidden(name, |builder| builder.make_in(parent(path), link))?;
            return Ok(Self {
                file: self.file,
                name: Some(made.into_temp_path()),
            });
        }
        let _ = path;
        Ok(self)
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
        let done = if replace {
            name.persist(path)
        } else {
            name.persist_noclobber(path)
        };
        done.map_err(|refused| refused.error)
    }
}

/// Makes something under the hidden name of a partial file or folder whose later name is `name`.
pub(super) fn hidden<T>(
    name: &OsStr,
    make: impl FnOnce(&mut Builder<'_, '_>) -> io::Result<T>,
) -> io::Result<T> {
    // Forty characters tell whose it is and, at four bytes each, stay below 255 with the rest.
    let short: String = name.to_string_lossy().chars().take(40).collect();
    let prefix = format!(".{short}.{}-", std::process::id());
    let mut builder = Builder::new();
    builder.prefix(&prefix).suffix(SUFFIX);
    make(&mut builder)
}

/// Opens up the access rights of what `builder` makes to what the user's umask allows: the crate's
/// own default is for secrets, while an output is an ordinary file.
#[cfg(unix)]
pub(super) fn ordinary_access(builder: &mut Builder<'_, '_>, mode: u32) {
    use std::os::unix::fs::PermissionsExt;
    builder.permissions(std::fs::Permissions::from_mode(mode));
}

/// Elsewhere the folder decides.
#[cfg(not(unix))]
pub(super) fn ordinary_access(_builder: &mut Builder<'_, '_>, _mode: u32) {}
