//! Giving complete files their final names, all of them or none.
//!
//! Every file is on the disk before the first name is given. One file appears in one step. A folder
//! is put together under a hidden name and appears in one step too: a new one by a rename, one
//! that exists by an exchange, after everything of it that stays was linked into the new one. Where
//! the system cannot exchange folders, the files are replaced one after the other, in an order in
//! which no loader takes a mixture for a model.

mod assembly;
#[cfg(target_os = "linux")]
mod exchange;
mod in_place;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::lock::FolderLock;
use super::preflight::{Destination, OldFolder, parent};
use super::staged::Staged;
use super::stale::Stale;
use super::{SinkError, hidden};
use assembly::{Assembly, sync_folder};

/// A complete file and its relative name.
#[derive(Debug)]
pub(super) struct Complete {
    pub(super) name: PathBuf,
    pub(super) staged: Staged,
}

/// How an output is published.
#[derive(Debug)]
pub(super) struct Publication {
    pub(super) destination: Destination,
    pub(super) overwrite: bool,
    pub(super) stale: Stale,
    /// The lock on a folder that exists.
    pub(super) lock: Option<FolderLock>,
    /// Called before every step with the path that it changes; see
    /// [`Options`](super::Options::before_step).
    pub(super) before: fn(&Path) -> io::Result<()>,
}

/// What became of an output and of what was in its place.
#[derive(Debug, Default)]
pub(super) struct Published {
    /// Files of an earlier output that are gone, relative to the folder.
    pub(super) removed: Vec<PathBuf>,
    /// What of the old folder could not be removed.
    pub(super) left: Option<PathBuf>,
}

impl Publication {
    /// Publishes `files`.
    pub(super) fn publish(&self, files: Vec<Complete>) -> Result<Published, SinkError> {
        let mut complete = hidden::publishing();
        let published = match &self.destination {
            Destination::File(path) => self.file(path, files),
            Destination::NewFolder(path) => self.new_folder(path, files),
            Destination::OldFolder(folder) => self.old_folder(folder, files),
        }?;
        *complete += 1;
        Ok(published)
    }

    fn step(&self, path: &Path) -> io::Result<()> {
        (self.before)(path)
    }

    fn file(&self, path: &Path, files: Vec<Complete>) -> Result<Published, SinkError> {
        for file in files {
            let named = self.step(path).and_then(|()| {
                if self.overwrite {
                    file.staged.inherit(path)?;
                }
                file.staged.publish(path, self.overwrite)
            });
            named.map_err(|error| taken(path, error))?;
        }
        sync_folder(parent(path))?;
        Ok(Published::default())
    }

    fn new_folder(&self, path: &Path, files: Vec<Complete>) -> Result<Published, SinkError> {
        let assembly = Assembly::make(parent(path), path, None, files, self.before)?;
        // A rename replaces an empty folder, which loses nothing, and refuses everything else.
        let renamed = self
            .step(path)
            .and_then(|()| fs::rename(assembly.path(), path));
        renamed.map_err(|error| match error.kind() {
            io::ErrorKind::DirectoryNotEmpty | io::ErrorKind::NotADirectory => {
                taken(path, io::ErrorKind::AlreadyExists.into())
            }
            _ => taken(path, error),
        })?;
        assembly.keep();
        sync_folder(parent(path))?;
        Ok(Published::default())
    }

    fn old_folder(&self, folder: &OldFolder, files: Vec<Complete>) -> Result<Published, SinkError> {
        let OldFolder { path, real, beside } = folder;
        if self.lock.as_ref().is_some_and(|lock| !lock.is_of(real)) {
            return Err(taken(path, io::ErrorKind::AlreadyExists.into()));
        }
        if !self.overwrite {
            let entries = fs::read_dir(real).map_err(|error| failed("list", path, error))?;
            // This output itself may be in the making there.
            let mut entries = entries
                .flatten()
                .filter(|entry| !hidden::is_hidden(&entry.file_name()));
            if let Some(entry) = entries.next() {
                let name = path.join(entry.file_name());
                return Err(taken(&name, io::ErrorKind::AlreadyExists.into()));
            }
        }
        let home = if *beside { parent(real) } else { real };
        let assembly = Assembly::make(home, path, Some(real), files, self.before)?;
        #[cfg(target_os = "linux")]
        if *beside {
            match exchange::publish(self, path, real, &assembly)? {
                exchange::Outcome::Done { published, synced } => {
                    // Its name is the old folder's now, which was dealt with.
                    assembly.keep();
                    return synced.map(|()| published);
                }
                exchange::Outcome::Impossible => {}
            }
        }
        in_place::publish(self, path, real, &assembly)
    }
}

/// The error for a name that could not be given to an output.
fn taken(path: &Path, error: io::Error) -> SinkError {
    match error.kind() {
        io::ErrorKind::AlreadyExists => SinkError::Appeared {
            output: path.to_path_buf(),
        },
        _ => failed("publish", path, error),
    }
}

/// All data is written by now, so nothing remains even if the disk is full.
fn failed(operation: &'static str, path: &Path, error: io::Error) -> SinkError {
    SinkError::io(operation, path, 0, error)
}
