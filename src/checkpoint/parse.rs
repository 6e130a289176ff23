//! Reads the header of a safetensors file.

use indexmap::IndexMap;

use super::fault::HeaderError;
use super::header::{HEADER_BYTES_MAX, Header, HeaderEntry, LENGTH_BYTES};
use super::json;

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
