//! What a checkpoint knows of a tensor.

use std::ops::Range;
use std::sync::Arc;

use indexmap::IndexMap;

use super::coding::Coding;
use super::shape::Shape;
use super::strided::Axes;
use crate::dtype::DType;

/// Tensors by name, in file order.
pub type Tensors = IndexMap<String, TensorInfo, foldhash::fast::RandomState>;

/// Where a tensor is and what it is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TensorInfo {
    /// The type of its elements.
    pub dtype: DType,
    /// Its dimensions; empty for a scalar.
    pub shape: Shape,
    /// The file that holds it, as an index into [`Checkpoint::files`](super::Checkpoint::files).
    pub file: usize,
    /// The bytes from its first to its last, counted from the start of that file.
    pub span: Range<u64>,
    /// How many elements lie from one to the next of each dimension, where they do not lie one
    /// after the other.
    pub strides: Option<Box<[u64]>>,
    /// Where it is stored as codes, how. It is seen as f32 then, and its span is that of its codes.
    pub coding: Option<Arc<Coding>>,
}

impl TensorInfo {
    /// The number of its elements; 1 for a scalar.
    pub fn elements(&self) -> u64 {
        // The product was checked when the header was read.
        self.shape.iter().product()
    }

    /// The number of its bytes. In the file it may take fewer, or more. Of codes, that of all that
    /// they are made of.
    pub fn bytes(&self) -> u64 {
        if let Some(coding) = &self.coding {
            return coding.bytes();
        }
        match self.strides {
            None => self.span.end - self.span.start,
            Some(_) => self.elements() * self.dtype.unit().bytes,
        }
    }

    /// Its type, or the format of its codes, in words.
    pub fn form(&self) -> String {
        match &self.coding {
            Some(coding) => coding.format.to_string(),
            None => self.dtype.to_string(),
        }
    }

    /// The places of its elements, where they do not lie one after the other.
    pub fn axes(&self) -> Option<Axes> {
        let strides = self.strides.as_ref()?;
        Some(Axes::new(&self.shape, strides))
    }
}

/// Bytes that the heap takes for a piece of so many: with its own notes, rounded up.
pub(crate) fn heap_bytes(bytes: usize) -> u64 {
    match bytes {
        0 => 0,
        _ => (bytes as u64 + 8).next_multiple_of(16).max(32),
    }
}

/// Bytes that tensors take in memory: their names and shapes, and the table.
pub(crate) fn held_bytes(tensors: &Tensors) -> u64 {
    // An entry has a hash, and a place in the table of numbers that is 7/8 full at most.
    let entry = size_of::<(u64, String, TensorInfo)>() + 12;
    let texts = tensors.iter().map(|(key, info)| {
        let shape = match info.shape.spilled() {
            true => heap_bytes(size_of_val(info.shape.as_slice())),
            false => 0,
        };
        let strides = info
            .strides
            .as_ref()
            .map_or(0, |strides| size_of_val(&**strides));
        heap_bytes(key.len()) + shape + heap_bytes(strides)
    });
    (tensors.capacity() * entry) as u64 + texts.sum::<u64>()
}
