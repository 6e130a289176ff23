//! What a pickle makes: numbers, texts, containers and tensors.
//!
//! A value is a number or a place in the [`Heap`], so that copies cost nothing, a dict may hold
//! itself, and what is held is counted: [`HELD_BYTES_MAX`] and [`TENSOR_BYTES`] for each tensor at
//! most, before it is allocated.

use super::super::header::TENSORS_MAX;
use super::super::shape::Shape;
use super::super::tensor::heap_bytes;
use super::element::Element;
use super::fault::TorchError;
use super::global::Global;

/// The most bytes of a pickle's values beside those of its tensors.
const HELD_BYTES_MAX: usize = 8 << 20;
/// The most bytes of the values for each tensor: a parameter of four dimensions with a name of 200
/// bytes takes 1300.
const TENSOR_BYTES: usize = 1536;
/// Bytes of a list or dict beside its values: its place, and a piece of memory.
const CONTAINER_BYTES: usize = 32;
/// Bytes that the place of a storage takes, with what is looked up for it in the file.
const STORAGE_BYTES: usize = size_of::<Storage>() + 200;

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
    /// A text that is too long to be kept, of so many bytes.
    LongText(u32),
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

// Places in the heap are numbered with 32 bits, and each takes a byte or more of what is held.
const _: () = assert!(HELD_BYTES_MAX + TENSORS_MAX * TENSOR_BYTES < u32::MAX as usize);

/// The number of the last of some things.
fn last<T>(things: &[T]) -> u32 {
    things.len() as u32 - 1
}

/// All that a pickle has made.
#[derive(Debug, Default)]
pub(super) struct Heap {
    text: String,
    /// The values of all tuples.
    values: Vec<Value>,
    /// Where each has its own.
    tuples: Vec<(u32, u32)>,
    lists: Vec<Vec<Value>>,
    dicts: Vec<Vec<Entry>>,
    storages: Vec<Storage>,
    tensors: Vec<Tensor>,
    /// Bytes so far, with what the machine holds.
    held: usize,
}

impl Heap {
    /// Counts bytes that are about to be held.
    pub(super) fn hold(&mut self, bytes: usize) -> Result<(), TorchError> {
        let tensors = self.tensors.len();
        let max = HELD_BYTES_MAX + TENSOR_BYTES * tensors;
        self.held = self.held.saturating_add(bytes);
        match self.held > max {
            true => Err(TorchError::TooMuch { max, tensors }),
            false => Ok(()),
        }
    }

    pub(super) fn add_text(&mut self, text: &str) -> Result<Value, TorchError> {
        self.hold(text.len())?;
        // All that is held is less than 32 bits count.
        let start = self.text.len() as u32;
        self.text.push_str(text);
        Ok(Value::Text(Text {
            start,
            len: text.len() as u32,
        }))
    }

    pub(super) fn add_tuple(&mut self, values: &[Value]) -> Result<Value, TorchError> {
        let place = (self.values.len() as u32, values.len() as u32);
        self.hold(size_of_val(&place) + size_of_val(values))?;
        self.values.extend_from_slice(values);
        self.tuples.push(place);
        Ok(Value::Tuple(last(&self.tuples)))
    }

    pub(super) fn add_list(&mut self, values: &[Value]) -> Result<Value, TorchError> {
        self.hold(CONTAINER_BYTES)?;
        self.lists.push(Vec::new());
        let number = last(&self.lists);
        self.extend_list(number, values)?;
        Ok(Value::List(number))
    }

    /// Adds a list of the elements of a tuple or a list; an empty one for anything else.
    pub(super) fn add_list_like(&mut self, other: Value) -> Result<Value, TorchError> {
        let elements = self.sequence(other).map_or(0, <[Value]>::len);
        self.hold(CONTAINER_BYTES + grown::<Value>(0, 0, elements).1)?;
        let list = self.sequence(other).unwrap_or_default().to_vec();
        self.lists.push(list);
        Ok(Value::List(last(&self.lists)))
    }

    /// Adds a dict of keys and values in turn.
    pub(super) fn add_dict(&mut self, pairs: &[[Value; 2]]) -> Result<Value, TorchError> {
        self.hold(CONTAINER_BYTES)?;
        self.dicts.push(Vec::new());
        let number = last(&self.dicts);
        self.extend_dict(number, pairs)?;
        Ok(Value::Dict(number))
    }

    /// Adds a dict with the entries of another.
    pub(super) fn add_dict_like(&mut self, other: u32) -> Result<Value, TorchError> {
        let entries = self.dict(other).len();
        self.hold(CONTAINER_BYTES + grown::<Entry>(0, 0, entries).1)?;
        self.dicts.push(self.dict(other).to_vec());
        Ok(Value::Dict(last(&self.dicts)))
    }

    pub(super) fn add_storage(&mut self, storage: Storage) -> Result<Value, TorchError> {
        self.hold(STORAGE_BYTES)?;
        self.storages.push(storage);
        Ok(Value::Storage(last(&self.storages)))
    }

    pub(super) fn add_tensor(&mut self, tensor: Tensor) -> Result<Value, TorchError> {
        if self.tensors.len() == TENSORS_MAX {
            return Err(TorchError::TooMany {
                max: TENSORS_MAX,
                what: "tensors",
            });
        }
        self.hold(size_of::<Tensor>())?;
        for numbers in [&tensor.shape, &tensor.strides] {
            if numbers.spilled() {
                self.hold(heap_bytes(size_of_val(numbers.as_slice())) as usize)?;
            }
        }
        self.tensors.push(tensor);
        Ok(Value::Tensor(last(&self.tensors)))
    }

    pub(super) fn extend_list(&mut self, number: u32, values: &[Value]) -> Result<(), TorchError> {
        let list = &self.lists[number as usize];
        let (more, bytes) = grown::<Value>(list.len(), list.capacity(), values.len());
        self.hold(bytes)?;
        let list = &mut self.lists[number as usize];
        list.reserve_exact(more);
        list.extend_from_slice(values);
        Ok(())
    }

    pub(super) fn extend_dict(
        &mut self,
        number: u32,
        pairs: &[[Value; 2]],
    ) -> Result<(), TorchError> {
        let dict = &self.dicts[number as usize];
        let (more, bytes) = grown::<Entry>(dict.len(), dict.capacity(), pairs.len());
        self.hold(bytes)?;
        let dict = &mut self.dicts[number as usize];
        dict.reserve_exact(more);
        dict.extend(pairs.iter().map(|&[key, value]| Entry { key, value }));
        Ok(())
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
        let (start, len) = self.tuples[number as usize];
        &self.values[start as usize..][..len as usize]
    }

    pub(super) fn dict(&self, number: u32) -> &[Entry] {
        &self.dicts[number as usize]
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

/// For how many values behind its last a list gets room so that `more` fit, and how many bytes it
/// takes more then. It grows by a quarter, as most of it may stay empty.
fn grown<T>(len: usize, capacity: usize, more: usize) -> (usize, usize) {
    if len + more <= capacity {
        return (0, 0);
    }
    let wanted = (len + more).max(capacity + capacity / 4);
    let bytes = |count: usize| heap_bytes(count * size_of::<T>()) as usize;
    (wanted - len, bytes(wanted) - bytes(capacity))
}
