//! The header of a safetensors file, as data.
//!
//! A header is hostile until [`parse_header`](super::parse_header) has returned: every span then
//! lies in the file, has exactly the bytes that its shape and dtype need, overlaps no other, and
//! together the spans cover the whole data section. All arithmetic on numbers of the header is
//! checked, and memory grows only with bytes that were really there.

use std::fmt;
use std::ops::Range;

use indexmap::IndexMap;

use super::shape::Shape;
use crate::dtype::DType;

/// The bytes in front of the header, which hold its length as a little-endian u64.
pub const LENGTH_BYTES: u64 = 8;

/// The longest header in bytes that is read or written, the limit of the format.
pub const HEADER_BYTES_MAX: u64 = 100_000_000;

/// The most dimensions that a tensor may have, as in torch and NumPy.
pub const DIMENSIONS_MAX: usize = 64;

/// The most tensors that one file may hold.
pub const TENSORS_MAX: usize = 500_000;

/// The most texts that the metadata of one file may hold.
pub const TEXTS_MAX: usize = 100_000;

/// The header key that holds free text in place of a tensor.
pub const METADATA_KEY: &str = "__metadata__";

/// What a header says of one tensor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeaderEntry {
    /// The type of its elements.
    pub dtype: DType,
    /// Its dimensions in elements, the slowest first; empty for a scalar.
    pub shape: Shape,
    /// Its bytes, counted from the start of the data section.
    pub span: Range<u64>,
}

/// A validated header.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Header {
    /// The tensors in the order of their bytes; empty tensors at one place keep header order.
    pub tensors: IndexMap<String, HeaderEntry>,
    /// The free text of `__metadata__`, in header order.
    pub metadata: IndexMap<String, String>,
    /// Fields that the format does not know, which its other readers pass over as well.
    pub ignored: Option<Ignored>,
}

/// Fields of tensors that are passed over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ignored {
    /// The first tensor that has one.
    pub key: String,
    /// That field.
    pub field: String,
    /// How many there are.
    pub count: usize,
}

impl fmt::Display for Ignored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Ignored { key, field, count } = self;
        write!(
            f,
            "tensor `{key}` has the unknown field `{field}`, which is passed over"
        )?;
        match count {
            1 => Ok(()),
            2 => write!(f, ", as is another"),
            count => write!(f, ", as are {} others", count - 1),
        }
    }
}
