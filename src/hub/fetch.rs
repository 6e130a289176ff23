//! What the cache lacks, from the hub.

use std::collections::BTreeSet;

use super::cache::Repository;
use super::choice::{Choice, Unclear, choose};
use super::client::{Client, Fault};
use super::download::Download;
use super::error::Refusal;
use super::store::failed;
use super::{HubError, Listing, Located, Reference, Settings, Watch};
use crate::disk;

/// How often the hub is asked what a repository holds.
const TRIES: u32 = 2;
/// The time before it is asked again.
const PAUSE: std::time::Duration = std::time::Duration::from_millis(300);

/// Downloads a model, or says why the hub does not give it.
pub(super) fn fetch(
    settings: &Settings,
    repository: &Repository,
    reference: &Reference,
    watch: &dyn Watch,
) -> Result<Result<Located, Refusal>, HubError> {
    if let Some(variable) = settings.offline {
        let command = reference.command();
        return Ok(Err(Refusal::Offline { variable, command }));
    }
    let client = Client::new(settings);
    let asked = patiently(&settings.endpoint, || {
        let commit = client.commit(reference)?;
        let listing = match repository.listing(&commit) {
            Some(listing) => listing,
            None => client.listing(reference, &commit)?,
        };
        Ok((commit, listing))
    });
    let (commit, listing) = match asked {
        Ok(found) => found,
        Err(refusal) => return Ok(Err(refusal)),
    };
    let download = Download {
        client: &client,
        repository,
        reference,
        commit: &commit,
        tries: settings.tries,
        watch,
    };
    let note = bring(&download, &listing)?;
    let snapshot = repository.snapshot(&commit);
    let path = match &reference.inside {
        Some(inside) => snapshot.join(inside),
        None => snapshot,
    };
    Ok(Ok(Located { path, note }))
}

/// Brings all files of the model: those that name others first. What is not clear is told before
/// anything is written.
fn bring(download: &Download<'_>, listing: &Listing) -> Result<Option<String>, HubError> {
    let (reference, commit) = (download.reference, download.commit);
    let repository = download.repository;
    let snapshot = repository.snapshot(commit);
    let sizes = listing.sizes();
    let needed = || {
        choose(&sizes, &snapshot, reference.inside.as_deref())
            .map_err(|unclear| told(unclear, reference, commit, listing))
    };
    let mut choice = needed()?;
    repository.note(reference.revision(), commit, listing)?;
    let mut read = BTreeSet::new();
    while !choice.unread.is_empty() {
        for name in &choice.unread {
            download.file(name, &listing.files[name])?;
            if !read.insert(name.clone()) {
                let path = snapshot.join(name);
                let fault = std::io::ErrorKind::InvalidData.into();
                return Err(failed("read", &path, fault));
            }
        }
        choice = needed()?;
    }
    let missing = missing(&choice, reference, commit, |name| {
        snapshot.join(name).exists()
    })?;
    if missing.is_empty() {
        return Ok(None);
    }
    let needed = missing.iter().map(|name| sizes[*name]).sum();
    let free = disk::available_bytes(repository.cache()).ok().flatten();
    if let Some(free) = free.filter(|free| *free < needed) {
        return Err(HubError::Space {
            cache: repository.cache().to_path_buf(),
            reference: reference.to_string(),
            needed,
            free,
        });
    }
    download
        .watch
        .begin(&format!("downloading {reference}"), needed);
    for name in missing {
        download.file(name, &listing.files[name])?;
    }
    let cache = repository.cache().display();
    Ok(Some(format!(
        "{reference}: downloaded commit {commit} into {cache}"
    )))
}

/// The files of a model that are not there yet.
fn missing<'c>(
    choice: &'c Choice,
    reference: &Reference,
    commit: &str,
    is_there: impl Fn(&str) -> bool,
) -> Result<Vec<&'c str>, HubError> {
    if let Some(file) = choice.absent.first() {
        return Err(HubError::NoEntry {
            repository: format!("{}@{commit}", reference.repository),
            inside: file.clone(),
            known: Vec::new(),
        });
    }
    let files = choice.files.iter().map(String::as_str);
    Ok(files.filter(|name| !is_there(name)).collect())
}

/// Asks again where that may help.
fn patiently<T>(endpoint: &str, ask: impl Fn() -> Result<T, Fault>) -> Result<T, Refusal> {
    let mut tries = 0;
    loop {
        tries += 1;
        let fault = match ask() {
            Ok(found) => return Ok(found),
            Err(Fault::Refused(refusal)) => return Err(refusal),
            Err(Fault::Passing(fault)) => fault,
            Err(Fault::NoRange) => "it answers 416".to_owned(),
        };
        if tries >= TRIES {
            let endpoint = endpoint.to_owned();
            return Err(Refusal::Unreachable { endpoint, fault });
        }
        std::thread::sleep(PAUSE);
    }
}

fn told(unclear: Unclear, of: &Reference, commit: &str, listing: &Listing) -> HubError {
    let repository = format!("{}@{commit}", of.repository);
    match unclear {
        Unclear::NoWeights => HubError::NoWeights {
            repository,
            inside: of.inside.clone(),
        },
        Unclear::Several(files) => HubError::Several {
            example: Reference {
                inside: files.first().cloned(),
                ..of.clone()
            }
            .to_string(),
            repository,
            files,
        },
        Unclear::Absent => {
            let names = listing.files.keys();
            let weights = names.filter(|name| Reference::is_weights(name)).cloned();
            HubError::NoEntry {
                repository,
                inside: of.inside.clone().unwrap_or_default(),
                known: weights.collect(),
            }
        }
    }
}
