//! Model configs: the tensors of a model family in one of its file formats, with their components,
//! element types and shapes.
//!
//! A config gives the tensors of a checkpoint their meaning: which component they belong to, which
//! other names they go by, which may be missing. The built-in configs are those of sd-mecha, kept
//! as patterns and expanded when they are first asked for; users add their own in sd-mecha's YAML
//! form. A checkpoint that fits no config can be merged under its own names.

use foldhash::HashMap;
use foldhash::fast::RandomState;
use indexmap::IndexMap;
use indexmap::map::Entry;

use crate::checkpoint::heap_bytes;
use crate::dtype::DType;

mod adapter;
mod builtin;
mod candidate;
mod data;
mod entry;
mod expansion;
mod pattern;
mod recognition;
mod registry;
mod yaml;

pub(crate) use builtin::adapter_bytes;
pub use builtin::{configs, find};
pub use candidate::{Candidate, ComponentCount, OtherShape};
pub use recognition::{Recognition, Verdict};
pub use registry::{ConfigError, Configs};
pub use yaml::YamlError;

/// A tensor of a config.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigKey {
    /// The number of its component.
    pub component: usize,
    /// The element type that published checkpoints have.
    pub dtype: DType,
    /// The shape that published checkpoints have; of adapters, empty.
    pub shape: Vec<u64>,
    /// Whether checkpoints may lack it.
    pub optional: bool,
    /// Other names that it goes by.
    pub aliases: Vec<String>,
}

/// A config in which a name stands for two tensors.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum NameClash {
    #[error(
        "model config {config}: tensor `{key}` is in component {first} and in component {second}; \
         a name stands for one tensor"
    )]
    SameKey {
        config: String,
        key: String,
        first: String,
        second: String,
    },
    #[error(
        "model config {config}: `{alias}`, an alias of tensor `{key}`, is also a name of tensor \
         `{other}`; a name stands for one tensor"
    )]
    SameAlias {
        config: String,
        alias: String,
        key: String,
        other: String,
    },
}

/// The tensors of a model family in one of its file formats.
#[derive(Clone, Debug)]
pub struct Config {
    id: String,
    components: Vec<String>,
    keys: IndexMap<String, ConfigKey, RandomState>,
    /// The numbers of the keys by their aliases.
    aliases: HashMap<String, usize>,
    is_adapter: bool,
}

impl Config {
    /// A config of these keys, in their order; each names its component by number.
    fn new(
        id: String,
        components: Vec<String>,
        keys: Vec<(String, ConfigKey)>,
    ) -> Result<Config, NameClash> {
        let mut config = Config {
            id,
            components,
            keys: IndexMap::with_capacity_and_hasher(keys.len(), RandomState::default()),
            aliases: HashMap::default(),
            is_adapter: false,
        };
        for (name, key) in keys {
            config.insert(name, key)?;
        }
        config.collect_aliases()?;
        Ok(config)
    }

    fn insert(&mut self, name: String, key: ConfigKey) -> Result<(), NameClash> {
        match self.keys.entry(name) {
            Entry::Vacant(entry) => {
                entry.insert(key);
                Ok(())
            }
            Entry::Occupied(entry) => Err(NameClash::SameKey {
                config: self.id.clone(),
                key: entry.key().clone(),
                first: self.components[entry.get().component].clone(),
                second: self.components[key.component].clone(),
            }),
        }
    }

    fn collect_aliases(&mut self) -> Result<(), NameClash> {
        for (number, (name, key)) in self.keys.iter().enumerate() {
            for alias in &key.aliases {
                let earlier = self.aliases.insert(alias.clone(), number);
                let other = self.keys.get_index_of(alias).or(earlier);
                if let Some(other) = other.filter(|&other| other != number) {
                    return Err(NameClash::SameAlias {
                        config: self.id.clone(),
                        alias: alias.clone(),
                        key: name.clone(),
                        other: self.keys[other..].keys()[0].clone(),
                    });
                }
            }
        }
        Ok(())
    }

    /// Bytes that it takes in memory, without aliases.
    fn held_bytes(&self) -> u64 {
        // An entry has a hash, and a place in the table of numbers that is 7/8 full at most.
        let entry = size_of::<(u64, String, ConfigKey)>() + 12;
        let names = self.keys.keys().map(|name| heap_bytes(name.len()));
        (self.keys.capacity() * entry) as u64 + names.sum::<u64>()
    }

    /// The identifier, `sdxl-sgm`: the architecture and the implementation whose names these are.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The names of the components, in order.
    pub fn components(&self) -> &[String] {
        &self.components
    }

    /// The tensors, component by component.
    pub fn keys(&self) -> impl Iterator<Item = (&str, &ConfigKey)> {
        self.keys.iter().map(|(name, key)| (name.as_str(), key))
    }

    /// The tensor of a name that is no alias.
    pub fn key(&self, name: &str) -> Option<&ConfigKey> {
        self.keys.get(name)
    }

    /// The config's own name of a tensor, given that name or an alias.
    pub fn canonical(&self, name: &str) -> Option<&str> {
        let (_, name, _) = self.lookup(name)?;
        Some(name)
    }

    /// The component of a tensor, given its name or an alias.
    pub fn component_of(&self, name: &str) -> Option<&str> {
        let (_, _, key) = self.lookup(name)?;
        Some(&self.components[key.component])
    }

    /// Whether the config names blocks rather than tensors: each of its keys is one number.
    pub fn is_blocks(&self) -> bool {
        !self.is_adapter && self.keys.values().all(|key| key.shape.is_empty())
    }

    /// Whether the config names the factors of adapters, whose shapes are free.
    pub fn is_adapter(&self) -> bool {
        self.is_adapter
    }

    /// The number, name and facts of a tensor, given its name or an alias.
    fn lookup(&self, name: &str) -> Option<(usize, &str, &ConfigKey)> {
        let number = self
            .keys
            .get_index_of(name)
            .or_else(|| self.aliases.get(name).copied())?;
        let (name, key) = self.keys.get_index(number)?;
        Some((number, name, key))
    }
}
