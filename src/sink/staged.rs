//! A file that is being written and has no final name yet.
//!
//! It vanishes when dropped. On Linux it is an unnamed file (`O_TMPFILE`), which needs nobody to
//! remove it: the system does, even after a kill. Elsewhere, on file systems without unnamed files,
//! and where it cannot stay open, it has a hidden name. Publishing moves no data: it gives the file
//! a name.

use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::Path;

use super::hidden::{Hidden, ordinary_access};
#[cfg(target_os = "linux")]
use super::linux;
use super::lock;
use super::preflight::parent;
use super::writer::Writer;
use crate::checkpoint::FileIdentity;
use crate::files::Lent;

/// An unfinished file, removed when dropped.
#[derive(Debug)]
pub(super) struct Staged {
    handle: Handle,
    /// Its present name, `None` for an unnamed file.
    name: Option<Hidden>,
}

/// The file, writable through the page cache.
#[derive(Debug)]
enum Handle {
    /// It stays open.
    Open(File),
    /// It is opened by its name, under which it must be the same.
    Closed { lent: Lent, identity: FileIdentity },
}

impl Staged {
    /// A file without a name.
    #[cfg(target_os = "linux")]
    pub(super) fn unnamed(file: File) -> Staged {
        Staged {
            handle: Handle::Open(file),
            name: None,
        }
    }

    /// Makes an empty file under a hidden name like `name` in `folder`.
    pub(super) fn named(folder: &Path, name: &OsStr) -> io::Result<Staged> {
        let (file, name) = Hidden::file(name, |builder| {
            ordinary_access(builder, 0o666);
            builder.tempfile_in(folder)
        })?;
        lock::claim(&file);
        Ok(Staged {
            handle: Handle::Open(file),
            name: Some(name),
        })
    }

    /// The same, but the file is closed whenever it is not used.
    pub(super) fn closed(folder: &Path, name: &OsStr) -> io::Result<Staged> {
        let (file, name) = Hidden::file(name, |builder| {
            ordinary_access(builder, 0o666);
            builder.tempfile_in(folder)
        })?;
        drop(file);
        let identity = FileIdentity::of(name.path())?;
        let lent = Lent::default();
        Ok(Staged {
            handle: Handle::Closed { lent, identity },
            name: Some(name),
        })
    }

    /// Does something with the open file.
    pub(super) fn with<T>(&self, work: impl FnOnce(&File) -> io::Result<T>) -> io::Result<T> {
        match (&self.handle, &self.name) {
            (Handle::Open(file), _) => work(file),
            (Handle::Closed { lent, identity }, Some(name)) => {
                let file = lent.get(|| {
                    let file = OpenOptions::new().write(true).open(name.path())?;
                    match FileIdentity::of(name.path())? == *identity {
                        true => Ok(file),
                        false => Err(io::ErrorKind::StaleNetworkFileHandle.into()),
                    }
                })?;
                work(&file)
            }
            (Handle::Closed { .. }, None) => Err(io::ErrorKind::NotFound.into()),
        }
    }

    /// A writer for the file, direct if `direct` is wanted and can be had.
    pub(super) fn writer(&self, direct: bool) -> Writer {
        match &self.handle {
            Handle::Open(file) if direct => Writer::direct(file),
            _ => Writer::buffered(),
        }
    }

    /// Sets the length to `bytes` and, with `preallocate`, claims the disk space for them.
    pub(super) fn reserve(&self, bytes: u64, preallocate: bool) -> io::Result<()> {
        self.with(|file| {
            #[cfg(target_os = "linux")]
            if preallocate && bytes > 0 {
                linux::allocate(file, bytes)?;
            }
            #[cfg(not(target_os = "linux"))]
            let _ = preallocate;
            file.set_len(bytes)
        })
    }

    /// Gives the file the access rights of the one that it replaces, so that what was private stays
    /// so. A link has none, and what is not there has none either.
    pub(super) fn inherit(&self, old: &Path) -> io::Result<()> {
        match fs::symlink_metadata(old) {
            Ok(metadata) if metadata.is_file() => self.with(|file| {
                #[cfg(unix)]
                {
                    use std::os::unix::fs::{MetadataExt, fchown};
                    // Only some users may give files away; the rights hold without that.
                    let _ = fchown(file, Some(metadata.uid()), Some(metadata.gid()));
                }
                file.set_permissions(metadata.permissions())
            }),
            _ => Ok(()),
        }
    }

    /// Gives the file its final name and closes it. With `replace` whatever file has that name
    /// goes; without, a name that is taken is the error `AlreadyExists`, and the file is dropped.
    pub(super) fn publish(self, path: &Path, replace: bool) -> io::Result<()> {
        #[cfg(target_os = "linux")]
        if let (Handle::Open(file), None, false) = (&self.handle, &self.name, replace) {
            return linux::link(file, path);
        }
        let Self { handle, name } = self.named_beside(path)?;
        // Windows moves no file that is still open for writing elsewhere; closing costs nothing.
        drop(handle);
        let name = name.ok_or(io::ErrorKind::Unsupported)?;
        name.publish(path, replace)
    }

    /// Gives an unnamed file a hidden name beside `path`, so that a rename can publish it.
    fn named_beside(self, path: &Path) -> io::Result<Self> {
        #[cfg(target_os = "linux")]
        if let (Handle::Open(file), None) = (&self.handle, &self.name) {
            let name = path.file_name().unwrap_or_default();
            let link = |hidden: &Path| linux::link(file, hidden);
            let ((), name) = Hidden::file(name, |builder| builder.make_in(parent(path), link))?;
            return Ok(Self {
                handle: self.handle,
                name: Some(name),
            });
        }
        let _ = parent(path);
        Ok(self)
    }
}
