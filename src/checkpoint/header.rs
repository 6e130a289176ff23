//! The header of a safetensors file, as data and as bytes.
//!
//! A header is hostile until [`parse_header`] has returned: every span then lies in the file, has
//! exactly the bytes that its shape and dtype need, overlaps no other, and together the spans
//! cover the whole data section. All arithmetic on numbers of the header is checked, and memory
//! grows only with bytes that were really there.

use std::fmt;
use std::ops::Range;

use indexmap::IndexMap;

pub use super::encode::encode_header;
pub use super::fault::HeaderError;
use super::json;
use super::tensor::Shape;
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
            count => write!(f, ", as are {} others", count - 1),
        }
    }
}

/// Reads and validates a header. `json` is the header without its length, `data_bytes` the number
/// of bytes that follow it in the file.
///
/// # Errors
/// The first fault found, as a [`HeaderError`] that names the tensor and both sides.
pub fn parse_header(json: &[u8], data_bytes: u64) -> Result<Header, HeaderError> {
    let length = json.len() as u64;
    if length > HEADER_BYTES_MAX {
        return Err(HeaderError::TooLong { bytes: length });
    }
    let text = std::str::from_utf8(json).map_err(|fault| HeaderError::NotUtf8 {
        position: fault.valid_up_to(),
    })?;
    if !text.starts_with('{') {
        let found = text
            .chars()
            .next()
            .map_or("nothing".into(), |c| format!("`{c}`"));
        return Err(HeaderError::NotObject { found });
    }
    let mut header = json::read_header(text)?;
    for (key, entry) in &header.tensors {
        check_entry(key, entry)?;
    }
    // The sort is stable, so that empty tensors at one place stay in header order.
    header
        .tensors
        .sort_by(|_, a, _, b| (a.span.start, a.span.end).cmp(&(b.span.start, b.span.end)));
    check_cover(&header.tensors, LENGTH_BYTES + length, data_bytes)?;
    Ok(header)
}

/// Checks that the span of one tensor has the bytes its shape and dtype need.
pub(super) fn check_entry(key: &str, entry: &HeaderEntry) -> Result<(), HeaderError> {
    let HeaderEntry {
        dtype,
        ref shape,
        ref span,
    } = *entry;
    let Some(actual) = span.end.checked_sub(span.start) else {
        return Err(HeaderError::Backwards {
            key: key.into(),
            begin: span.start,
            end: span.end,
        });
    };
    let elements = shape
        .iter()
        .try_fold(1_u64, |product, &n| product.checked_mul(n));
    let Some(bits) = elements.and_then(|n| n.checked_mul(dtype.bits())) else {
        return Err(HeaderError::Overflow {
            key: key.into(),
            shape: shape.to_vec(),
            dtype,
        });
    };
    if bits % 8 != 0 {
        let shape = shape.to_vec();
        return Err(HeaderError::PartialByte {
            key: key.into(),
            shape,
            dtype,
            bits,
        });
    }
    let expected = bits / 8;
    if actual != expected {
        let (key, shape) = (key.into(), shape.to_vec());
        return Err(HeaderError::SpanMismatch {
            key,
            shape,
            dtype,
            actual,
            expected,
        });
    }
    Ok(())
}

/// Checks that spans in order of their beginning cover the data section without hole or overlap.
fn check_cover(
    tensors: &IndexMap<String, HeaderEntry>,
    data_start: u64,
    data_bytes: u64,
) -> Result<(), HeaderError> {
    // A truncated file is told first: its spans are sound and only its end is missing.
    if let Some((key, last)) = tensors.iter().max_by_key(|(_, entry)| entry.span.end)
        && last.span.end > data_bytes
    {
        return Err(HeaderError::Truncated {
            key: key.clone(),
            expected: data_start.saturating_add(last.span.end),
            actual: data_start.saturating_add(data_bytes),
        });
    }
    let mut covered = 0;
    let mut previous = "";
    for (key, HeaderEntry { span, .. }) in tensors {
        if span.start < covered {
            let (first, second) = (previous.into(), key.clone());
            return Err(HeaderError::Overlap {
                first,
                second,
                begin: span.start,
                end: covered,
            });
        }
        if span.start > covered {
            let bytes = span.start - covered;
            return Err(HeaderError::Hole {
                key: key.clone(),
                position: covered,
                bytes,
            });
        }
        covered = span.end;
        previous = key;
    }
    if covered < data_bytes {
        return Err(HeaderError::Trailing {
            position: covered,
            bytes: data_bytes - covered,
        });
    }
    Ok(())
}
