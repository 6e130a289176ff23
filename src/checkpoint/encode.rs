//! Writes the header of a safetensors file.
//!
//! The bytes depend on the arguments alone. What is written is checked by the same rules as what
//! is read, tensor by tensor; that spans cover the data section is the caller's plan to hold.

use std::io::{self, Write};
use std::ops::Range;

use foldhash::{HashSet, HashSetExt};

use super::fault::HeaderError;
use super::header::{HEADER_BYTES_MAX, HeaderEntry, LENGTH_BYTES, METADATA_KEY};
use super::parse::check_entry;
use super::shape::Shape;
use crate::dtype::DType;

/// The start of a safetensors file: the 8-byte length and the header, `__metadata__` first (left
/// out where there is none), then the tensors in the order given. Spaces at the end make the
/// number of bytes a multiple of `alignment` (0 counts as 1).
///
/// `tensors` yields name, dtype, shape and the span in bytes from the start of the data section.
///
/// # Errors
/// [`HeaderError`] where a key is repeated or reserved, a span does not fit its shape and dtype,
/// or the header would be longer than [`HEADER_BYTES_MAX`].
pub fn encode_header<'a>(
    tensors: impl Iterator<Item = (&'a str, &'a DType, impl Into<Shape>, Range<u64>)>,
    metadata: &[(String, String)],
    alignment: usize,
) -> Result<Vec<u8>, HeaderError> {
    // The length goes before it, in the same piece of memory: headers are long.
    let mut header = vec![0; LENGTH_BYTES as usize];
    write_json(&mut header, tensors, metadata)?;
    let bytes = padded(header.len(), alignment)?;
    let length = bytes as u64 - LENGTH_BYTES;
    header[..LENGTH_BYTES as usize].copy_from_slice(&length.to_le_bytes());
    header.reserve_exact(bytes - header.len());
    header.resize(bytes, b' ');
    Ok(header)
}

/// The number of bytes that [`encode_header`] makes of the same, which are not held for it.
///
/// # Errors
/// Those of [`encode_header`].
pub(crate) fn header_bytes<'a>(
    tensors: impl Iterator<Item = (&'a str, &'a DType, impl Into<Shape>, Range<u64>)>,
    metadata: &[(String, String)],
    alignment: usize,
) -> Result<u64, HeaderError> {
    let mut count = Count(LENGTH_BYTES as usize);
    write_json(&mut count, tensors, metadata)?;
    Ok(padded(count.0, alignment)? as u64)
}

/// Counts what is written.
struct Count(usize);

impl Write for Count {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// So many bytes with spaces behind them.
fn padded(bytes: usize, alignment: usize) -> Result<usize, HeaderError> {
    let bytes = bytes.next_multiple_of(alignment.max(1));
    let length = bytes as u64 - LENGTH_BYTES;
    if length > HEADER_BYTES_MAX {
        return Err(HeaderError::TooLong { bytes: length });
    }
    Ok(bytes)
}

fn write_json<'a>(
    json: &mut impl Write,
    tensors: impl Iterator<Item = (&'a str, &'a DType, impl Into<Shape>, Range<u64>)>,
    metadata: &[(String, String)],
) -> Result<(), HeaderError> {
    push(json, "{");
    if !metadata.is_empty() {
        push_metadata(json, metadata)?;
    }
    let mut is_first = metadata.is_empty();
    let mut keys = HashSet::new();
    for (key, &dtype, shape, span) in tensors {
        if key == METADATA_KEY {
            return Err(HeaderError::ReservedKey);
        }
        if !keys.insert(key) {
            return Err(HeaderError::DuplicateKey { key: key.into() });
        }
        let entry = HeaderEntry {
            dtype,
            shape: shape.into(),
            span,
        };
        check_entry(key, &entry)?;
        if !std::mem::take(&mut is_first) {
            push(json, ",");
        }
        push_entry(json, key, &entry);
    }
    push(json, "}");
    Ok(())
}

fn push_metadata(json: &mut impl Write, metadata: &[(String, String)]) -> Result<(), HeaderError> {
    let mut keys = HashSet::new();
    push_text(json, METADATA_KEY);
    for (index, (key, text)) in metadata.iter().enumerate() {
        if !keys.insert(key) {
            return Err(HeaderError::DuplicateMetadata { key: key.clone() });
        }
        push(json, if index == 0 { ":{" } else { "," });
        push_text(json, key);
        push(json, ":");
        push_text(json, text);
    }
    push(json, "}");
    Ok(())
}

fn push_entry(json: &mut impl Write, key: &str, entry: &HeaderEntry) {
    push_text(json, key);
    push(json, ":{\"dtype\":\"");
    push(json, entry.dtype.name());
    push(json, "\",\"shape\":[");
    for (index, n) in entry.shape.iter().enumerate() {
        if index > 0 {
            push(json, ",");
        }
        push_number(json, *n);
    }
    push(json, "],\"data_offsets\":[");
    push_number(json, entry.span.start);
    push(json, ",");
    push_number(json, entry.span.end);
    push(json, "]}");
}

// Writing to memory, as to a number, cannot fail.

fn push(json: &mut impl Write, text: &str) {
    let _ = json.write_all(text.as_bytes());
}

fn push_number(json: &mut impl Write, number: u64) {
    let _ = write!(json, "{number}");
}

/// Appends `text` as a JSON string.
fn push_text(json: &mut impl Write, text: &str) {
    let _ = serde_json::to_writer(json, text);
}
