//! The names of what is in the making: hidden, told by their ending, and known to the process,
//! which removes them when it has to end at once.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tempfile::{Builder, NamedTempFile, TempDir, TempPath};

/// How the names of unfinished files and folders end; what a kill leaves can be told by it.
const SUFFIX: &str = ".wgmerge-partial";

/// Partial files and folders by name. Whoever makes or removes one holds this.
static NAMES: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());
/// How many outputs got their names; held while one does.
static PUBLISHING: Mutex<usize> = Mutex::new(0);

fn lock<T>(mutex: &'static Mutex<T>) -> MutexGuard<'static, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Waits until an output that is just being published is complete, removes what is unfinished, and
/// keeps anything new from being made. For a process that ends right afterwards. Returns how many
/// outputs it completed.
pub fn abandon() -> usize {
    let publishing = lock(&PUBLISHING);
    let mut names = lock(&NAMES);
    for name in std::mem::take(&mut *names) {
        // Nothing can be done about a refusal here.
        let _ = match name.is_dir() {
            true => fs::remove_dir_all(name),
            false => fs::remove_file(name),
        };
    }
    let published = *publishing;
    std::mem::forget((publishing, names));
    published
}

/// Keeps the process from being ended by [`abandon`] while it lives. Whoever completes an output
/// counts it.
pub(super) fn publishing() -> MutexGuard<'static, usize> {
    lock(&PUBLISHING)
}

/// The hidden name of a file, which goes when this is dropped.
#[derive(Debug)]
pub(super) struct Hidden {
    /// None once it has its final name.
    path: Option<TempPath>,
    known: PathBuf,
}

impl Hidden {
    /// Makes a file by `make`, under a name like `name`.
    pub(super) fn file<T>(
        name: &OsStr,
        make: impl FnOnce(&mut Builder<'_, '_>) -> io::Result<NamedTempFile<T>>,
    ) -> io::Result<(T, Hidden)> {
        let mut names = lock(&NAMES);
        let (file, path) = under(name, make)?.into_parts();
        let known = path.to_path_buf();
        names.insert(known.clone());
        let path = Some(path);
        Ok((file, Hidden { path, known }))
    }

    /// Where it is, as long as it has no other name.
    pub(super) fn path(&self) -> &Path {
        &self.known
    }

    /// Gives the file its final name; with `replace` whatever file has that name goes.
    pub(super) fn publish(mut self, path: &Path, replace: bool) -> io::Result<()> {
        let hidden = self.path.take().ok_or(io::ErrorKind::NotFound)?;
        let done = if replace {
            hidden.persist(path)
        } else {
            hidden.persist_noclobber(path)
        };
        done.map_err(|refused| refused.error)
    }
}

impl Drop for Hidden {
    fn drop(&mut self) {
        let mut names = lock(&NAMES);
        drop(self.path.take());
        names.remove(&self.known);
    }
}

/// A hidden folder for files in the making, which goes with them when this is dropped.
#[derive(Debug)]
pub(super) struct HiddenFolder {
    folder: Option<TempDir>,
    known: PathBuf,
}

impl HiddenFolder {
    /// Makes one in `folder`, under a name like `name`.
    pub(super) fn make(folder: &Path, name: &OsStr) -> io::Result<HiddenFolder> {
        let mut names = lock(&NAMES);
        let made = hidden_folder(folder, name)?;
        let known = made.path().to_path_buf();
        names.insert(known.clone());
        let folder = Some(made);
        Ok(HiddenFolder { folder, known })
    }

    pub(super) fn path(&self) -> &Path {
        &self.known
    }
}

impl Drop for HiddenFolder {
    fn drop(&mut self) {
        let mut names = lock(&NAMES);
        drop(self.folder.take());
        names.remove(&self.known);
    }
}

/// Makes a hidden folder in `folder`, removed with all it holds when dropped.
pub(super) fn hidden_folder(folder: &Path, name: &OsStr) -> io::Result<TempDir> {
    under(name, |builder| {
        ordinary_access(builder, 0o777);
        builder.tempdir_in(folder)
    })
}

fn prefix(name: &OsStr) -> String {
    // Forty characters tell whose it is and, at four bytes each, stay below 255 with the rest.
    let short: String = name.to_string_lossy().chars().take(40).collect();
    format!(".{short}.")
}

/// Makes something under a hidden name whose later name is `name`.
fn under<T>(
    name: &OsStr,
    make: impl FnOnce(&mut Builder<'_, '_>) -> io::Result<T>,
) -> io::Result<T> {
    let prefix = format!("{}{}-", prefix(name), std::process::id());
    let mut builder = Builder::new();
    builder.prefix(&prefix).suffix(SUFFIX);
    make(&mut builder)
}

/// Opens up the access rights of what `builder` makes to what the user's umask allows: the crate's
/// own default is for secrets, while an output is an ordinary file.
#[cfg(unix)]
pub(super) fn ordinary_access(builder: &mut Builder<'_, '_>, mode: u32) {
    use std::os::unix::fs::PermissionsExt;
    builder.permissions(fs::Permissions::from_mode(mode));
}

/// Elsewhere the folder decides.
#[cfg(not(unix))]
pub(super) fn ordinary_access(_builder: &mut Builder<'_, '_>, _mode: u32) {}

/// Whether a name is one of ours that is hidden.
pub(super) fn is_hidden(name: &OsStr) -> bool {
    let bytes = name.as_encoded_bytes();
    bytes.starts_with(b".") && bytes.ends_with(SUFFIX.as_bytes())
}

/// The hidden files and folders in `folder` that a process which is gone left of an output called
/// `name`. Those of a living process are locked by it.
pub(super) fn left_behind(folder: &Path, name: &OsStr) -> Vec<PathBuf> {
    let prefix = prefix(name);
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let ours = entries.filter(|entry| {
        let name = entry.file_name();
        is_hidden(&name) && name.as_encoded_bytes().starts_with(prefix.as_bytes())
    });
    let mut found: Vec<PathBuf> = ours
        .map(|entry| entry.path())
        .filter(|path| super::lock::is_free(path))
        .collect();
    found.sort();
    found
}
