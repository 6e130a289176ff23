//! The inputs of an output, found again.

use std::collections::{HashMap, HashSet};
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use crate::checkpoint::{Checkpoint, FileIdentity, WeightName};
use crate::cli::args::VerifyArgs;
use crate::cli::failure::Failure;
use crate::cli::models;
use crate::figures::counted;
use crate::hub::Hub;
use crate::recipe::RecordedInput;

/// How deep folders in a folder are looked into.
const DEPTH_MAX: usize = 8;
/// Files and folders that are looked at, at most.
const PLACES_MAX: usize = 100_000;
/// What safetensors files end in as well.
const SHORT: &str = ".sft";

/// Opens the inputs, each where its name and what it holds are those of the record.
pub(super) fn inputs(
    recorded: &[RecordedInput],
    output: &Checkpoint,
    args: &VerifyArgs,
) -> Result<Vec<Checkpoint>, Failure> {
    let mut search = Search::new(recorded, output, args)?;
    let mut found: Vec<Checkpoint> = Vec::with_capacity(recorded.len());
    let mut missing = Vec::new();
    for input in recorded {
        match search.find(input, args.quiet)? {
            Some(path) => found.push(Checkpoint::open(&path)?),
            None => missing.push(search.missing(input)),
        }
    }
    match missing.is_empty() {
        true => Ok(found),
        false => Err(Failure::input(format!(
            "{} of {} not found; --models DIR says where they are:\n{}",
            counted(missing.len(), "input"),
            recorded.len(),
            missing.join("\n")
        ))),
    }
}

/// Where inputs may be.
struct Search {
    /// Files and folders that may be checkpoints, those in the folders given first.
    places: Vec<PathBuf>,
    /// Those of each name.
    named: HashMap<OsString, Vec<PathBuf>>,
    /// What was opened holds, by its path; None what cannot be opened.
    known: HashMap<PathBuf, Option<String>>,
    /// What all places hold, once they are looked at.
    held: Option<HashMap<String, PathBuf>>,
}

impl Search {
    fn new(
        recorded: &[RecordedInput],
        output: &Checkpoint,
        args: &VerifyArgs,
    ) -> Result<Search, Failure> {
        let names: HashSet<&str> = recorded.iter().map(|input| &*input.name).collect();
        let mut walk = Walk {
            names: &names,
            visited: HashSet::new(),
            places: Vec::new(),
        };
        for folder in &args.models {
            if !folder.exists() {
                let folder = folder.display();
                return Err(Failure::input(format!("--models {folder}: is not there")));
            }
            walk.gather(folder, DEPTH_MAX);
        }
        walk.gather(crate::sink::parent(output.path()), 0);
        walk.gather(Path::new("."), 0);
        let mut places = walk.places;
        let own = std::fs::canonicalize(output.path()).ok();
        places.retain(|path| std::fs::canonicalize(path).ok() != own);
        let mut named: HashMap<OsString, Vec<PathBuf>> = HashMap::new();
        for place in &places {
            let name = place.file_name().unwrap_or_default().to_owned();
            named.entry(name).or_default().push(place.clone());
        }
        Ok(Search {
            places,
            named,
            known: HashMap::new(),
            held: None,
        })
    }

    /// Where an input is: what has its name, else what holds the same, else on the hub.
    fn find(&mut self, input: &RecordedInput, quiet: bool) -> Result<Option<PathBuf>, Failure> {
        let reference = Path::new(&input.name);
        let is_reference = matches!(Hub::reference(reference), Ok(Some(_)));
        if is_reference && let Some(own) = cached(reference) {
            return Ok(Some(own));
        }
        let named = self.named.get(OsStr::new(&input.name)).cloned();
        for place in named.unwrap_or_default() {
            if self.fingerprint(&place).as_ref() == Some(&input.fingerprint) {
                return Ok(Some(place));
            }
        }
        if let Some(own) = self.held(&input.fingerprint) {
            return Ok(Some(own));
        }
        if !is_reference {
            return Ok(None);
        }
        let (path, _) = models::located(reference, quiet)?;
        let holds = self.fingerprint(&path).as_ref() == Some(&input.fingerprint);
        Ok(holds.then_some(path))
    }

    /// The first place that holds what has a fingerprint.
    fn held(&mut self, fingerprint: &str) -> Option<PathBuf> {
        if self.held.is_none() {
            let mut held = HashMap::new();
            for place in self.places.clone() {
                if let Some(own) = self.fingerprint(&place) {
                    held.entry(own).or_insert(place);
                }
            }
            self.held = Some(held);
        }
        self.held.as_ref()?.get(fingerprint).cloned()
    }

    fn fingerprint(&mut self, path: &Path) -> Option<String> {
        let known = self.known.entry(path.to_owned());
        let own = known.or_insert_with(|| Checkpoint::open(path).ok()?.fingerprint().ok());
        own.clone()
    }

    /// What is known of an input that was not found.
    fn missing(&self, input: &RecordedInput) -> String {
        let named = self.named.get(OsStr::new(&input.name));
        let path = named.and_then(|places| places.first());
        let recorded = &input.fingerprint;
        match path.map(|path| (path, self.known.get(path).and_then(Option::as_deref))) {
            None => format!("  {} (fingerprint {recorded})", input.name),
            Some((path, None)) => format!("  {}: {} cannot be read", input.name, path.display()),
            Some((path, Some(own))) => format!(
                "  {}: {} is another one: its fingerprint is {own}, that of the input was \
                 {recorded}",
                input.name,
                path.display()
            ),
        }
    }
}

/// A model of the cache, if it is there.
fn cached(reference: &Path) -> Option<PathBuf> {
    let found = Hub::snapshot(reference).ok().flatten()?;
    Some(found.path)
}

/// A walk through folders.
struct Walk<'n> {
    /// What inputs are called, whatever they end in.
    names: &'n HashSet<&'n str>,
    /// The folders that were entered, each once: links may lead back.
    visited: HashSet<FileIdentity>,
    /// What may be a checkpoint.
    places: Vec<PathBuf>,
}

impl Walk<'_> {
    /// Goes through what is in a folder, or takes a file, with folders in it so deep.
    fn gather(&mut self, folder: &Path, depth: usize) {
        self.places.push(folder.to_owned());
        let Some(entries) = self.enter(folder) else {
            return;
        };
        for path in entries {
            if self.places.len() >= PLACES_MAX {
                return;
            }
            if path.is_dir() {
                match depth {
                    0 => self.places.push(path),
                    depth => self.gather(&path, depth - 1),
                }
            } else if path.is_file() && self.may_be(&path) {
                self.places.push(path);
            }
        }
    }

    /// What a folder holds, in order, where it was not entered before.
    fn enter(&mut self, folder: &Path) -> Option<Vec<PathBuf>> {
        let read = std::fs::read_dir(folder).ok()?;
        let own = FileIdentity::of(folder).ok()?;
        self.visited.insert(own).then(|| {
            let entries = read.flatten().take(PLACES_MAX);
            let mut entries: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
            entries.sort();
            entries
        })
    }

    /// Whether a file is called as files of weights or an input are.
    fn may_be(&self, path: &Path) -> bool {
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
            return false;
        };
        let weights = WeightName::of_weights(name).or_else(|| WeightName::of_torch(name));
        weights.is_some() || name.ends_with(SHORT) || self.names.contains(name)
    }
}
