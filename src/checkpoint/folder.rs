//! Decides which files of a folder make up a checkpoint.
//!
//! A folder is one of: component folders (diffusers: it has `model_index.json`, or weights only one
//! level down), shards with an index, or plain weight files whose union is the checkpoint. Names
//! alone decide; nothing but the index is opened here. PyTorch's files are taken where a folder has
//! no safetensors; those that loaders know by name, where it has such; and files of GGUF where it
//! has neither. A weight file that is not chosen is listed as left out, never passed over in
//! silence.

use std::collections::{BTreeMap, HashSet};
use std::io;
use std::path::{Path, PathBuf};

use super::CheckpointError;
use super::contents::refused_by_name;
use super::index::ShardIndex;
use super::name::{Shard, WeightName};
use super::stray;

/// How the hidden folder is called in which old files lie while they are replaced.
pub const ASIDE: &str = ".wgmerge-replaced";

/// What can be wrong with a folder as such.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FolderError {
    /// The system does not list it.
    #[error("{folder}: cannot be listed: {fault}")]
    List {
        /// The folder.
        folder: PathBuf,
        /// The system's error.
        fault: io::Error,
    },
    /// It holds no weights at all.
    #[error("{folder}: {}", no_weights(.deeper.as_deref()))]
    NoWeights {
        /// The folder.
        folder: PathBuf,
        /// A folder further down that holds some, relative to it.
        deeper: Option<PathBuf>,
    },
    /// A merge into it was stopped before it was complete.
    #[error(
        "{folder}: a merge that was replacing its files was stopped; run it again with --force, or \
         put the old files back from {aside} and remove that folder"
    )]
    HalfReplaced {
        /// The folder.
        folder: PathBuf,
        /// Where its old files are.
        aside: PathBuf,
    },
    /// The name of a weight file or component is not text.
    #[error("{path}: the name is not UTF-8; rename it")]
    NotUtf8 {
        /// The file or folder.
        path: PathBuf,
    },
    /// It has several indexes and none is the main one.
    #[error(
        "{folder}: has two indexes, `{first}` and `{second}`; move one of them and its shards to \
         another folder"
    )]
    AmbiguousIndex {
        /// The folder.
        folder: PathBuf,
        /// One index.
        first: String,
        /// Another index.
        second: String,
    },
    /// Without an index, the names of the shards tell that one is absent.
    #[error(
        "{folder}: shard {number} of {count} of `{stem}` is not there and no index tells what it \
         held; download it"
    )]
    MissingShard {
        /// The folder.
        folder: PathBuf,
        /// The name of the set without shard numbers.
        stem: String,
        /// The absent shard.
        number: u32,
        /// How many shards there are by their names.
        count: u32,
    },
}

fn no_weights(deeper: Option<&Path>) -> String {
    let kinds = "(.safetensors, .bin, .pt, .pth, .ckpt, .gguf)";
    match deeper {
        None => format!("holds no weights {kinds}; name such a file or a folder that holds some"),
        Some(deeper) => format!(
            "holds no weights {kinds} at its top or one folder down; name the folder that holds \
             some, such as {} in it",
            deeper.display()
        ),
    }
}

/// The files of a checkpoint.
pub(super) struct Layout {
    /// Sets of files, each with its own prefix and index.
    pub(super) groups: Vec<Group>,
    /// Weight files that are not used, relative to the folder, sorted by component.
    pub(super) left_out: Vec<PathBuf>,
}

/// The files of one component, or of the whole checkpoint.
pub(super) struct Group {
    /// The component in front of the keys.
    pub(super) component: Option<String>,
    /// File names, sorted.
    pub(super) files: Vec<String>,
    /// The index that governs the files.
    pub(super) index: Option<ShardIndex>,
}

/// Decides on the files of `folder`.
pub(super) fn scan(folder: &Path) -> Result<Layout, CheckpointError> {
    let root = Listing::read(folder)?;
    let mut below = Vec::new();
    for name in &root.folders {
        below.push((name, Listing::read(&folder.join(name))));
    }
    let any_below = |has: fn(&Listing) -> bool| {
        let mut listings = below.iter().map(|(_, listing)| listing);
        listings.any(|listing| listing.as_ref().is_ok_and(has))
    };
    let has_components = any_below(Listing::has_weights);
    // Beside components of safetensors, a file of PyTorch's is not the model.
    let outranked = root.safetensors.is_empty() && any_below(|below| !below.safetensors.is_empty());
    let is_flat = root.has_weights() && !outranked && !(root.is_diffusers && has_components);
    let mut layout = Layout {
        groups: Vec::new(),
        left_out: Vec::new(),
    };
    if is_flat {
        layout.add(None, &root)?;
        layout.list_unused(folder);
        return Ok(layout);
    }
    for (name, listing) in below {
        let listing = &listing?;
        if listing.has_weights() {
            layout.add(Some(name), listing)?;
        } else if has_components || root.is_diffusers {
            // A component in a foreign format would be missing from the result.
            listing.refuse_foreign()?;
        }
    }
    if layout.groups.is_empty() {
        root.refuse_foreign()?;
        let deeper = stray::weights(folder).into_iter().next();
        return Err(FolderError::NoWeights {
            folder: folder.into(),
            deeper: deeper.and_then(|file| Some(file.parent()?.to_path_buf())),
        }
        .into());
    }
    layout.list_unused(folder);
    Ok(layout)
}

impl Layout {
    /// Chooses among the files of one folder.
    fn add(&mut self, component: Option<&str>, listing: &Listing) -> Result<(), CheckpointError> {
        let there = listing.files();
        let (files, index) = match there.choose_index(&listing.folder)? {
            Some(name) => {
                let index = ShardIndex::open(&listing.folder.join(name))?;
                index.check_present(|shard| there.weights.iter().any(|file| file.text == shard))?;
                (index.shards().map(String::from).collect(), Some(index))
            }
            None => (there.choose_files(&listing.folder)?, None),
        };
        self.groups.push(Group {
            component: component.map(String::from),
            files,
            index,
        });
        Ok(())
    }

    /// Notes every weight file of the folder that was not chosen.
    fn list_unused(&mut self, folder: &Path) {
        let chosen = self.groups.iter().flat_map(|group| {
            let base = Path::new(group.component.as_deref().unwrap_or(""));
            group.files.iter().map(move |file| base.join(file))
        });
        let chosen: HashSet<PathBuf> = chosen.collect();
        let mut found = stray::weights(folder);
        found.retain(|file| !chosen.contains(file));
        self.left_out = found;
    }
}

/// A name, and what it says.
struct Named {
    text: String,
    name: WeightName,
}

/// The files of one format in a folder, sorted by name.
#[derive(Default)]
struct Files {
    weights: Vec<Named>,
    indexes: Vec<Named>,
}

/// What a folder holds, by names alone, each list sorted. Hidden files are passed over.
#[derive(Default)]
struct Listing {
    folder: PathBuf,
    safetensors: Files,
    torch: Files,
    gguf: Files,
    foreign: Vec<PathBuf>,
    folders: Vec<String>,
    is_diffusers: bool,
}

impl Listing {
    fn read(folder: &Path) -> Result<Listing, FolderError> {
        let list_error = |fault| FolderError::List {
            folder: folder.into(),
            fault,
        };
        let mut listing = Listing {
            folder: folder.into(),
            ..Listing::default()
        };
        for entry in std::fs::read_dir(folder).map_err(list_error)? {
            let entry = entry.map_err(list_error)?;
            let kind = entry.file_type().map_err(list_error)?;
            let path = entry.path();
            let is_folder = kind.is_dir() || (kind.is_symlink() && path.is_dir());
            listing.sort_in(path, is_folder)?;
        }
        listing.safetensors.sort();
        listing.torch.sort();
        listing.gguf.sort();
        listing.foreign.sort();
        listing.folders.sort();
        Ok(listing)
    }

    fn sort_in(&mut self, path: PathBuf, is_folder: bool) -> Result<(), FolderError> {
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
            let is_weights = path
                .extension()
                .is_some_and(|extension| extension.eq_ignore_ascii_case("safetensors"));
            return if is_folder || is_weights {
                Err(FolderError::NotUtf8 { path })
            } else {
                Ok(())
            };
        };
        if name.starts_with('.') && name.ends_with(ASIDE) && is_folder {
            let (folder, aside) = (self.folder.clone(), path);
            return Err(FolderError::HalfReplaced { folder, aside });
        }
        if name.starts_with('.') {
            return Ok(());
        }
        let named = |name: &str, said: WeightName| Named {
            text: name.into(),
            name: said,
        };
        if is_folder {
            self.folders.push(name.into());
        } else if let Some(said) = WeightName::of_weights(name) {
            // A dangling link counts as a weight file, so that it is told and not passed over.
            self.safetensors.weights.push(named(name, said));
        } else if let Some(said) = WeightName::of_index(name) {
            self.safetensors.indexes.push(named(name, said));
        } else if let Some(said) = WeightName::of_torch(name) {
            self.torch.weights.push(named(name, said));
        } else if let Some(said) = WeightName::of_torch_index(name) {
            self.torch.indexes.push(named(name, said));
        } else if let Some(said) = WeightName::of_gguf(name) {
            self.gguf.weights.push(named(name, said));
        } else if name == "model_index.json" {
            self.is_diffusers = true;
        } else if refused_by_name(&path).is_some() {
            self.foreign.push(path);
        }
        Ok(())
    }

    fn has_weights(&self) -> bool {
        !self.files().is_empty()
    }

    /// The files that are read: PyTorch's only where there are no safetensors, and those of GGUF
    /// where there are no others.
    fn files(&self) -> &Files {
        let mut formats = [&self.safetensors, &self.torch].into_iter();
        let first = formats.find(|files| !files.is_empty());
        first.unwrap_or(&self.gguf)
    }

    /// Stops where the folder holds weights in a foreign format only.
    fn refuse_foreign(&self) -> Result<(), CheckpointError> {
        let refused = self.foreign.first().and_then(|path| refused_by_name(path));
        refused.map_or(Ok(()), |fault| Err(fault.into()))
    }
}

impl Files {
    fn sort(&mut self) {
        for list in [&mut self.weights, &mut self.indexes] {
            list.sort_by(|a, b| a.text.cmp(&b.text));
        }
    }

    fn is_empty(&self) -> bool {
        self.weights.is_empty() && self.indexes.is_empty()
    }

    /// The index that governs the folder: `model` first, else the only one that is no variant.
    fn choose_index(&self, folder: &Path) -> Result<Option<&str>, FolderError> {
        let has_plain = |name: &WeightName| {
            let mut others = self.indexes.iter().chain(&self.weights);
            name.plain_stem()
                .is_some_and(|plain| others.any(|other| other.name.stem == plain))
        };
        if let Some(index) = self.indexes.iter().find(|index| index.name.is_model()) {
            return Ok(Some(&index.text));
        }
        let mut plain = self.indexes.iter().filter(|index| !has_plain(&index.name));
        match (plain.next(), plain.next()) {
            (Some(first), Some(second)) => Err(FolderError::AmbiguousIndex {
                folder: folder.into(),
                first: first.text.clone(),
                second: second.text.clone(),
            }),
            (only, _) => Ok(only.map(|index| index.text.as_str())),
        }
    }

    /// The weight files of a folder without index: all that are no variant of another.
    fn choose_files(&self, folder: &Path) -> Result<Vec<String>, FolderError> {
        // PyTorch's extensions stand for much; where a file has a name that loaders know, others
        // are something else.
        let is_torch = |named: &Named| WeightName::is_torch(&named.text);
        let known = |named: &Named| is_torch(named) && named.name.is_standard();
        let only_known = self.weights.iter().any(known);
        let named = self.weights.iter();
        let named: Vec<&Named> = named.filter(|named| !only_known || known(named)).collect();
        let is_variant = |name: &WeightName| {
            name.plain_stem()
                .is_some_and(|plain| named.iter().any(|named| named.name.stem == plain))
        };
        let chosen: Vec<_> = named
            .iter()
            .filter(|named| !is_variant(&named.name))
            .collect();
        let mut sets: BTreeMap<(&str, u32), Vec<u32>> = BTreeMap::new();
        for Named { name, .. } in &chosen {
            if let Some(Shard { number, count }) = name.shard {
                sets.entry((&name.stem, count)).or_default().push(number);
            }
        }
        for ((stem, count), numbers) in sets {
            if let Some(number) = (1..=count).find(|number| !numbers.contains(number)) {
                let (folder, stem) = (folder.into(), stem.into());
                return Err(FolderError::MissingShard {
                    folder,
                    stem,
                    number,
                    count,
                });
            }
        }
        Ok(chosen.into_iter().map(|named| named.text.clone()).collect())
    }
}
