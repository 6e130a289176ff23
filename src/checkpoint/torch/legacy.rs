//! The format before torch 1.6: pickles one after the other, then the storages.
//!
//! A magic number, the protocol, facts about the machine, the object, the keys of its storages, and
//! for each of them its number of elements and its bytes.

use std::ops::Range;

use indexmap::IndexMap;

use super::fault::{Stop, TorchError};
use super::input::Input;
use super::pickle::{self, Pickle};
use super::value::{Heap, Value};
use crate::checkpoint::file::WeightFile;

/// The only protocol that there was.
const PROTOCOL: i64 = 1001;
/// Bytes of the number of elements in front of a storage.
const COUNT_BYTES: u64 = 8;

/// An opened file.
pub(super) struct Legacy {
    pub(super) pickle: Pickle,
    storages: IndexMap<String, Range<u64>>,
}

/// Reads the pickles of a file from its beginning on.
struct Pickles<'f> {
    file: &'f WeightFile,
    at: u64,
}

impl Pickles<'_> {
    fn next(&mut self) -> Result<Pickle, Stop> {
        let pickle = pickle::run(Input::new(self.file, self.at, self.file.len - self.at))?;
        self.at += pickle.len;
        Ok(pickle)
    }
}

impl Legacy {
    pub(super) fn open(file: &WeightFile) -> Result<Legacy, Stop> {
        let mut pickles = Pickles { file, at: 0 };
        if !matches!(pickles.next()?.root, Value::Magic) {
            return Err(not_torch("its first object is not the magic number"));
        }
        if !matches!(pickles.next()?.root, Value::Int(PROTOCOL)) {
            return Err(not_torch("its protocol is not 1001"));
        }
        check_machine(&pickles.next()?)?;
        let pickle = pickles.next()?;
        let keys = pickles.next()?;
        let Value::List(list) = keys.root else {
            return Err(not_torch("the keys of its storages are no list"));
        };
        let bytes = element_bytes(&pickle.heap);
        let mut storages = IndexMap::new();
        let mut at = pickles.at;
        for key in keys.heap.sequence(Value::List(list)).unwrap_or_default() {
            let Some(key) = keys.heap.as_text(*key) else {
                return Err(not_torch("the key of a storage is no text"));
            };
            let Some(bytes) = bytes.get(key) else {
                return Err(not_torch("a storage belongs to no tensor"));
            };
            let mut count = [0; COUNT_BYTES as usize];
            let begin = at + COUNT_BYTES;
            if begin > file.len {
                return Err(truncated(key, COUNT_BYTES, file.len - at));
            }
            file.read_at(at, &mut count)?;
            let needed = u64::from_le_bytes(count).saturating_mul(*bytes);
            if needed > file.len - begin {
                return Err(truncated(key, needed, file.len - begin));
            }
            at = begin + needed;
            if storages.insert(key.to_owned(), begin..at).is_some() {
                return Err(not_torch("a storage is there twice"));
            }
        }
        Ok(Legacy { pickle, storages })
    }

    /// The bytes of a storage.
    pub(super) fn storage(&self, key: &str) -> Option<Range<u64>> {
        self.storages.get(key).cloned()
    }
}

/// Bytes of an element of each storage, by its key.
fn element_bytes(heap: &Heap) -> IndexMap<&str, u64> {
    let storages = heap.storages().iter();
    storages
        .map(|storage| (heap.text(storage.key), storage.element.bytes))
        .collect()
}

/// Checks the facts about the machine that wrote the file.
fn check_machine(facts: &Pickle) -> Result<(), Stop> {
    let Value::Dict(dict) = facts.root else {
        return Err(not_torch("the facts about its machine are no dict"));
    };
    let mut entries = facts.heap.dict(dict).iter();
    let order = entries.find(|entry| facts.heap.as_text(entry.key) == Some("little_endian"));
    match order.map(|entry| entry.value) {
        Some(Value::Bool(false)) => Err(TorchError::ByteOrder {
            order: "big".to_owned(),
        }
        .into()),
        _ => Ok(()),
    }
}

fn not_torch(fault: &str) -> Stop {
    TorchError::NotTorch {
        fault: fault.to_owned(),
    }
    .into()
}

fn truncated(key: &str, needed: u64, there: u64) -> Stop {
    let storage = key.to_owned();
    TorchError::StorageBeyondFile {
        storage,
        needed,
        there,
    }
    .into()
}
