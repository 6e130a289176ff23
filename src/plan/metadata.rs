//! What the output's `__metadata__` carries.
//!
//! The recipe is written twice: as `wgmerge_recipe`, with the options and the inputs' fingerprints,
//! and as `mecha_recipe` where sd-mecha has words for it. What a model says about its family
//! (`modelspec.architecture` and the like) holds for the merge too and is carried from the
//! reference model; what it says about itself (title, author, date, hash, picture) does not and is
//! left out. A licence binds whoever uses any of the inputs, so those of all inputs are named.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use serde_json::json;

use super::{CodedOutput, Source, said};
use crate::checkpoint::{is_licence, recorded_name};
use crate::loader::HASHES;
use crate::recipe::{Metadata, ModelId, RECORD, Recipe, mecha, record};

/// What a model says about itself alone.
const OWN: [&str; 10] = [
    "title",
    "author",
    "date",
    "description",
    "hash_sha256",
    "thumbnail",
    "usage_hint",
    "trigger_phrase",
    "tags",
    "merged_from",
];

/// A hash of a model's bytes besides those that loaders compare: none is ever that of another.
const LEGACY_HASH: &str = "sshs_legacy_hash";

const SPEC: &str = "modelspec.";

/// The entries of the output's metadata, of a recipe as it was `given`, and with all that its
/// models make of it.
pub(super) fn metadata(
    (given, recipe): (&Recipe, &Recipe),
    sources: &[Source<'_>],
    coded: &CodedOutput,
) -> Vec<(String, String)> {
    let reference = &sources[recipe.reference.index()];
    let own = ModelId::all()
        .zip(sources)
        .filter(|(model, _)| given.takes(*model));
    let sources: Vec<&Source<'_>> = own.map(|(_, source)| source).collect();
    let mut entries = vec![("format".to_owned(), "pt".to_owned())];
    entries.extend_from_slice(&recipe.options.entries);
    // Loaders go by it, so that it is there whatever else is recorded.
    entries.extend(said::entry(&coded.said));
    if recipe.options.metadata == Metadata::None {
        return entries;
    }
    let mut add = |name: &str, value: String| {
        if !entries.iter().any(|(known, _)| known == name) {
            entries.push((name.to_owned(), value));
        }
    };
    let mut own = record(given);
    own["inputs"] = sources
        .iter()
        .map(|source| {
            let name = recorded_name(&source.path);
            json!({ "name": name, "fingerprint": source.fingerprint })
        })
        .collect();
    add(RECORD, own.to_string());
    if let Some(text) = as_mecha(recipe) {
        add("mecha_recipe", text);
    }
    if !recipe.options.entries.is_empty() {
        return entries;
    }
    if recipe.options.metadata == Metadata::Full {
        let carried = reference.metadata.iter();
        let is_own = |name: &str| is_hash(name) || name == said::FIELD;
        for (name, value) in carried.filter(|(name, _)| !is_own(name)) {
            add(name, value.clone());
        }
        return entries;
    }
    for (name, value) in reference.metadata {
        let spec = name.strip_prefix(SPEC);
        if spec.is_some_and(|name| !OWN.contains(&name) && !is_licence(name)) {
            add(name, value.clone());
        }
    }
    for (name, value) in licences(&sources) {
        add(&name, value);
    }
    if reference.metadata.keys().any(|name| name.starts_with(SPEC)) && sources.len() > 1 {
        let names = sources.iter().map(|source| recorded_name(&source.path));
        let names: Vec<String> = names.collect();
        add("modelspec.merged_from", names.join(", "));
    }
    entries
}

/// Whether an entry is a hash of a model's bytes.
fn is_hash(name: &str) -> bool {
    name == LEGACY_HASH || HASHES.contains(&name)
}

/// The recipe in sd-mecha's words, which has none for options: None where one of them changes a
/// value. Models have their file names as in our own record; where several have the same, each of
/// these in a folder by its number, so that the text does not depend on where they lie.
fn as_mecha(recipe: &Recipe) -> Option<String> {
    if !recipe.options.are_mechas() {
        return None;
    }
    let mut recipe = recipe.clone();
    let names = recipe.models.iter();
    let names: Vec<PathBuf> = names.map(|path| recorded_name(path).into()).collect();
    let mut counts: HashMap<&PathBuf, usize> = HashMap::new();
    for name in &names {
        *counts.entry(name).or_default() += 1;
    }
    let apart = names
        .iter()
        .enumerate()
        .map(|(number, name)| match counts[name] {
            1 => name.clone(),
            _ => Path::new(&(number + 1).to_string()).join(name),
        });
    recipe.models = apart.collect();
    let script = mecha::write(&recipe).ok()?;
    Some(script.to_string())
}

/// The licences of all inputs by the name they are given under, each distinct one once.
fn licences(sources: &[&Source<'_>]) -> Vec<(String, String)> {
    let mut found: Vec<(String, Vec<&str>)> = Vec::new();
    for (name, value) in sources.iter().flat_map(|source| source.metadata) {
        if !is_licence(name) {
            continue;
        }
        match found.iter_mut().find(|(known, _)| known == name) {
            Some((_, values)) if values.contains(&value.as_str()) => {}
            Some((_, values)) => values.push(value),
            None => found.push((name.clone(), vec![value])),
        }
    }
    let join = |(name, values): (String, Vec<&str>)| (name, values.join(" AND "));
    found.into_iter().map(join).collect()
}
