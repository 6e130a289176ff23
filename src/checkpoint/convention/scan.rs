//! A checkpoint while its codes are looked for: what is there, what was found, and what is whose.

use std::collections::HashMap;

use indexmap::IndexMap;

use super::coded::{Coded, Convention, Described};
use super::fault::{ConventionError, Entry, Stop};
use super::plain::Undecoded;
use super::said::{Said, settings_of};
use super::settings::Settings;
use crate::checkpoint::CheckpointError;
use crate::checkpoint::tensor::{TensorInfo, Tensors};
use crate::format::Format;

/// Reads a small entry.
pub(super) type Read<'r> = dyn FnMut(&TensorInfo) -> Result<Vec<u8>, CheckpointError> + 'r;

/// A longer entry describes nothing.
const TEXT_BYTES_MAX: u64 = 1 << 20;

/// What a scale of inputs and the like is called, which belongs to a weight and holds no numbers
/// of it.
const COMPANIONS: [&str; 6] = [
    "input_scale",
    "input_global_scale",
    "input_zero_point",
    "pre_quant_scale",
    "scale_input",
    "input_amax",
];

/// An entry of a checkpoint.
#[derive(Clone, Copy)]
pub(super) struct Named<'e> {
    pub(super) key: &'e str,
    pub(super) info: &'e TensorInfo,
}

impl<'e> Named<'e> {
    pub(super) fn new(key: &'e str, info: &'e TensorInfo) -> Named<'e> {
        Named { key, info }
    }
}

/// A checkpoint while its codes are looked for.
pub(super) struct Scan<'a, 'r> {
    /// All entries.
    pub(super) tensors: &'a Tensors,
    /// What is said beside them.
    pub(super) said: &'a Said<'a>,
    /// The tensors that were found, by the names that they are seen by.
    pub(super) found: IndexMap<String, Coded>,
    /// Entries of no tensor.
    pub(super) markers: Vec<String>,
    /// The tensor that an entry belongs to.
    owners: HashMap<String, usize>,
    read: &'r mut Read<'r>,
}

impl<'a, 'r> Scan<'a, 'r> {
    pub(super) fn new(tensors: &'a Tensors, said: &'a Said<'a>, read: &'r mut Read<'r>) -> Self {
        Scan {
            tensors,
            said,
            found: IndexMap::new(),
            markers: Vec::new(),
            owners: HashMap::new(),
            read,
        }
    }

    /// The settings that hold for a key.
    pub(super) fn settings(&self, key: &str) -> Option<&'a Settings> {
        settings_of(self.said, key)
    }

    /// The method that the settings name for a key.
    pub(super) fn method(&self, key: &str) -> &'a str {
        let method = self.settings(key).and_then(|said| said.method.as_deref());
        method.unwrap_or_default()
    }

    /// Whether an entry was claimed.
    pub(super) fn is_owned(&self, key: &str) -> bool {
        self.owners.contains_key(key)
    }

    /// An entry that another shows to be there.
    pub(super) fn need(
        &self,
        convention: Convention,
        by: &str,
        key: &str,
    ) -> Result<&'a TensorInfo, Stop> {
        match self.tensors.get(key) {
            Some(info) => Ok(info),
            None => Err(ConventionError::Missing {
                path: self.said.path.to_path_buf(),
                key: by.to_owned(),
                convention,
                absent: key.to_owned(),
            }
            .into()),
        }
    }

    /// The bytes of a small entry.
    pub(super) fn bytes(&mut self, key: &str) -> Result<Vec<u8>, Stop> {
        let info = &self.tensors[key];
        if info.bytes() > TEXT_BYTES_MAX {
            let fault = format!("it has {} bytes", info.bytes());
            return Err(self.description(key, fault));
        }
        Ok((self.read)(info)?)
    }

    /// Entries beside a weight that are carried with it.
    pub(super) fn companions(&self, weight: &str) -> Vec<String> {
        let stem = match weight.strip_suffix("weight") {
            Some(stem) => stem.to_owned(),
            None => format!("{weight}_"),
        };
        let names = COMPANIONS.iter().map(|name| format!("{stem}{name}"));
        names
            .filter(|name| self.tensors.contains_key(name.as_str()) && !self.is_owned(name))
            .collect()
    }

    /// Enters a tensor, under the name that it is seen by.
    ///
    /// # Errors
    /// [`ConventionError::Two`] where an entry of it is another's.
    pub(super) fn claim(&mut self, name: String, coded: Coded) -> Result<(), Stop> {
        let place = self.found.len();
        for key in coded.parts.iter().chain(&coded.beside) {
            if let Some(&other) = self.owners.get(key) {
                return Err(self.two(key, &self.found[other], &coded));
            }
        }
        if let Some(other) = self.found.get(&name) {
            return Err(self.two(&name, other, &coded));
        }
        let part = coded.parts.contains(&name);
        if let Some(other) = self.tensors.get(&name).filter(|_| !part) {
            return Err(self.mismatch(
                coded.convention,
                Named::new(&name, other),
                Named::new(&coded.parts[0], &self.tensors[&coded.parts[0]]),
                "no entry",
            ));
        }
        let keys = coded.parts.iter().chain(&coded.beside).cloned();
        self.owners.extend(keys.map(|key| (key, place)));
        self.found.insert(name, coded);
        Ok(())
    }

    /// The error for an entry that two conventions claim.
    fn two(&self, key: &str, first: &Coded, second: &Coded) -> Stop {
        let by = |coded: &Coded| {
            let mut keys = coded.parts.iter().chain(&coded.beside);
            let shown = keys.find(|other| *other != key).cloned();
            shown.unwrap_or_else(|| key.to_owned())
        };
        ConventionError::Two {
            path: self.said.path.to_path_buf(),
            key: key.to_owned(),
            first: first.convention,
            first_by: by(first),
            second: second.convention,
            second_by: by(second),
        }
        .into()
    }

    /// The error for an entry that does not fit to another.
    pub(super) fn mismatch(
        &self,
        convention: Convention,
        entry: Named<'_>,
        beside: Named<'_>,
        expected: impl Into<String>,
    ) -> Stop {
        let shown = |Named { key, info }: Named<'_>| {
            Box::new(Entry {
                key: key.to_owned(),
                dtype: info.dtype,
                shape: info.shape.to_vec(),
            })
        };
        ConventionError::Mismatch {
            path: self.said.path.to_path_buf(),
            convention,
            entry: shown(entry),
            beside: shown(beside),
            expected: expected.into(),
        }
        .into()
    }

    /// The error for a description that is none.
    pub(super) fn description(&self, key: &str, fault: impl Into<String>) -> Stop {
        ConventionError::Description {
            path: self.said.path.to_path_buf(),
            key: key.to_owned(),
            fault: fault.into(),
        }
        .into()
    }

    /// The error for codes of a known convention in a form that is not read.
    pub(super) fn undecoded(&self, key: &str, what: &str, by: &str) -> Stop {
        let info = &self.tensors[key];
        ConventionError::from(Box::new(Undecoded {
            path: self.said.path.display().to_string(),
            key: key.to_owned(),
            dtype: info.dtype,
            shape: info.shape.to_vec(),
            convention: what.to_owned(),
            because: match by == key {
                true => String::new(),
                false => format!(", as `{by}` shows"),
            },
            way: "take the f16 or bf16 model that it was made from",
        }))
        .into()
    }

    /// Checks that the settings beside the file name one of these methods, or none.
    pub(super) fn agree(
        &self,
        key: &str,
        convention: Convention,
        methods: &[&str],
    ) -> Result<(), Stop> {
        let Some(settings) = self.settings(key) else {
            return Ok(());
        };
        match &settings.method {
            Some(method) if !methods.contains(&method.to_ascii_lowercase().as_str()) => {
                Err(ConventionError::Settings {
                    path: self.said.path.to_path_buf(),
                    key: key.to_owned(),
                    convention,
                    source_file: settings.source,
                    method: method.clone(),
                }
                .into())
            }
            _ => Ok(()),
        }
    }
}

/// A tensor as most are: seen as it is stored, with nothing said of it besides.
pub(super) fn coded(
    convention: Convention,
    format: Format,
    shape: &[u64],
    parts: &[&str],
    beside: Vec<String>,
) -> Coded {
    Coded {
        format,
        shape: shape.into(),
        padded: false,
        parts: parts.iter().map(|&key| key.to_owned()).collect(),
        beside,
        transposed: false,
        convention,
        described: Described::Nothing,
    }
}
