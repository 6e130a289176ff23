//! Writes the header of a safetensors file.
//!
//! The bytes depend on the arguments alone. What is written is checked by the same rules as what
//! is read, tensor by tensor; that spans cover the data section is the caller's plan to hold.

use std::collections::HashSet;
use std::ops::Range;

use super::fault::HeaderError;
use super::header::{HEADER_BYTES_MAX, HeaderEntry, LENGTH_BYTES, METADATA_KEY};
use super::parse::check_entry;
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
    tensors: impl Iterator<Item = (&'a str, &'a DType, &'a [u64], Range<u64>)>,
    metadata: &[(String, String)],
    alignment: usize,
) -> Result<Vec<u8>, HeaderError> {
    // The length goes before it, in the same piece of memory: headers are long.
    let mut json = "\0".repeat(LENGTH_BYTES as usize) + "{";
    if !metadata.is_empty() {
        push_metadata(&mut json, metadata)?;
    }
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
        push_entry(&mut json, key, &entry);
    }
    json.push('}');
    let bytes = json.len().next_multiple_of(alignment.max(1));
    let length = bytes as u64 - LENGTH_BYTES;
    if length > HEADER_BYTES_MAX {
        return Err(HeaderError::TooLong { bytes: length });
    }
    let mut header = json.into_bytes();
    header[..LENGTH_BYTES as usize].copy_from_slice(&length.to_le_bytes());
    header.reserve_exact(bytes - header.len());
    header.resize(bytes, b' ');
    Ok(header)
}

fn push_metadata(json: &mut String, metadata: &[(String, String)]) -> Result<(), HeaderError> {
    let mut keys = HashSet::new();
    json.push_str("\"__metadata__\":");
    for (index, (key, text)) in metadata.iter().enumerate() {
        if !keys.insert(key) {
            return Err(HeaderError::DuplicateMetadata { key: key.clone() });
        }
        json.push(if index == 0 { '{' } else { ',' });
        push_text(json, key);
        json.push(':');
        push_text(json, text);
    }
    json.push('}');
    Ok(())
}

fn push_entry(json: &mut String, key: &str, entry: &HeaderEntry) {
    if !json.ends_with('{') {
        json.push(',');
    }
    push_text(json, key);
    json.push_str(":{\"dtype\":\"");
    json.push_str(entry.dtype.name());
    json.push_str("\",\"shape\":[");
    for (index, n) in entry.shape.iter().enumerate() {
        if index > 0 {
            json.push(',');
        }
        json.push_str(&n.to_string());
    }
    let Range { start, end } = entry.span;
    json.push_str(&format!("],\"data_offsets\":[{start},{end}]}}"));
}

/// Appends `text` as a JSON string.
fn push_text(json: &mut String, text: &str) {
    json.push_str(&serde_json::Value::from(text).to_string());
}
