//! The index of a sharded checkpoint (`model.safetensors.index.json`).
//!
//! The index says which shard holds which tensor. It is believed only as far as the shards agree:
//! every key must be where the index puts it, and no shard may hold a key the index does not know.
//! It is read twice, for the shards and for the keys once those of the shards are known: a map of
//! its own would take as much memory as all headers.

use std::collections::BTreeSet;
use std::fmt;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::ops::Range;
use std::path::{Component, Path, PathBuf};

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, Visitor};

use super::file::link_target;
use super::header::HEADER_BYTES_MAX;
use super::index_error::IndexError;
use super::tensor::Tensors;

/// Which shard holds which tensor.
pub(super) struct ShardIndex {
    path: PathBuf,
    shards: BTreeSet<String>,
}

impl ShardIndex {
    /// Where it was read.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Reads the index at `path`.
    pub(super) fn open(path: &Path) -> Result<ShardIndex, IndexError> {
        let mut shards = BTreeSet::new();
        let mut bad = None;
        read(path, &mut |key, shard| {
            if !shards.contains(shard) {
                if bad.is_none() && !is_file_name(shard) {
                    bad = Some((key.to_owned(), shard.to_owned()));
                }
                shards.insert(shard.to_owned());
            }
            Ok(())
        })?;
        let path = path.to_path_buf();
        match bad {
            Some((key, shard)) => Err(IndexError::BadShardName {
                index: path,
                key,
                shard,
            }),
            None => Ok(ShardIndex { path, shards }),
        }
    }

    /// The names of the shards, sorted.
    pub(super) fn shards(&self) -> impl Iterator<Item = &str> {
        self.shards.iter().map(String::as_str)
    }

    /// Checks that every shard is among the files of the folder.
    pub(super) fn check_present(&self, is_there: impl Fn(&str) -> bool) -> Result<(), IndexError> {
        match self.shards().find(|shard| !is_there(shard)) {
            None => Ok(()),
            Some(shard) => Err(IndexError::MissingShard {
                index: self.path.clone(),
                shard: shard.into(),
            }),
        }
    }

    /// Checks that the shards hold the tensors that the index puts there, and no other. `own` are
    /// the numbers of their tensors, whose names the index has without `component`; `shard` names
    /// the shard of a file's number.
    pub(super) fn check<'n>(
        &self,
        tensors: &Tensors,
        own: Range<usize>,
        component: Option<&str>,
        shard: impl Fn(usize) -> &'n str,
    ) -> Result<(), IndexError> {
        let mut listed = vec![false; own.len()];
        let mut name = String::new();
        read(&self.path, &mut |key, expected| {
            name.clear();
            name.extend(component.into_iter().flat_map(|component| [component, "/"]));
            name.push_str(key);
            let index = || self.path.clone();
            let found = tensors.get_full(&name);
            match found.filter(|(number, ..)| own.contains(number)) {
                None => Err(IndexError::MissingKey {
                    index: index(),
                    key: key.to_owned(),
                    shard: expected.to_owned(),
                }),
                Some((number, ..)) if std::mem::replace(&mut listed[number - own.start], true) => {
                    Err(IndexError::DuplicateKey {
                        index: index(),
                        key: key.to_owned(),
                    })
                }
                Some((_, _, info)) if shard(info.file) != expected => Err(IndexError::WrongShard {
                    index: index(),
                    key: key.to_owned(),
                    expected: expected.to_owned(),
                    actual: shard(info.file).to_owned(),
                }),
                Some(_) => Ok(()),
            }
        })?;
        let mut unlisted = own.zip(listed).filter(|(_, listed)| !listed);
        let unlisted = unlisted.find_map(|(number, _)| tensors.get_index(number));
        match unlisted {
            None => Ok(()),
            Some((name, info)) => Err(IndexError::UnlistedKey {
                index: self.path.clone(),
                key: name[component.map_or(0, |component| component.len() + 1)..].to_owned(),
                shard: shard(info.file).to_owned(),
            }),
        }
    }

    /// The error about a tensor that two shards hold.
    pub(super) fn two_shards(&self, key: String, first: &Path, second: &Path) -> IndexError {
        let name = |path: &Path| path.file_name().unwrap_or_default().display().to_string();
        IndexError::TwoShards {
            index: self.path.clone(),
            key,
            first: name(first),
            second: name(second),
        }
    }
}

/// What is done with a tensor and its shard.
type Take<'t> = &'t mut dyn FnMut(&str, &str) -> Result<(), IndexError>;

/// Hands each tensor with its shard to `take`, in the order of the index.
fn read(path: &Path, take: Take<'_>) -> Result<(), IndexError> {
    let text = BufReader::new(text(path)?);
    let mut fault = None;
    let mut reader = serde_json::Deserializer::from_reader(text);
    let seed = IndexSeed {
        take,
        fault: &mut fault,
    };
    let read = seed.deserialize(&mut reader).and_then(|()| reader.end());
    match (fault, read) {
        (Some(fault), _) => Err(fault),
        (None, Ok(())) => Ok(()),
        (None, Err(error)) if error.is_io() => Err(IndexError::Read {
            index: path.into(),
            fault: error.into(),
        }),
        (None, Err(error)) => Err(IndexError::Malformed {
            index: path.into(),
            fault: error.to_string(),
        }),
    }
}

/// The text of an index. It is looked up before it is opened, because opening a pipe would wait for
/// its writer, and read as far as it is long: what the system makes while it is read has no length.
fn text(path: &Path) -> Result<impl Read, IndexError> {
    let index = path.to_path_buf();
    let bytes = match std::fs::metadata(path) {
        Ok(metadata) if !metadata.is_file() => return Err(IndexError::NotRegular { index }),
        Ok(metadata) if metadata.len() > HEADER_BYTES_MAX => {
            return Err(IndexError::TooLong { index });
        }
        Ok(metadata) => metadata.len(),
        Err(fault) => {
            return Err(match link_target(path) {
                Some(target) if fault.kind() == io::ErrorKind::NotFound => {
                    IndexError::BrokenLink { index, target }
                }
                _ => IndexError::Read { index, fault },
            });
        }
    };
    match File::open(path) {
        Ok(file) => Ok(file.take(bytes)),
        Err(fault) => Err(IndexError::Read { index, fault }),
    }
}

/// Whether `name` is a plain name, so that an index cannot lead out of its folder.
fn is_file_name(name: &str) -> bool {
    let mut components = Path::new(name).components();
    let first = components.next();
    matches!(first, Some(Component::Normal(part)) if part == name) && components.next().is_none()
}

/// Reads the `weight_map` out of an index and passes over everything else. Stops at a tensor that
/// is not taken and leaves the reason in `fault`.
struct IndexSeed<'a, 't> {
    take: Take<'t>,
    fault: &'a mut Option<IndexError>,
}

impl<'de> DeserializeSeed<'de> for IndexSeed<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for IndexSeed<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map with `weight_map`")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut is_read = false;
        while let Some(field) = map.next_key::<String>()? {
            if field != "weight_map" {
                map.next_value::<IgnoredAny>()?;
                continue;
            }
            map.next_value_seed(WeightMapSeed(IndexSeed {
                take: &mut *self.take,
                fault: &mut *self.fault,
            }))?;
            if std::mem::replace(&mut is_read, true) {
                return Err(A::Error::duplicate_field("weight_map"));
            }
        }
        match is_read {
            true => Ok(()),
            false => Err(A::Error::missing_field("weight_map")),
        }
    }
}

/// Reads the `weight_map` itself.
struct WeightMapSeed<'a, 't>(IndexSeed<'a, 't>);

impl<'de> DeserializeSeed<'de> for WeightMapSeed<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for WeightMapSeed<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map from text to text")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let IndexSeed { take, fault } = self.0;
        let (mut key, mut shard) = (String::new(), String::new());
        while map.next_key_seed(TextSeed(&mut key))?.is_some() {
            map.next_value_seed(TextSeed(&mut shard))?;
            if let Err(found) = take(&key, &shard) {
                *fault = Some(found);
                return Err(A::Error::custom("stopped at a named fault"));
            }
        }
        Ok(())
    }
}

/// Reads a text into memory that the one before lay in.
struct TextSeed<'a>(&'a mut String);

impl<'de> DeserializeSeed<'de> for TextSeed<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        Deserialize::deserialize_in_place(json, self.0)
    }
}
