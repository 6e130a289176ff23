//! Giving complete files their final names, all of them or none.
//!
//! Every file is on the disk before the first name is given. One file appears in one step, and so
//! does a new folder, which is put together under a hidden name. An existing folder gets its files
//! one after the other; to keep that short and unlikely to fail, all of them first get hidden names
//! inside it and only renames remain. A failure takes back what replaced nothing.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::SinkError;
use super::preflight::{Destination, parent};
use super::staged::{Staged, hidden, ordinary_access};

/// A complete file and its relative name.
#[derive(Debug)]
pub(super) struct Complete {
    pub(super) name: PathBuf,
    pub(super) staged: Staged,
}

/// Publishes `files` in their order and returns their final paths.
pub(super) fn publish(
    destination: &Destination,
    overwrite: bool,
    files: Vec<Complete>,
) -> Result<Vec<PathBuf>, SinkError> {
    let paths = files
        .iter()
        .map(|file| destination.path_of(&file.name))
        .collect();
    match destination {
        Destination::File(path) => {
            for file in files {
                give_name(file.staged, path, path, overwrite)?;
            }
            sync_folder(parent(path))?;
        }
        Destination::NewFolder(path) => new_folder(path, files)?,
        Destination::OldFolder(path) => old_folder(path, overwrite, files)?,
    }
    Ok(paths)
}

/// Puts the folder together under a hidden name and renames it.
fn new_folder(path: &Path, files: Vec<Complete>) -> Result<(), SinkError> {
    let make = |builder: &mut tempfile::Builder<'_, '_>| {
        ordinary_access(builder, 0o777);
        builder.tempdir_in(parent(path))
    };
    let name = path.file_name().unwrap_or_default();
    // Removed with all it holds when dropped before the rename.
    let staging = hidden(name, make).map_err(|error| failed("create folder", path, error))?;
    let mut made = Made::default();
    for file in files {
        let inner = staging.path().join(&file.name);
        made.folders_for(staging.path(), &file.name)?;
        give_name(file.staged, &inner, &path.join(&file.name), false)?;
    }
    made.folders
        .iter()
        .rev()
        .try_for_each(|folder| sync_folder(folder))?;
    sync_folder(staging.path())?;
    // A rename replaces an empty folder, which loses nothing, and refuses everything else.
    fs::rename(staging.path(), path).map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists
        | io::ErrorKind::DirectoryNotEmpty
        | io::ErrorKind::NotADirectory => SinkError::Appeared {
            output: path.to_path_buf(),
        },
        _ => failed("publish", path, error),
    })?;
    let _ = staging.keep();
    made.keep();
    sync_folder(parent(path))
}

/// Moves the files into a folder that exists.
fn old_folder(path: &Path, overwrite: bool, files: Vec<Complete>) -> Result<(), SinkError> {
    let mut made = Made::default();
    let mut named = Vec::with_capacity(files.len());
    for file in files {
        let target = path.join(&file.name);
        made.folders_for(path, &file.name)?;
        let staged = file.staged.named_beside(&target);
        named.push((
            staged.map_err(|error| failed("publish", &target, error))?,
            target,
        ));
    }
    let mut folders: Vec<PathBuf> = Vec::new();
    for (staged, target) in named {
        let is_new = fs::symlink_metadata(&target).is_err();
        give_name(staged, &target, &target, overwrite)?;
        folders.push(parent(&target).to_path_buf());
        if is_new {
            made.files.push(target);
        }
    }
    folders.extend(
        made.folders
            .iter()
            .map(|folder| parent(folder).to_path_buf()),
    );
    folders.sort();
    folders.dedup();
    made.keep();
    folders.iter().try_for_each(|folder| sync_folder(folder))
}

/// Gives one file its name `path`, which the user knows as `shown`.
fn give_name(staged: Staged, path: &Path, shown: &Path, replace: bool) -> Result<(), SinkError> {
    staged
        .publish(path, replace)
        .map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => SinkError::Appeared {
                output: shown.to_path_buf(),
            },
            _ => failed("publish", shown, error),
        })
}

/// Names and folders made so far, removed again when dropped.
#[derive(Default)]
struct Made {
    files: Vec<PathBuf>,
    folders: Vec<PathBuf>,
}

impl Made {
    /// Makes the subfolders of `root` that `name` lies in.
    fn folders_for(&mut self, root: &Path, name: &Path) -> Result<(), SinkError> {
        let mut folder = root.to_path_buf();
        for part in name.parent().into_iter().flat_map(Path::iter) {
            folder.push::<&OsStr>(part);
            match fs::create_dir(&folder) {
                Ok(()) => self.folders.push(folder.clone()),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(failed("create folder", &folder, error)),
            }
        }
        Ok(())
    }

    fn keep(mut self) {
        self.files.clear();
        self.folders.clear();
    }
}

impl Drop for Made {
    fn drop(&mut self) {
        // Nothing more can be done about a refusal here; the error that led here is reported.
        for file in self.files.iter().rev() {
            let _ = fs::remove_file(file);
        }
        for folder in self.folders.iter().rev() {
            let _ = fs::remove_dir(folder);
        }
    }
}

/// Makes the names in `folder` survive a power cut.
#[cfg(unix)]
fn sync_folder(folder: &Path) -> Result<(), SinkError> {
    match fs::File::open(folder).and_then(|open| open.sync_all()) {
        // Not every file system can sync a folder, and a folder need not be readable.
        Err(error)
            if !matches!(
                error.kind(),
                io::ErrorKind::InvalidInput
                    | io::ErrorKind::Unsupported
                    | io::ErrorKind::PermissionDenied
            ) =>
        {
            Err(failed("sync folder", folder, error))
        }
        _ => Ok(()),
    }
}

/// Elsewhere a folder cannot be opened as a file, and its entries are journalled.
#[cfg(not(unix))]
fn sync_folder(_folder: &Path) -> Result<(), SinkError> {
    Ok(())
}

/// All data is written by now, so nothing remains even if the disk is full.
fn failed(operation: &'static str, path: &Path, error: io::Error) -> SinkError {
    SinkError::io(operation, path, 0, error)
}
