//! Replacing the files of a folder one after the other, where the system cannot exchange folders.
//!
//! What the output replaces is moved aside first, indexes and weights before all else, so that no
//! loader finds a model; then the output's files come, weights before indexes. A folder with
//! something aside is refused as a checkpoint. A failure moves everything back.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::super::stale::{Fate, kind};
use super::super::{SinkError, hidden};
use super::assembly::{Assembly, sync_folder};
use super::{Publication, Published, failed, parent};
use crate::checkpoint::ASIDE;

/// Replaces the files of the folder `real`, which the user knows as `path`.
pub(super) fn publish(
    publication: &Publication,
    path: &Path,
    real: &Path,
    assembly: &Assembly,
) -> Result<Published, SinkError> {
    let listed = replaced(publication, real).map_err(|error| failed("list", path, error))?;
    let old = listed.map_err(|file| SinkError::Mixes {
        output: path.to_path_buf(),
        file,
    })?;
    let aside = tempfile::Builder::new()
        .prefix(".")
        .suffix(ASIDE)
        .tempdir_in(real);
    let aside = aside.map_err(|error| failed("create a folder in", path, error))?;
    let mut moves = Moves {
        done: Vec::new(),
        made: Vec::new(),
        before: publication.before,
    };
    let mut new = assembly.names.clone();
    new.sort_by_key(|name| std::cmp::Reverse(kind(name)));
    let moved = old
        .iter()
        .try_for_each(|name| moves.rename(&real.join(name), &aside.path().join(name)))
        .and_then(|()| {
            new.iter()
                .try_for_each(|name| moves.rename(&assembly.path().join(name), &real.join(name)))
        });
    if let Err(error) = moved {
        return Err(match moves.undo() {
            true => failed("publish", path, error),
            false => SinkError::HalfReplaced {
                output: path.to_path_buf(),
                aside: aside.keep(),
                source: error,
            },
        });
    }
    let synced = moves.sync();
    // Not of use to anybody from here on; what cannot be removed is told.
    let _ = aside.close();
    remove_left_aside(real);
    synced?;
    let mut removed = old;
    removed.retain(|name| !assembly.names.contains(name));
    Ok(Published {
        removed,
        left: None,
    })
}

/// The files that go, in the order in which they are moved aside, or one that may not.
fn replaced(publication: &Publication, real: &Path) -> io::Result<Result<Vec<PathBuf>, PathBuf>> {
    let mut found = Vec::new();
    let mut folders = vec![PathBuf::new()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(real.join(&folder))? {
            let entry = entry?;
            let name = folder.join(entry.file_name());
            let skipped = hidden::is_hidden(&entry.file_name()) || is_aside(&entry.file_name());
            if entry.file_type()?.is_dir() {
                folders.extend((!skipped).then_some(name));
                continue;
            }
            match publication.stale.fate(&name) {
                Fate::Goes => found.push(name),
                Fate::Mixes => return Ok(Err(name)),
                Fate::Stays => {}
            }
        }
    }
    found.sort_by(|a, b| (kind(a), a).cmp(&(kind(b), b)));
    Ok(Ok(found))
}

fn is_aside(name: &std::ffi::OsStr) -> bool {
    name.as_encoded_bytes().ends_with(ASIDE.as_bytes())
}

/// Removes what an earlier run that was killed had put aside: the output replaces that too.
fn remove_left_aside(real: &Path) {
    let entries = fs::read_dir(real).into_iter().flatten().flatten();
    for entry in entries.filter(|entry| is_aside(&entry.file_name())) {
        let _ = fs::remove_dir_all(entry.path());
    }
}

/// A file that was moved.
struct Move {
    from: PathBuf,
    to: PathBuf,
}

/// What was done and can be taken back.
struct Moves {
    done: Vec<Move>,
    made: Vec<PathBuf>,
    before: fn(&Path) -> io::Result<()>,
}

impl Moves {
    fn rename(&mut self, from: &Path, to: &Path) -> io::Result<()> {
        self.folder(parent(to))?;
        (self.before)(to)?;
        fs::rename(from, to)?;
        self.done.push(Move {
            from: from.to_path_buf(),
            to: to.to_path_buf(),
        });
        Ok(())
    }

    fn folder(&mut self, folder: &Path) -> io::Result<()> {
        if folder.is_dir() {
            return Ok(());
        }
        self.folder(parent(folder))?;
        fs::create_dir(folder)?;
        self.made.push(folder.to_path_buf());
        Ok(())
    }

    /// Takes everything back; whether that went well.
    fn undo(self) -> bool {
        let mut done = self.done.iter().rev();
        let undone = done.all(|moved| fs::rename(&moved.to, &moved.from).is_ok());
        for folder in self.made.iter().rev() {
            // One that others use meanwhile stays.
            let _ = fs::remove_dir(folder);
        }
        undone
    }

    fn sync(&self) -> Result<(), SinkError> {
        let mut folders: Vec<&Path> = self.done.iter().map(|moved| parent(&moved.to)).collect();
        folders.extend(self.made.iter().map(|folder| parent(folder)));
        folders.sort_unstable();
        folders.dedup();
        folders.into_iter().try_for_each(sync_folder)
    }
}
