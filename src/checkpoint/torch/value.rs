//! What a pickle makes: numbers, texts, containers and tensors.
//!
//! A value is a number or a place in the [`Heap`], so that copies cost nothing, a dict may hold
//! itself, and what is held is counted.

use super::super::tensor::Shape;
use super::element::Element;
use super::fault::TorchError;
use super::global::Global;
use super::input::PICKLE_BYTES_MAX;

/// The most values of one pickle, containers' entries and copies included.
const VALUES_MAX: usize = 10_000_000;
/// The most tensors of one pickle, those of optimizers included.
const TENSORS_MAX: usize = 1_000_000;

/// A value of a pickle. Numbers are places in the lists of the heap.
#[derive(Clone, Copy, Debug)]
pub(super) enum Value {
    /// None.
    None,
    /// Yes or no.
    Bool(bool),
    /// A number of at most 64 bits.
    Int(i64),
    /// The number that begins the format before the archives.
    Magic,
    /// A text.
    Text(Text),
    /// A tuple.
    Tuple(u32),
    /// A list or a set.
    List(u32),
    /// A dict of any kind.
    Dict(u32),
    /// A name of the table.
    Global(Global),
    /// A storage of tensors.
    Storage(u32),
    /// A tensor.
    Tensor(u32),
    /// What weights do not need: a float, bytes, a device.
    Other,
}

/// A place in the heap's text.
#[derive(Clone, Copy, Debug)]
pub(super) struct Text {
    start: u32,
    len: u32,
}

/// Bytes of a file that tensors share.
#[derive(Clone, Copy, Debug)]
pub(super) struct Storage {
    /// Which bytes.
    pub(super) key: Text,
    /// What they are.
    pub(super) element: &'static Element,
    /// Of which it has so many.
    pub(super) elements: u64,
    /// Where a storage begins that is a part of the bytes, in elements.
    pub(super) begin: u64,
}

/// A tensor, as it sees its storage.
#[derive(Clone, Debug)]
pub(super) struct Tensor {
    /// The storage, by its place in the heap.
    pub(super) storage: u32,
    /// What it is made of.
    pub(super) element: &'static Element,
    /// Its first element.
    pub(super) offset: u64,
    /// Its dimensions.
    pub(super) shape: Shape,
    /// How many elements lie from one to the next of each dimension.
    pub(super) strides: Shape,
}

/// An entry of a dict.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    pub(super) key: Value,
    pub(super) value: Value,
}

// Places in the heap are numbered with 32 bits.
const _: () = assert!(PICKLE_BYTES_MAX < u32::MAX as usize);

/// The number of the last of some things: each was made by an instruction of its own, of a byte or
/// more.
fn last<T>(things: &[T]) -> u32 {
    things.len() as u32 - 1
}

/// All that a pickle has made.
#[derive(Debug, Default)]
pub(super) struct Heap {
    text: String,
    tuples: Vec<Box<[Value]>>,
    lists: Vec<Vec<Value>>,
    dicts: Vec<Vec<Entry>>,
    storages: Vec<Storage>,
    tensors: Vec<Tensor>,
    /// Values so far.
    count: usize,
}

impl Heap {
    /// Counts values that are about to be kept.
    pub(super) fn count(&mut self, values: usize) -> Result<(), TorchError> {
        self.count = self.count.saturating_add(values);
        match self.count > VALUES_MAX {
            true => Err(TorchError::TooMany {
                max: VALUES_MAX,
                what: "values",
            }),
            false => Ok(()),
        }
    }

    pub(super) fn add_text(&mut self, text: &str) -> Value {
        // The texts are bytes of the pickle.
        let start = self.text.len() as u32;
        self.text.push_str(text);
        Value::Text(Text {
            start,
            len: text.len() as u32,
        })
    }

    pub(super) fn add_tuple(&mut self, values: Vec<Value>) -> Value {
        self.tuples.push(values.into());
        Value::Tuple(last(&self.tuples))
    }

    pub(super) fn add_list(&mut self, values: Vec<Value>) -> Value {
        self.lists.push(values);
        Value::List(last(&self.lists))
    }

    pub(super) fn add_dict(&mut self, entries: Vec<Entry>) -> Value {
        self.dicts.push(entries);
        Value::Dict(last(&self.dicts))
    }

    pub(super) fn add_storage(&mut self, storage: Storage) -> Value {
        self.storages.push(storage);
        Value::Storage(last(&self.storages))
    }

    pub(super) fn add_tensor(&mut self, tensor: Tensor) -> Result<Value, TorchError> {
        if self.tensors.len() == TENSORS_MAX {
            return Err(TorchError::TooMany {
                max: TENSORS_MAX,
                what: "tensors",
            });
        }
        self.tensors.push(tensor);
        Ok(Value::Tensor(last(&self.tensors)))
    }

    pub(super) fn text(&self, text: Text) -> &str {
        &self.text[text.start as usize..][..text.len as usize]
    }

    /// The text that a value is.
    pub(super) fn as_text(&self, value: Value) -> Option<&str> {
        match value {
            Value::Text(text) => Some(self.text(text)),
            _ => None,
        }
    }

    pub(super) fn storage(&self, number: u32) -> &Storage {
        &self.storages[number as usize]
    }

    pub(super) fn storages(&self) -> &[Storage] {
        &self.storages
    }

    pub(super) fn tensor(&self, number: u32) -> &Tensor {
        &self.tensors[number as usize]
    }

    pub(super) fn tuple(&self, number: u32) -> &[Value] {
        &self.tuples[number as usize]
    }

    pub(super) fn dict(&self, number: u32) -> &[Entry] {
        &self.dicts[number as usize]
    }

    pub(super) fn dict_mut(&mut self, number: u32) -> &mut Vec<Entry> {
        &mut self.dicts[number as usize]
    }

    pub(super) fn list_mut(&mut self, number: u32) -> &mut Vec<Value> {
        &mut self.lists[number as usize]
    }

    /// The elements of a tuple or a list.
    pub(super) fn sequence(&self, value: Value) -> Option<&[Value]> {
        match value {
            Value::Tuple(number) => Some(self.tuple(number)),
            Value::List(number) => Some(&self.lists[number as usize]),
            _ => None,
        }
    }

    /// The values in a container, keys included; nothing for anything else.
    pub(super) fn children(&self, value: Value) -> impl Iterator<Item = Value> {
        let entries: &[Entry] = match value {
            Value::Dict(number) => self.dict(number),
            _ => &[],
        };
        let elements = self.sequence(value).unwrap_or_default();
        let entries = entries.iter().flat_map(|entry| [entry.key, entry.value]);
        elements.iter().copied().chain(entries)
    }
}
