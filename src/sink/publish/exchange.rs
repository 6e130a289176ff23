//! Replacing a folder by another in one step, with everything that stays in both.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt, chown};
use std::path::{Path, PathBuf};

use super::super::stale::{Fate, Stale};
use super::super::{SinkError, hidden, linux};
use super::assembly::{Assembly, sync_folder};
use super::{Publication, Published, parent};
use crate::checkpoint::FileIdentity;

/// How an exchange went.
pub(super) enum Outcome {
    /// The output is there; whether its name is on the disk is told apart.
    Done {
        published: Published,
        synced: Result<(), SinkError>,
    },
    /// Nothing was changed: the system cannot exchange these folders.
    Impossible,
}

/// Why the files that stay cannot be in both folders.
enum Refusal {
    /// The system does not link one of them.
    System,
    /// A loader would read this one with the output.
    Mixes(PathBuf),
}

impl From<io::Error> for Refusal {
    fn from(_: io::Error) -> Refusal {
        Refusal::System
    }
}

/// Exchanges the folder `real`, which the user knows as `path`, for the assembly.
pub(super) fn publish(
    publication: &Publication,
    path: &Path,
    real: &Path,
    assembly: &Assembly,
) -> Result<Outcome, SinkError> {
    let carried = match Carried::new(publication, real, assembly.path()) {
        Ok(carried) => carried,
        Err(Refusal::System) => return Ok(Outcome::Impossible),
        Err(Refusal::Mixes(file)) => {
            let output = path.to_path_buf();
            return Err(SinkError::Mixes { output, file });
        }
    };
    assembly.sync()?;
    let exchanged = publication
        .step(real)
        .and_then(|()| linux::exchange(assembly.path(), real));
    if exchanged.is_err() {
        return Ok(Outcome::Impossible);
    }
    // What follows cannot take the output back. The old folder has the hidden name now.
    let old = assembly.path();
    let synced = sync_folder(parent(real));
    let left = match publication.step(old) {
        Ok(()) => carried.retire(old, real),
        Err(_) => Some(old.to_path_buf()),
    };
    let mut removed: Vec<PathBuf> = carried.dropped.into_iter().collect();
    removed.retain(|name| !assembly.names.contains(name));
    removed.sort();
    let published = Published { removed, left };
    Ok(Outcome::Done { published, synced })
}

/// What of a folder is in the new one too, and what is to go.
struct Carried {
    /// The files that were linked, with what they were.
    linked: HashMap<PathBuf, FileIdentity>,
    dropped: HashSet<PathBuf>,
}

impl Carried {
    /// Links what stays of the folder `old` into the folder `new`.
    fn new(publication: &Publication, old: &Path, new: &Path) -> Result<Carried, Refusal> {
        let mut carried = Carried {
            linked: HashMap::new(),
            dropped: HashSet::new(),
        };
        let mut folders = vec![PathBuf::new()];
        let mut next = 0;
        while next < folders.len() {
            let folder = folders[next].clone();
            next += 1;
            for entry in fs::read_dir(old.join(&folder))? {
                let entry = entry?;
                let name = folder.join(entry.file_name());
                if hidden::is_hidden(&entry.file_name()) {
                    carried.dropped.insert(name);
                } else if entry.file_type()?.is_dir() {
                    match fs::create_dir(new.join(&name)) {
                        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                            return Err(Refusal::System);
                        }
                        _ => folders.push(name),
                    }
                } else {
                    carried.file(&publication.stale, old, new, name)?;
                }
            }
        }
        for folder in folders.iter().rev() {
            same_rights(&old.join(folder), &new.join(folder))?;
            sync_folder(&new.join(folder)).map_err(|_| Refusal::System)?;
        }
        Ok(carried)
    }

    fn file(
        &mut self,
        stale: &Stale,
        old: &Path,
        new: &Path,
        name: PathBuf,
    ) -> Result<(), Refusal> {
        match stale.fate(&name) {
            Fate::Goes => {
                self.dropped.insert(name);
            }
            Fate::Mixes => return Err(Refusal::Mixes(name)),
            Fate::Stays => {
                fs::hard_link(old.join(&name), new.join(&name))?;
                let identity = FileIdentity::of_name(&new.join(&name))?;
                self.linked.insert(name, identity);
            }
        }
        Ok(())
    }

    /// Removes the old folder. What others put there after it was gone through moves to the new
    /// one. Returns the folder if something stays in it.
    fn retire(&self, old: &Path, new: &Path) -> Option<PathBuf> {
        let mut folders = vec![PathBuf::new()];
        let mut next = 0;
        while next < folders.len() {
            let folder = folders[next].clone();
            next += 1;
            let entries = fs::read_dir(old.join(&folder));
            for entry in entries.into_iter().flatten().flatten() {
                let name = folder.join(entry.file_name());
                if self.dropped.contains(&name) {
                    remove(&old.join(&name));
                } else if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                    folders.push(name);
                } else {
                    self.settle(old, new, &name);
                }
            }
        }
        for folder in folders.iter().rev() {
            // A folder that is not empty stays.
            let _ = fs::remove_dir(old.join(folder));
        }
        old.exists().then(|| old.to_path_buf())
    }

    /// Removes a name that the new folder has too, or moves what it lacks.
    fn settle(&self, old: &Path, new: &Path, name: &Path) {
        let (from, to) = (old.join(name), new.join(name));
        let linked = self.linked.get(name);
        match FileIdentity::of_name(&from) {
            Ok(identity) if linked == Some(&identity) => remove(&from),
            Ok(_) if linked.is_some() => drop(fs::rename(&from, &to)),
            Ok(_) => {
                let _ = fs::create_dir_all(parent(&to));
                let _ = linux::rename_new(&from, &to);
            }
            Err(_) => {}
        }
    }
}

/// What cannot be removed stays, and is told.
fn remove(path: &Path) {
    let _ = match path.symlink_metadata() {
        Ok(found) if found.is_dir() => fs::remove_dir_all(path),
        _ => fs::remove_file(path),
    };
}

/// Gives the folder `new` the owner and access rights of `old`, or refuses where it has more.
fn same_rights(old: &Path, new: &Path) -> io::Result<()> {
    let (had, has) = (fs::metadata(old)?, fs::metadata(new)?);
    if linux::has_attributes(old) {
        return Err(io::ErrorKind::Unsupported.into());
    }
    if (had.uid(), had.gid()) != (has.uid(), has.gid()) {
        chown(new, Some(had.uid()), Some(had.gid()))?;
    }
    fs::set_permissions(new, had.permissions())
}
