//! Where the files of an output are made: out of sight, and on the disk of their final names.

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use super::hidden::HiddenFolder;
#[cfg(target_os = "linux")]
use super::linux;
use super::staged::Staged;
use super::{Options, OutputLayout, Root, Staging, lock};
use crate::files::Held;

/// Makes the files of one output.
#[derive(Debug)]
pub(super) struct Stage {
    home: PathBuf,
    staging: Staging,
    /// The name of the output, by which what a kill leaves is told.
    output: PathBuf,
    /// Whether each file is hidden by itself.
    is_file: bool,
    folder: Option<Folder>,
    /// The files that stay open; None where they are closed.
    _open: Option<Held>,
}

/// A folder that holds the files.
#[derive(Debug)]
struct Folder {
    hidden: HiddenFolder,
    /// Holds the lock that tells others that it is in use, where it can be had.
    _lock: Option<(File, Held)>,
}

impl Stage {
    /// A stage in `home` for the files of a layout.
    pub(super) fn new(home: &Path, layout: &OutputLayout, options: &Options) -> Stage {
        let each = if options.direct { 2 } else { 1 };
        let files = layout.files.len() as u64 * each + layout.side_files.len() as u64;
        let open = match options.staging {
            Staging::Closed => None,
            Staging::Unnamed | Staging::Named => Held::take(files),
        };
        Stage {
            home: home.to_path_buf(),
            staging: match open {
                Some(_) => options.staging,
                None => Staging::Closed,
            },
            output: layout.output().to_path_buf(),
            is_file: matches!(layout.root, Root::File(_)),
            folder: None,
            _open: open,
        }
    }

    /// Whether files are closed when they are not written.
    pub(super) fn closes(&self) -> bool {
        self.staging == Staging::Closed
    }

    /// Makes an empty file; `name` is its later name and only colours a hidden one.
    pub(super) fn file(&mut self, name: &OsStr) -> io::Result<Staged> {
        #[cfg(target_os = "linux")]
        if self.staging == Staging::Unnamed {
            match linux::open_unnamed(&self.home) {
                Ok(file) => return Ok(Staged::unnamed(file)),
                // A file with a name would fail for the same reason.
                Err(error) if linux::is_want(&error) => return Err(error),
                Err(_) => self.staging = Staging::Named,
            }
        }
        if self.is_file && !self.closes() {
            return Staged::named(&self.home, name);
        }
        let closes = self.closes();
        let folder = self.folder()?;
        match closes {
            true => Staged::closed(folder, name),
            false => Staged::named(folder, name),
        }
    }

    fn folder(&mut self) -> io::Result<&Path> {
        let folder = match self.folder.take() {
            Some(folder) => folder,
            None => {
                let name = self.output.file_name().unwrap_or_default();
                let hidden = HiddenFolder::make(&self.home, name)?;
                let held = Held::take(1);
                let lock = held.and_then(|held| Some((File::open(hidden.path()).ok()?, held)));
                if let Some((file, _)) = &lock {
                    lock::claim(file);
                }
                Folder {
                    hidden,
                    _lock: lock,
                }
            }
        };
        Ok(self.folder.insert(folder).hidden.path())
    }
}
