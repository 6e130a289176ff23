//! A folder of complete files under a hidden name, on the disk before it is published.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::super::{SinkError, hidden, lock};
use super::{Complete, failed, taken};

/// The folder, removed with all it holds when dropped.
#[derive(Debug)]
pub(super) struct Assembly {
    folder: TempDir,
    /// Holds the lock that tells others that it is in use.
    _lock: Option<File>,
    /// The files in the output's order, relative to it.
    pub(super) names: Vec<PathBuf>,
    /// The folders in it, relative to it.
    pub(super) folders: Vec<PathBuf>,
}

impl Assembly {
    /// Puts `files` together in a hidden folder in `home`, for the output `path`. They get the
    /// access rights of those of the same name in the folder `old`.
    pub(super) fn make(
        home: &Path,
        path: &Path,
        old: Option<&Path>,
        files: Vec<Complete>,
        before: fn(&Path) -> io::Result<()>,
    ) -> Result<Assembly, SinkError> {
        let name = path.file_name().unwrap_or_default();
        let folder = before(home).and_then(|()| hidden::hidden_folder(home, name));
        let folder = folder.map_err(|error| failed("create a folder for", path, error))?;
        let open = File::open(folder.path()).ok();
        if let Some(open) = &open {
            lock::claim(open);
        }
        let mut assembly = Assembly {
            folder,
            _lock: open,
            names: Vec::with_capacity(files.len()),
            folders: Vec::new(),
        };
        for file in files {
            assembly.folders_for(&file.name)?;
            let (inner, shown) = (assembly.path().join(&file.name), path.join(&file.name));
            let named = before(&inner).and_then(|()| {
                if let Some(old) = old {
                    file.staged.inherit(&old.join(&file.name))?;
                }
                file.staged.publish(&inner, false)
            });
            named.map_err(|error| taken(&shown, error))?;
            assembly.names.push(file.name);
        }
        assembly.sync()?;
        Ok(assembly)
    }

    pub(super) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Makes the subfolders that `name` lies in.
    fn folders_for(&mut self, name: &Path) -> Result<(), SinkError> {
        let mut folder = PathBuf::new();
        for part in name.parent().into_iter().flat_map(Path::iter) {
            folder.push(part);
            if !self.folders.contains(&folder) {
                let path = self.path().join(&folder);
                let made = fs::create_dir(&path);
                made.map_err(|error| failed("create folder", &path, error))?;
                self.folders.push(folder.clone());
            }
        }
        Ok(())
    }

    /// Makes all names in it survive a power cut.
    pub(super) fn sync(&self) -> Result<(), SinkError> {
        for folder in self.folders.iter().rev() {
            sync_folder(&self.path().join(folder))?;
        }
        sync_folder(self.path())
    }

    /// Keeps what the folder holds.
    pub(super) fn keep(self) {
        let _ = self.folder.keep();
    }
}

/// Makes the names in `folder` survive a power cut.
#[cfg(unix)]
pub(super) fn sync_folder(folder: &Path) -> Result<(), SinkError> {
    match File::open(folder).and_then(|open| open.sync_all()) {
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
pub(super) fn sync_folder(_folder: &Path) -> Result<(), SinkError> {
    Ok(())
}
