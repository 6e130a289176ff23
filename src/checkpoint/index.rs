//! The index of a sharded checkpoint (`model.safetensors.index.json`).
//!
//! The index says which shard holds which tensor. It is believed only as far as the shards agree:
//! every key must be where the index puts it, and no shard may hold a key the index does not know.

use std::collections::{BTreeSet, HashSet};
use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};

use indexmap::{IndexMap, IndexSet};
use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, Visitor};

use super::file::{broken_link, link_target};
use super::header::HEADER_BYTES_MAX;
use super::tensor::TensorInfo;

/// What can be wrong with an index or between it and its shards.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IndexError {
    /// The system does not read it.
    #[error("{index}: cannot be read: {fault}")]
    Read {
        /// The index.
        index: PathBuf,
        /// The system's error.
        fault: io::Error,
    },
    /// It is a device, a pipe or a socket.
    #[error("{index}: is not a regular file, so it is no index; remove it")]
    NotRegular {
        /// The index.
        index: PathBuf,
    },
    /// It is a link that leads nowhere.
    #[error("{index}: {}", broken_link(target))]
    BrokenLink {
        /// The index.
        index: PathBuf,
        /// What it should lead to.
        target: PathBuf,
    },
    /// It is longer than any index can be.
    #[error("{index}: has more than {HEADER_BYTES_MAX} bytes; it is no index of weights")]
    TooLong {
        /// The index.
        index: PathBuf,
    },
    /// It is not JSON with a `weight_map`.
    #[error("{index}: is not an index with a `weight_map`: {fault}; download it again")]
    Malformed {
        /// The index.
        index: PathBuf,
        /// What was found and what was expected.
        fault: String,
    },
    /// Its `weight_map` has one tensor twice.
    #[error("{index}: `weight_map` has the key `{key}` twice; download it again")]
    DuplicateKey {
        /// The index.
        index: PathBuf,
        /// The repeated key.
        key: String,
    },
    /// It names a shard that is no file name.
    #[error(
        "{index}: tensor `{key}` is put into `{shard}`, which is not a file name in the folder"
    )]
    BadShardName {
        /// The index.
        index: PathBuf,
        /// The tensor.
        key: String,
        /// The name of the shard.
        shard: String,
    },
    /// A shard is not in the folder.
    #[error("{index}: the shard `{shard}` is not in the folder; download it")]
    MissingShard {
        /// The index.
        index: PathBuf,
        /// The name of the shard.
        shard: String,
    },
    /// A tensor is not in the shard that should hold it.
    #[error(
        "{index}: puts tensor `{key}` into `{shard}`, which does not hold it; download both again"
    )]
    MissingKey {
        /// The index.
        index: PathBuf,
        /// The tensor.
        key: String,
        /// The shard that should hold it.
        shard: String,
    },
    /// A tensor is in another shard than the index says.
    #[error(
        "{index}: puts tensor `{key}` into `{expected}`, but `{actual}` holds it; download the \
         shards again"
    )]
    WrongShard {
        /// The index.
        index: PathBuf,
        /// The tensor.
        key: String,
        /// The shard the index names.
        expected: String,
        /// The shard that holds the tensor.
        actual: String,
    },
    /// A shard holds a tensor that the index does not know.
    #[error("{index}: does not name tensor `{key}`, which `{shard}` holds; download both again")]
    UnlistedKey {
        /// The index.
        index: PathBuf,
        /// The tensor.
        key: String,
        /// The shard that holds it.
        shard: String,
    },
}

/// Which shard holds which tensor.
pub(super) struct ShardIndex {
    path: PathBuf,
    map: WeightMap,
    /// How many tensors each shard has.
    counts: Vec<usize>,
}

/// The shards of tensors, by number: a name of a shard is held once.
#[derive(Default)]
struct WeightMap {
    tensors: IndexMap<String, u32>,
    shards: IndexSet<String>,
}

impl ShardIndex {
    /// Where it was read.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Reads the index at `path`.
    pub(super) fn open(path: &Path) -> Result<ShardIndex, IndexError> {
        let index = || path.to_path_buf();
        let json = read(path)?;
        let mut repeated = None;
        let mut reader = serde_json::Deserializer::from_slice(&json);
        let map = IndexSeed {
            repeated: &mut repeated,
        }
        .deserialize(&mut reader)
        .and_then(|map| reader.end().map(|()| map));
        if let Some(key) = repeated {
            return Err(IndexError::DuplicateKey {
                index: index(),
                key,
            });
        }
        let map = map.map_err(|fault| IndexError::Malformed {
            index: index(),
            fault: fault.to_string(),
        })?;
        let mut counts = vec![0; map.shards.len()];
        for (key, &shard) in &map.tensors {
            let count = &mut counts[shard as usize];
            *count += 1;
            let shard = &map.shards[shard as usize];
            if *count == 1 && !is_file_name(shard) {
                let (key, shard) = (key.clone(), shard.clone());
                return Err(IndexError::BadShardName {
                    index: index(),
                    key,
                    shard,
                });
            }
        }
        Ok(ShardIndex {
            path: index(),
            map,
            counts,
        })
    }

    /// The names of the shards, sorted.
    pub(super) fn shards(&self) -> impl Iterator<Item = &str> {
        let names: BTreeSet<&str> = self.map.shards.iter().map(String::as_str).collect();
        names.into_iter()
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

    /// Checks that `shard` holds the tensors the index puts there, and no other.
    pub(super) fn check_shard(
        &self,
        shard: &str,
        tensors: &[(String, TensorInfo)],
    ) -> Result<(), IndexError> {
        let index = || self.path.clone();
        let own = self.map.shards.get_index_of(shard);
        for (key, _) in tensors {
            match self.map.tensors.get(key) {
                Some(&number) if Some(number as usize) == own => {}
                Some(&number) => {
                    let expected = self.map.shards[number as usize].clone();
                    let (key, actual) = (key.clone(), shard.into());
                    return Err(IndexError::WrongShard {
                        index: index(),
                        key,
                        expected,
                        actual,
                    });
                }
                None => {
                    let (key, shard) = (key.clone(), shard.into());
                    return Err(IndexError::UnlistedKey {
                        index: index(),
                        key,
                        shard,
                    });
                }
            }
        }
        // All are the index's, so that as many are all of them.
        if own.is_none_or(|own| self.counts[own] == tensors.len()) {
            return Ok(());
        }
        let there: HashSet<&String> = tensors.iter().map(|(key, _)| key).collect();
        let mut listed = self.map.tensors.iter();
        let missing =
            listed.find(|&(key, &number)| Some(number as usize) == own && !there.contains(key));
        match missing {
            None => Ok(()),
            Some((key, _)) => {
                let (key, shard) = (key.clone(), shard.into());
                Err(IndexError::MissingKey {
                    index: index(),
                    key,
                    shard,
                })
            }
        }
    }
}

/// The text of an index. It is looked up before it is opened, because opening a pipe would wait for
/// its writer.
fn read(path: &Path) -> Result<Vec<u8>, IndexError> {
    let index = path.to_path_buf();
    match std::fs::metadata(path) {
        Ok(metadata) if !metadata.is_file() => return Err(IndexError::NotRegular { index }),
        Ok(metadata) if metadata.len() > HEADER_BYTES_MAX => {
            return Err(IndexError::TooLong { index });
        }
        Ok(_) => {}
        Err(fault) => {
            return Err(match link_target(path) {
                Some(target) if fault.kind() == io::ErrorKind::NotFound => {
                    IndexError::BrokenLink { index, target }
                }
                _ => IndexError::Read { index, fault },
            });
        }
    }
    let mut json = Vec::new();
    let read =
        File::open(path).and_then(|file| file.take(HEADER_BYTES_MAX + 1).read_to_end(&mut json));
    match read {
        Err(fault) => Err(IndexError::Read { index, fault }),
        Ok(_) if json.len() as u64 > HEADER_BYTES_MAX => Err(IndexError::TooLong { index }),
        Ok(_) => Ok(json),
    }
}

/// Whether `name` is a plain name, so that an index cannot lead out of its folder.
fn is_file_name(name: &str) -> bool {
    let mut components = Path::new(name).components();
    let first = components.next();
    matches!(first, Some(Component::Normal(part)) if part == name) && components.next().is_none()
}

/// Reads the `weight_map` out of an index and passes over everything else. Stops at the second of
/// two equal keys and leaves it in `repeated`.
struct IndexSeed<'a> {
    repeated: &'a mut Option<String>,
}

impl<'de> DeserializeSeed<'de> for IndexSeed<'_> {
    type Value = WeightMap;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Self::Value, D::Error> {
        json.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for IndexSeed<'_> {
    type Value = WeightMap;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map with `weight_map`")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut weight_map = None;
        while let Some(field) = map.next_key::<String>()? {
            if field != "weight_map" {
                map.next_value::<IgnoredAny>()?;
                continue;
            }
            let read = map.next_value_seed(WeightMapSeed {
                repeated: &mut *self.repeated,
            })?;
            if weight_map.replace(read).is_some() {
                return Err(A::Error::duplicate_field("weight_map"));
            }
        }
        weight_map.ok_or_else(|| A::Error::missing_field("weight_map"))
    }
}

/// Reads the `weight_map` itself.
struct WeightMapSeed<'a> {
    repeated: &'a mut Option<String>,
}

impl<'de> DeserializeSeed<'de> for WeightMapSeed<'_> {
    type Value = WeightMap;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Self::Value, D::Error> {
        json.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for WeightMapSeed<'_> {
    type Value = WeightMap;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map from text to text")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut read = WeightMap::default();
        while let Some((key, shard)) = map.next_entry::<String, String>()? {
            let known = read.shards.get_index_of(&shard);
            let number = known.unwrap_or_else(|| read.shards.insert_full(shard).0);
            // An index is short enough that its shards can be counted in 32 bits.
            if read.tensors.contains_key(&key) {
                *self.repeated = Some(key);
                return Err(A::Error::custom("stopped at a repeated key"));
            }
            read.tensors.insert(key, number as u32);
        }
        Ok(read)
    }
}
