//! Which files of a repository make up a model, by their names and by the indexes among them.
//!
//! Weights are taken in one format, safetensors before PyTorch's, and variants (`fp16`) only where
//! there is nothing else. Beside them stand the small texts without which a model cannot be used:
//! configurations, tokenizer files, chat templates, licence and card.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::Value;

use super::reference::is_inner_path;
use crate::checkpoint::{WeightName, read_beside};

/// A larger file is no configuration.
const TEXT_MAX: u64 = 64 << 20;
/// What a pipeline's components are listed in.
const PIPELINE: &str = "model_index.json";
/// What the texts beside weights end in.
const TEXTS: [&str; 11] = [
    "json", "txt", "model", "jinja", "tiktoken", "spm", "bpe", "py", "yaml", "yml", "vocab",
];
/// Texts that have no such ending, by how they begin.
const NAMED: [&str; 4] = ["README.md", "LICENSE", "LICENCE", "NOTICE"];
/// Where transformers keeps chat templates beyond the first.
const TEMPLATES: &str = "additional_chat_templates";
/// The stems under which libraries look for weights, of each format.
const STEMS: [&str; 4] = [
    "model",
    "diffusion_pytorch_model",
    "pytorch_model",
    "adapter_model",
];
/// The files of a repository, as far as is known.
struct Files<'a> {
    /// Paths in the repository with their bytes, sorted.
    files: Vec<(&'a str, u64)>,
    /// The text of a file that is there already.
    read: &'a dyn Fn(&str) -> Option<String>,
}

/// Which of some files make up the model; texts that name others are read in the snapshot.
pub(super) fn choose(
    files: &BTreeMap<String, u64>,
    snapshot: &Path,
    inside: Option<&str>,
) -> Result<Choice, Unclear> {
    let read = |name: &str| {
        let bytes = read_beside(&snapshot.join(name), TEXT_MAX).ok()?;
        String::from_utf8(bytes).ok()
    };
    let files = Files {
        files: files
            .iter()
            .map(|(name, bytes)| (name.as_str(), *bytes))
            .collect(),
        read: &read,
    };
    files.choose(inside)
}

/// The files of a model.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Choice {
    /// Paths in the repository.
    pub(super) files: BTreeSet<String>,
    /// Files among them that name others and are to be read first.
    pub(super) unread: Vec<String>,
    /// Files that an index names and the repository lacks.
    pub(super) absent: Vec<String>,
    /// Components of a pipeline that have no file.
    pub(super) hollow: Vec<String>,
    /// Whether there are weights.
    pub(super) has_weights: bool,
}

/// Why no model can be told.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Unclear {
    /// There is no file or folder of the name.
    Absent,
    /// There are no weights.
    NoWeights,
    /// Several files may each be a model.
    Several(Vec<String>),
}

impl Choice {
    /// Whether more than weights is there, as far as that can be told without the hub's listing: a
    /// pipeline, an adapter, or a configuration and a tokenizer.
    pub(super) fn is_equipped(&self) -> bool {
        let has = |begin: &str| self.files.iter().any(|file| file.starts_with(begin));
        let tokenizer = ["tokenizer", "vocab", "spiece", "sentencepiece", "tekken"];
        has(PIPELINE)
            || has("adapter_config.json")
            || (has("config.json") && tokenizer.into_iter().any(has))
    }
}

impl Files<'_> {
    /// The files of the model that is `inside` the repository, or all of it.
    fn choose(&self, inside: Option<&str>) -> Result<Choice, Unclear> {
        let mut choice = Choice::default();
        match inside {
            Some(file) if self.files.iter().any(|(name, _)| *name == file) => {
                choice.files.insert(file.to_owned());
                choice.has_weights = true;
            }
            Some(folder) => {
                let begin = format!("{folder}/");
                if !self.files.iter().any(|(name, _)| name.starts_with(&begin)) {
                    return Err(Unclear::Absent);
                }
                self.level(&begin, &mut choice)?;
            }
            None => self.whole(&mut choice)?,
        }
        match choice.has_weights || !choice.unread.is_empty() {
            true => Ok(choice),
            false => Err(Unclear::NoWeights),
        }
    }

    fn whole(&self, choice: &mut Choice) -> Result<(), Unclear> {
        if self.in_level("").any(|(name, _)| name == PIPELINE) {
            let Some(text) = (self.read)(PIPELINE) else {
                choice.files.insert(PIPELINE.to_owned());
                choice.unread.push(PIPELINE.to_owned());
                return Ok(());
            };
            for component in components(&text) {
                let folder = format!("{component}/");
                let of_folder = self.files.iter().any(|(name, _)| name.starts_with(&folder));
                match of_folder {
                    true => self.level(&folder, choice)?,
                    false => choice.hollow.push(component),
                }
            }
            if choice.has_weights || !choice.unread.is_empty() {
                self.texts("", choice);
                return Ok(());
            }
        }
        self.level("", choice)?;
        self.texts(&format!("{TEMPLATES}/"), choice);
        Ok(())
    }

    /// The files right below a folder, which is empty or ends in a slash.
    fn in_level<'f>(&'f self, folder: &'f str) -> impl Iterator<Item = (&'f str, u64)> {
        self.files.iter().filter_map(move |(name, bytes)| {
            let name = name.strip_prefix(folder)?;
            (!name.contains('/')).then_some((name, *bytes))
        })
    }

    /// Adds the weights of a folder and what belongs to them.
    fn level(&self, folder: &str, choice: &mut Choice) -> Result<(), Unclear> {
        let formats: [Format; 3] = [safetensors, pickled, checkpoint];
        let mut found = false;
        for format in formats {
            found = found || self.weights(folder, format, choice)?;
        }
        choice.has_weights |= found;
        if !found && !folder.is_empty() && self.in_level(folder).any(|(n, _)| n == "config.json") {
            choice.hollow.push(folder.trim_end_matches('/').to_owned());
        }
        self.texts(folder, choice);
        Ok(())
    }

    fn texts(&self, folder: &str, choice: &mut Choice) {
        let texts = self.in_level(folder).filter(|(name, bytes)| {
            let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
            let known = TEXTS.contains(&extension) || NAMED.iter().any(|n| name.starts_with(n));
            let is_index = name.contains(".index.") && name.ends_with(".json");
            known && !is_index && !name.starts_with('.') && *bytes <= TEXT_MAX
        });
        let texts = texts.map(|(name, _)| format!("{folder}{name}"));
        choice.files.extend(texts);
    }

    /// Adds the weights of a folder that are of one format; whether there are any.
    fn weights(&self, folder: &str, format: Format, choice: &mut Choice) -> Result<bool, Unclear> {
        let files = self.in_level(folder).map(|(name, _)| name);
        let files: Vec<(&str, Known)> = files
            .filter_map(|name| Some((name, format(name)?)))
            .collect();
        let stems: BTreeSet<&str> = files.iter().map(|(_, known)| known.stem()).collect();
        let plain: Vec<&(&str, Known)> = files
            .iter()
            .filter(|(_, known)| {
                !known
                    .plain_stem()
                    .is_some_and(|plain| stems.contains(plain))
            })
            .collect();
        let of_plain = |kind: fn(&Known) -> bool| {
            let names = plain.iter().filter(move |(_, known)| kind(known));
            names.map(|(name, known)| (*name, known.stem()))
        };
        let indexes: Vec<(&str, &str)> = of_plain(Known::is_index).collect();
        if let Some(index) = preferred(&indexes) {
            self.indexed(folder, index.map_err(|many| paths(folder, &many))?, choice);
            return Ok(true);
        }
        let weights: Vec<(&str, &str)> = of_plain(|known| !known.is_index()).collect();
        let Some(found) = preferred(&weights) else {
            return Ok(false);
        };
        let found = found.map_err(|many| paths(folder, &many))?;
        let stem = weights.iter().find(|(name, _)| *name == found);
        let shards = weights
            .iter()
            .filter(|(_, other)| stem.is_some_and(|(_, s)| s == other));
        let shards = shards.map(|(name, _)| format!("{folder}{name}"));
        choice.files.extend(shards);
        Ok(true)
    }

    /// Adds an index and the files that it names.
    fn indexed(&self, folder: &str, index: &str, choice: &mut Choice) {
        let path = format!("{folder}{index}");
        match (self.read)(&path) {
            None => choice.unread.push(path.clone()),
            Some(text) => {
                for shard in shards(&text) {
                    let shard = format!("{folder}{shard}");
                    let is_there = self.files.iter().any(|(name, _)| *name == shard);
                    match is_there {
                        true => {
                            choice.files.insert(shard);
                        }
                        false => choice.absent.push(shard),
                    }
                }
            }
        }
        choice.files.insert(path);
    }
}

/// Of files with their stems, the one of a stem that libraries look for, else one of the only stem
/// there is. None where there are no files, an error with all where it is not clear.
fn preferred<'n>(files: &[(&'n str, &str)]) -> Option<Result<&'n str, Vec<&'n str>>> {
    let known = STEMS.iter().find_map(|stem| {
        let of_stem = files.iter().find(|(_, found)| found == stem);
        of_stem.map(|(name, _)| *name)
    });
    let (first, stem) = files.first()?;
    let only = files.iter().all(|(_, other)| other == stem);
    Some(match (known, only) {
        (Some(known), _) => Ok(known),
        (None, true) => Ok(first),
        (None, false) => Err(files.iter().map(|(name, _)| *name).collect()),
    })
}

fn paths(folder: &str, names: &[&str]) -> Unclear {
    let names = names.iter().map(|name| format!("{folder}{name}"));
    Unclear::Several(names.collect())
}

/// The name of a file of weights, or of an index of some.
enum Known {
    Weights(WeightName),
    Index(WeightName),
}

impl Known {
    fn name(&self) -> &WeightName {
        match self {
            Known::Weights(name) | Known::Index(name) => name,
        }
    }

    fn stem(&self) -> &str {
        &self.name().stem
    }

    fn plain_stem(&self) -> Option<&str> {
        self.name().plain_stem()
    }

    fn is_index(&self) -> bool {
        matches!(self, Known::Index(_))
    }
}

/// Tells the names of a format.
type Format = fn(&str) -> Option<Known>;

fn safetensors(name: &str) -> Option<Known> {
    if name.starts_with('.') {
        return None;
    }
    let index = WeightName::of_index(name).map(Known::Index);
    index.or_else(|| WeightName::of_weights(name).map(Known::Weights))
}

/// PyTorch's files as transformers calls them. They are numbered, indexed and varied as those of
/// safetensors are.
fn pickled(name: &str) -> Option<Known> {
    torch(name).filter(|_| is_bin(name))
}

/// PyTorch's files as trainings call them.
fn checkpoint(name: &str) -> Option<Known> {
    torch(name).filter(|_| !is_bin(name))
}

fn torch(name: &str) -> Option<Known> {
    if name.starts_with('.') {
        return None;
    }
    let index = WeightName::of_torch_index(name).map(Known::Index);
    index.or_else(|| WeightName::of_torch(name).map(Known::Weights))
}

fn is_bin(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name.ends_with(".bin") || name.contains(".bin.index.")
}

/// The files that an index names. A text that is no index names none: opening it says so.
fn shards(text: &str) -> BTreeSet<String> {
    let index: Value = serde_json::from_str(text).unwrap_or_default();
    let map = index.get("weight_map").and_then(Value::as_object);
    let names = map.into_iter().flat_map(|map| map.values());
    let names = names.filter_map(Value::as_str);
    let names = names.filter(|name| is_inner_path(name));
    names.map(str::to_owned).collect()
}

/// The folders of a pipeline's components: entries of a library and a class that are not null.
fn components(text: &str) -> Vec<String> {
    let index: Value = serde_json::from_str(text).unwrap_or_default();
    let entries = index.as_object().into_iter().flatten();
    let used = entries.filter(|(name, value)| {
        let class = value.as_array().and_then(|pair| pair.get(1));
        !name.starts_with('_') && class.is_some_and(Value::is_string)
    });
    let names = used.map(|(name, _)| name.clone());
    names.filter(|name| is_inner_path(name)).collect()
}
