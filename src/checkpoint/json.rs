//! Reads the JSON of headers and indexes without losing what a map would hide.
//!
//! An ordinary map keeps the last of two equal keys in silence. The visitors here see every key as
//! it comes and refuse the second one. They build the result while reading, without a tree in
//! between, so a long header costs little more memory than its own bytes. serde_json only carries
//! text in its errors; a fault that has a variant of its own travels beside it, in [`Reading`].

use std::fmt;

use indexmap::IndexMap;
use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, Visitor};
use serde_json::error::Category;

use super::header::{Header, HeaderEntry, HeaderError, METADATA_KEY};
use crate::dtype::DType;

/// Reads the text of a header into entries that are not yet checked.
pub(super) fn read_header(text: &str) -> Result<Header, HeaderError> {
    let mut reading = Reading::default();
    let mut json = serde_json::Deserializer::from_str(text);
    let header = HeaderSeed(&mut reading).deserialize(&mut json);
    match header.and_then(|header| json.end().map(|()| header)) {
        Ok(header) => Ok(header),
        Err(fault) => Err(reading.explain(&fault)),
    }
}

/// Where in the header the reader is, and the named fault that stopped it.
#[derive(Default)]
struct Reading {
    key: String,
    field: &'static str,
    fault: Option<HeaderError>,
}

impl Reading {
    /// Keeps `fault` for [`Reading::explain`] and returns the error that stops serde.
    fn stop<E: serde::de::Error>(&mut self, fault: HeaderError) -> E {
        self.fault = Some(fault);
        E::custom("stopped at a named fault")
    }

    /// The named error for what serde_json reports at the current place.
    fn explain(self, report: &serde_json::Error) -> HeaderError {
        let Reading { key, field, fault } = self;
        if let Some(fault) = fault {
            return fault;
        }
        let fault = report.to_string();
        match report.classify() {
            Category::Io | Category::Syntax | Category::Eof => HeaderError::NotJson { fault },
            Category::Data if key == METADATA_KEY => HeaderError::NotText { fault },
            Category::Data if field.is_empty() => HeaderError::NotEntry { key, fault },
            Category::Data => HeaderError::WrongType { key, field, fault },
        }
    }
}

struct HeaderSeed<'a>(&'a mut Reading);

impl<'de> DeserializeSeed<'de> for HeaderSeed<'_> {
    type Value = Header;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Header, D::Error> {
        json.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for HeaderSeed<'_> {
    type Value = Header;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map of tensors")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Header, A::Error> {
        let reading = self.0;
        let mut header = Header::default();
        let mut metadata = None;
        while let Some(key) = map.next_key::<String>()? {
            let is_metadata = key == METADATA_KEY;
            if header.tensors.contains_key(&key) || (is_metadata && metadata.is_some()) {
                return Err(reading.stop(HeaderError::DuplicateKey { key }));
            }
            reading.key.clone_from(&key);
            reading.field = "";
            if is_metadata {
                let mut repeated = None;
                let texts = map.next_value_seed(TextMap {
                    repeated: &mut repeated,
                });
                if let Some(key) = repeated {
                    return Err(reading.stop(HeaderError::DuplicateMetadata { key }));
                }
                metadata = Some(texts?);
            } else {
                let entry = map.next_value_seed(EntrySeed(&mut *reading))?;
                header.tensors.insert(key, entry);
            }
        }
        header.metadata = metadata.unwrap_or_default();
        Ok(header)
    }
}

struct EntrySeed<'a>(&'a mut Reading);

impl<'de> DeserializeSeed<'de> for EntrySeed<'_> {
    type Value = HeaderEntry;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<HeaderEntry, D::Error> {
        json.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for EntrySeed<'_> {
    type Value = HeaderEntry;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map with `dtype`, `shape` and `data_offsets`")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<HeaderEntry, A::Error> {
        let reading = self.0;
        let (mut dtype, mut shape, mut offsets) = (None, None, None);
        while let Some(field) = map.next_key::<String>()? {
            let is_repeated = match field.as_str() {
                "dtype" => {
                    reading.field = "dtype";
                    dtype.replace(map.next_value::<String>()?).is_some()
                }
                "shape" => {
                    reading.field = "shape";
                    shape.replace(map.next_value::<Vec<u64>>()?).is_some()
                }
                "data_offsets" => {
                    reading.field = "data_offsets";
                    offsets.replace(map.next_value::<Vec<u64>>()?).is_some()
                }
                _ => {
                    let key = std::mem::take(&mut reading.key);
                    return Err(reading.stop(HeaderError::UnknownField { key, field }));
                }
            };
            if is_repeated {
                let key = std::mem::take(&mut reading.key);
                return Err(reading.stop(HeaderError::DuplicateField { key, field }));
            }
        }
        let key = std::mem::take(&mut reading.key);
        entry(key, dtype, shape, offsets).map_err(|fault| reading.stop(fault))
    }
}

/// Puts the fields of one tensor together.
fn entry(
    key: String,
    dtype: Option<String>,
    shape: Option<Vec<u64>>,
    offsets: Option<Vec<u64>>,
) -> Result<HeaderEntry, HeaderError> {
    let Some(dtype) = dtype else {
        return Err(HeaderError::MissingField {
            key,
            field: "dtype",
        });
    };
    let Some(shape) = shape else {
        return Err(HeaderError::MissingField {
            key,
            field: "shape",
        });
    };
    let Some(offsets) = offsets else {
        return Err(HeaderError::MissingField {
            key,
            field: "data_offsets",
        });
    };
    let &[begin, end] = offsets.as_slice() else {
        let fault = format!("{} numbers, expected 2 (begin and end)", offsets.len());
        return Err(HeaderError::WrongType {
            key,
            field: "data_offsets",
            fault,
        });
    };
    let Some(known) = DType::from_name(&dtype) else {
        return Err(HeaderError::UnknownDType { key, dtype });
    };
    Ok(HeaderEntry {
        dtype: known,
        shape,
        span: begin..end,
    })
}

/// Reads a map from text to text. Stops at the second of two equal keys and leaves it in
/// `repeated`.
pub(super) struct TextMap<'a> {
    /// The key that stopped the reader.
    pub(super) repeated: &'a mut Option<String>,
}

impl<'de> DeserializeSeed<'de> for TextMap<'_> {
    type Value = IndexMap<String, String>;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Self::Value, D::Error> {
        json.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for TextMap<'_> {
    type Value = IndexMap<String, String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map from text to text")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut texts = IndexMap::new();
        while let Some(key) = map.next_key::<String>()? {
            if texts.contains_key(&key) {
                *self.repeated = Some(key);
                return Err(A::Error::custom("stopped at a repeated key"));
            }
            texts.insert(key, map.next_value()?);
        }
        Ok(texts)
    }
}
