//! The inputs of an output, found again.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use crate::checkpoint::{Checkpoint, WeightName};
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
    /// What was opened holds, by its path; None what cannot be opened.
    known: HashMap<PathBuf, Option<String>>,
}

impl Search {
    fn new(
        recorded: &[RecordedInput],
        output: &Checkpoint,
        args: &VerifyArgs,
    ) -> Result<Search, Failure> {
        let mut places = Vec::new();
        for folder in &args.models {
            if !folder.exists() {
                let folder = folder.display();
                return Err(Failure::input(format!("--models {folder}: is not there")));
            }
            gather(folder, 0, &mut places);
        }
        let home = crate::sink::parent(output.path());
        for folder in [home, Path::new(".")] {
            places.extend(entries(folder).into_iter().filter(|path| may_be(path)));
        }
        // Whatever they are called.
        let folders = places.iter().filter(|place| place.is_dir());
        let folders: Vec<PathBuf> = folders.cloned().collect();
        for folder in [home, Path::new(".")]
            .into_iter()
            .chain(folders.iter().map(PathBuf::as_path))
        {
            let named = recorded.iter().map(|input| folder.join(&input.name));
            places.extend(named.filter(|path| path.is_file()));
        }
        let own = std::fs::canonicalize(output.path()).ok();
        places.retain(|path| std::fs::canonicalize(path).ok() != own);
        Ok(Search {
            places,
            known: HashMap::new(),
        })
    }

    /// Where an input is: what has its name, else what holds the same, else on the hub.
    fn find(&mut self, input: &RecordedInput, quiet: bool) -> Result<Option<PathBuf>, Failure> {
        let is_named = |path: &PathBuf| path.file_name().is_some_and(|own| own == &*input.name);
        let (named, others): (Vec<_>, Vec<_>) = self.places.iter().cloned().partition(is_named);
        let reference = Path::new(&input.name);
        let is_reference = matches!(Hub::reference(reference), Ok(Some(_)));
        if !is_reference && let Some(own) = self.first(&named, input) {
            return Ok(Some(own));
        }
        if is_reference && let Some(own) = cached(reference) {
            return Ok(Some(own));
        }
        if let Some(own) = self.first(&others, input) {
            return Ok(Some(own));
        }
        if !is_reference {
            return Ok(None);
        }
        let (path, _) = models::located(reference, quiet)?;
        Ok(self.holds(&path, input).then_some(path))
    }

    /// The first of some places that holds what an input held.
    fn first(&mut self, places: &[PathBuf], input: &RecordedInput) -> Option<PathBuf> {
        places.iter().find(|path| self.holds(path, input)).cloned()
    }

    fn holds(&mut self, path: &Path, input: &RecordedInput) -> bool {
        let known = self.known.entry(path.to_owned());
        let own = known.or_insert_with(|| Checkpoint::open(path).ok()?.fingerprint().ok());
        own.as_deref() == Some(&input.fingerprint)
    }

    /// What is known of an input that was not found.
    fn missing(&self, input: &RecordedInput) -> String {
        let named = self.places.iter().find(|path| {
            let named = path.file_name().is_some_and(|own| own == &*input.name);
            named && self.known.contains_key(*path)
        });
        let recorded = &input.fingerprint;
        match named.map(|path| (path, self.known[path].as_deref())) {
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

/// What may be a checkpoint of a folder and the folders in it.
fn gather(folder: &Path, depth: usize, places: &mut Vec<PathBuf>) {
    if may_be(folder) {
        places.push(folder.to_owned());
    }
    if depth == DEPTH_MAX || !folder.is_dir() {
        return;
    }
    for path in entries(folder) {
        if places.len() >= PLACES_MAX {
            return;
        }
        match path.is_dir() {
            true => gather(&path, depth + 1, places),
            false if may_be(&path) => places.push(path),
            false => {}
        }
    }
}

/// What a folder holds, by name.
fn entries(folder: &Path) -> Vec<PathBuf> {
    let read = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut entries: Vec<PathBuf> = read.map(|entry| entry.path()).collect();
    entries.sort();
    entries
}

/// Whether something is a folder, or a file of weights by its name.
fn may_be(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str());
    let is_weights = |name: &str| {
        let known = WeightName::of_weights(name).or_else(|| WeightName::of_torch(name));
        known.is_some() || name.ends_with(SHORT)
    };
    path.is_dir() || name.is_some_and(is_weights)
}
