//! From a path as the user gives it to one that can be opened.

use std::io;
use std::path::{Path, PathBuf};

use super::cache::Repository;
use super::choice::choose;
#[cfg(feature = "hub")]
use super::fetch::fetch;
use super::{HubError, Located, Reference, Settings, Watch};
#[cfg(not(feature = "hub"))]
use unable::fetch;

/// Finds models.
#[derive(Debug)]
pub struct Hub {
    pub(super) settings: Settings,
}

/// What the cache has of a model.
enum Cached {
    /// All of it.
    Whole(PathBuf),
    /// Its weights; what else belongs to it is not known or not there.
    Usable(PathBuf),
    /// Something of it, but not this file.
    Part { snapshot: PathBuf, file: String },
    /// Nothing.
    Nothing,
}

impl Hub {
    /// With these settings.
    pub fn new(settings: Settings) -> Hub {
        Hub { settings }
    }

    /// Where the model is that a path or a reference names. None: it is a path, and stays one.
    ///
    /// A path that exists is never a reference. A reference is looked for in the cache, and what is
    /// not there is downloaded. The folder of a repository in the cache leads to its
    /// snapshot.
    ///
    /// # Errors
    /// [`HubError`]: the reference leads nowhere, or the download failed.
    pub fn locate(&self, path: &Path, watch: &dyn Watch) -> Result<Option<Located>, HubError> {
        if let Some(found) = Hub::snapshot(path)? {
            return Ok(Some(found));
        }
        match Hub::reference(path)? {
            None => Ok(None),
            Some(reference) => self.find(&reference, watch).map(Some),
        }
    }

    /// The reference that a path is, if nothing is at the path.
    ///
    /// # Errors
    /// [`HubError::Form`] for a text behind `hf:` that is no reference.
    pub fn reference(path: &Path) -> Result<Option<Reference>, HubError> {
        let reference = Reference::of_path(path)?;
        let is_absent = || {
            let found = std::fs::symlink_metadata(path);
            let absent = [io::ErrorKind::NotFound, io::ErrorKind::NotADirectory];
            found.is_err_and(|fault| absent.contains(&fault.kind()))
        };
        Ok(reference.filter(|reference| reference.is_explicit || is_absent()))
    }

    /// The snapshot that a path leads to which is the folder of a repository in a cache.
    ///
    /// # Errors
    /// [`HubError::Folder`]: it has several, and none is of `main`.
    pub fn snapshot(path: &Path) -> Result<Option<Located>, HubError> {
        let Some(repository) = path.is_dir().then(|| Repository::of_folder(path)).flatten() else {
            return Ok(None);
        };
        let snapshots = repository.snapshots();
        let main = repository
            .commit("main")
            .filter(|commit| snapshots.contains(commit));
        let only = (snapshots.len() == 1).then(|| snapshots[0].clone());
        let Some(commit) = main.or(only) else {
            let folder = path.to_path_buf();
            return Err(HubError::Folder { folder, snapshots });
        };
        let note = format!("{}: read its snapshot {commit}", path.display());
        Ok(Some(Located {
            path: repository.snapshot(&commit),
            note: Some(note),
        }))
    }

    fn find(&self, reference: &Reference, watch: &dyn Watch) -> Result<Located, HubError> {
        let repository = Repository::new(&self.settings.cache, &reference.repository);
        let cached = cached(&repository, reference);
        if let Cached::Whole(path) = cached {
            return Ok(Located { path, note: None });
        }
        let refusal = match fetch(&self.settings, &repository, reference, watch)? {
            Ok(located) => return Ok(located),
            Err(refusal) => refusal,
        };
        match cached {
            Cached::Usable(path) if refusal.is_silence() => Ok(Located {
                path,
                note: Some(format!(
                    "{reference}: its weights are in the cache and were taken; whether other files \
                     belong to it is not known, as {refusal}"
                )),
            }),
            Cached::Part { snapshot, file } if refusal.is_silence() => Err(HubError::Partial {
                reference: reference.to_string(),
                file,
                snapshot,
                fault: refusal.into(),
            }),
            _ => Err(HubError::Absent {
                reference: reference.to_string(),
                no_path: !reference.is_explicit,
                cache: self.settings.cache.clone(),
                fault: refusal.into(),
            }),
        }
    }
}

fn cached(repository: &Repository, reference: &Reference) -> Cached {
    let Some(commit) = repository.commit(reference.revision()) else {
        return Cached::Nothing;
    };
    let snapshot = repository.snapshot(&commit);
    let present = repository.files(&commit);
    if present.is_empty() {
        return Cached::Nothing;
    }
    let inside = reference.inside.as_deref();
    let path = inside.map_or_else(|| snapshot.clone(), |inside| snapshot.join(inside));
    let part = |file: Option<&str>| Cached::Part {
        snapshot: snapshot.clone(),
        file: file.or(inside).unwrap_or("a file of weights").to_owned(),
    };
    let missing = repository.listing(&commit).and_then(|listing| {
        let choice = choose(&listing.sizes(), &snapshot, inside).ok()?;
        let mut missing = choice
            .files
            .iter()
            .filter(|file| !present.contains_key(*file));
        Some(missing.next().cloned())
    });
    if missing == Some(None) {
        return Cached::Whole(path);
    }
    let missing = missing.flatten();
    let Ok(choice) = choose(&present, &snapshot, inside) else {
        return part(missing.as_deref());
    };
    let mut lacking = choice.absent.iter().chain(&choice.hollow);
    if let Some(file) = lacking.next().or(choice.unread.first()) {
        return part(Some(file));
    }
    match missing.is_none() && (inside.is_some() || choice.is_equipped()) {
        true => Cached::Whole(path),
        false => Cached::Usable(path),
    }
}

/// A build that cannot download.
#[cfg(not(feature = "hub"))]
mod unable {
    use super::{HubError, Located, Reference, Repository, Settings, Watch};
    use crate::hub::error::Refusal;

    pub(super) fn fetch(
        settings: &Settings,
        _repository: &Repository,
        reference: &Reference,
        _watch: &dyn Watch,
    ) -> Result<Result<Located, Refusal>, HubError> {
        let command = reference.command();
        Ok(Err(match settings.offline {
            Some(variable) => Refusal::Offline { variable, command },
            None => Refusal::NoClient { command },
        }))
    }
}
