//! What of an existing folder goes when a new output appears in it.
//!
//! The weights and indexes of an earlier output go, in all their variants and forms, since a loader
//! would prefer them or mix them in. Everything else stays. Weights that nobody can tell to be an
//! earlier output's are never removed: where a loader would mix them in, the output is refused.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::OutputLayout;
use crate::checkpoint::WeightName;

/// What loaders call the weights of a model, in front of variants, numbers and extensions.
const STEMS: &[&str] = &[
    "model",
    "pytorch_model",
    "diffusion_pytorch_model",
    "tf_model",
    "flax_model",
    "diffusion_flax_model",
];
/// The forms in which they do.
const EXTENSIONS: &[&str] = &["safetensors", "bin", "h5", "msgpack"];
/// Says that a folder's components are its model.
const COMPONENTS: &str = "model_index.json";
/// Says how an earlier output was made.
const RECIPE: &str = "mergekit_config.yml";

/// What happens to a file of the folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It stays.
    Stays,
    /// A file of the output takes its place, or it is of an earlier output.
    Goes,
    /// A loader would read it with the output, and it may not go.
    Mixes,
}

/// In which order loaders miss files: without the first kinds they find no model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// An index of files or of components.
    Index,
    /// Weights.
    Weights,
    /// Anything else.
    Other,
}

/// The rules for one output.
#[derive(Clone, Debug, Default)]
pub(super) struct Stale {
    names: BTreeSet<PathBuf>,
    /// The stems of the output's own weights.
    stems: BTreeSet<String>,
    /// The folders that it puts weights into, with whether their index outranks all others.
    folders: BTreeMap<PathBuf, bool>,
    has_components: bool,
}

impl Stale {
    pub(super) fn new(layout: &OutputLayout) -> Stale {
        let mut stale = Stale {
            names: layout.names().map(Path::to_path_buf).collect(),
            ..Stale::default()
        };
        for file in &layout.files {
            let folder = folder_of(&file.name);
            stale.has_components |= folder != Path::new("");
            stale
                .stems
                .extend(weights(&file.name).map(|name| name.stem));
            stale.folders.entry(folder.to_path_buf()).or_default();
        }
        for side in &layout.side_files {
            let name = file_name(&side.name);
            if WeightName::of_index(name).is_some_and(|index| index.stem == "model") {
                let folder = folder_of(&side.name).to_path_buf();
                stale.folders.insert(folder, true);
            }
        }
        stale
    }

    /// What happens to the file `name` of the folder, relative to it.
    pub(super) fn fate(&self, name: &Path) -> Fate {
        let of_earlier = [COMPONENTS, RECIPE]
            .iter()
            .any(|own| name == Path::new(own));
        if self.names.contains(name) || of_earlier {
            return Fate::Goes;
        }
        let kind = kind(name);
        if !self.reaches(folder_of(name)) || kind == Kind::Other {
            return Fate::Stays;
        }
        let stem = stem(name).unwrap_or_default();
        if STEMS.contains(&stem) || self.is_own(name) {
            return Fate::Goes;
        }
        let outranked = self.folders.get(folder_of(name)).copied().unwrap_or(false);
        match is_read(name) && !outranked {
            true => Fate::Mixes,
            false => Fate::Stays,
        }
    }

    /// Whether it is called like the output's own weights, or is a variant of them.
    fn is_own(&self, name: &Path) -> bool {
        weights(name).is_some_and(|name| {
            let plain = name.plain_stem();
            self.stems.contains(&name.stem) || plain.is_some_and(|plain| self.stems.contains(plain))
        })
    }

    /// Whether loaders of the output look into a folder.
    fn reaches(&self, folder: &Path) -> bool {
        let is_top = folder == Path::new("");
        let is_component = self.has_components && folder.components().count() == 1;
        is_top || is_component || self.folders.contains_key(folder)
    }
}

/// What a file is to loaders, by its name.
pub(super) fn kind(name: &Path) -> Kind {
    let text = file_name(name);
    let is_index = text.contains(".index.") && text.ends_with(".json");
    if is_index || name == Path::new(COMPONENTS) {
        return Kind::Index;
    }
    let known = STEMS.contains(&stem(name).unwrap_or_default());
    let extension = name.extension().unwrap_or_default().to_string_lossy();
    let weights = EXTENSIONS
        .iter()
        .any(|known| extension.eq_ignore_ascii_case(known));
    match weights && (known || is_read(name)) {
        true => Kind::Weights,
        false => Kind::Other,
    }
}

/// Whether it is one of the files that are read as a checkpoint's, hidden ones are not.
fn is_read(name: &Path) -> bool {
    weights(name).is_some() && !file_name(name).starts_with('.')
}

/// The name of safetensors weights or of their index.
fn weights(name: &Path) -> Option<WeightName> {
    let text = file_name(name);
    WeightName::of_weights(text).or_else(|| WeightName::of_index(text))
}

/// What stands in front of the shard's number, the variant and the extension: `model`.
fn stem(name: &Path) -> Option<&str> {
    let text = name.file_name()?.to_str()?;
    let base = text.split('.').next()?;
    let is_number = |text: &str| text.len() == 5 && text.bytes().all(|byte| byte.is_ascii_digit());
    let cut = base.rsplit_once("-of-").and_then(|(rest, count)| {
        let (stem, number) = rest.rsplit_once('-')?;
        (is_number(number) && is_number(count)).then_some(stem)
    });
    Some(cut.unwrap_or(base))
}

fn file_name(name: &Path) -> &str {
    name.file_name()
        .and_then(|name| name.to_str())
        .unwrap_or("")
}

fn folder_of(name: &Path) -> &Path {
    name.parent().unwrap_or(Path::new(""))
}
