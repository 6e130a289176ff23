//! Reads the JSON of headers without losing what a map would hide.
//!
//! An ordinary map keeps the last of two equal keys in silence. The visitors here see every key as
//! it comes and refuse the second one. They build the result while reading, without a tree in
//! between, so a long header costs little more memory than its own bytes. serde_json only carries
//! text in its errors; a fault that has a variant of its own travels beside it, in [`Reading`].

use std::fmt;
use std::ops::Range;

use indexmap::IndexMap;
use serde::Deserialize;
use serde::de::{
    DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor,
};
use serde_json::error::Category;

use super::fault::HeaderError;
use super::header::{
    DIMENSIONS_MAX, Header, HeaderEntry, Ignored, METADATA_KEY, TENSORS_MAX, TEXTS_MAX,
};
use super::shape::Shape;
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
    ignored: Option<Ignored>,
    fault: Option<HeaderError>,
}

impl Reading {
    /// Keeps `fault` for [`Reading::explain`] and returns the error that stops serde.
    fn stop<E: serde::de::Error>(&mut self, fault: HeaderError) -> E {
        self.fault = Some(fault);
        E::custom("stopped at a named fault")
    }

    /// Counts a field that the format does not know.
    fn ignore(&mut self, field: String) {
        match &mut self.ignored {
            Some(ignored) => ignored.count += 1,
            None => {
                self.ignored = Some(Ignored {
                    key: self.key.clone(),
                    field,
                    count: 1,
                });
            }
        }
    }

    /// The named error for what serde_json reports at the current place.
    fn explain(self, report: &serde_json::Error) -> HeaderError {
        let Reading {
            key, field, fault, ..
        } = self;
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
                metadata = Some(read_metadata(&mut map, reading)?);
            } else {
                let entry = map.next_value_seed(EntrySeed(&mut *reading))?;
                if header.tensors.len() == TENSORS_MAX {
                    return Err(reading.stop(HeaderError::TooManyTensors));
                }
                header.tensors.insert(key, entry);
            }
        }
        header.ignored = reading.ignored.take();
        header.metadata = metadata.unwrap_or_default();
        Ok(header)
    }
}

/// Reads `__metadata__`; null is none.
fn read_metadata<'de, A: MapAccess<'de>>(
    map: &mut A,
    reading: &mut Reading,
) -> Result<IndexMap<String, String>, A::Error> {
    let mut stopped = None;
    let texts = map.next_value_seed(Texts(&mut stopped));
    match stopped {
        Some(Stop::Repeated(key)) => Err(reading.stop(HeaderError::DuplicateMetadata { key })),
        Some(Stop::TooMany) => Err(reading.stop(HeaderError::TooManyTexts)),
        None => texts,
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
                    let read = map.next_value_seed(ShapeSeed(&mut *reading))?;
                    shape.replace(read).is_some()
                }
                "data_offsets" => {
                    reading.field = "data_offsets";
                    offsets.replace(map.next_value::<Offsets>()?.0).is_some()
                }
                _ => {
                    map.next_value::<IgnoredAny>()?;
                    reading.ignore(field);
                    continue;
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
    shape: Option<Shape>,
    offsets: Option<Range<u64>>,
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
    let Some(span) = offsets else {
        return Err(HeaderError::MissingField {
            key,
            field: "data_offsets",
        });
    };
    let Some(known) = DType::from_name(&dtype) else {
        return Err(HeaderError::UnknownDType { key, dtype });
    };
    Ok(HeaderEntry {
        dtype: known,
        shape,
        span,
    })
}

/// Reads the dimensions of the tensor at hand.
struct ShapeSeed<'a>(&'a mut Reading);

impl<'de> DeserializeSeed<'de> for ShapeSeed<'_> {
    type Value = Shape;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Shape, D::Error> {
        json.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for ShapeSeed<'_> {
    type Value = Shape;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a sequence")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Shape, A::Error> {
        let mut shape = Shape::new();
        while let Some(dimension) = seq.next_element()? {
            if shape.len() == DIMENSIONS_MAX {
                let key = std::mem::take(&mut self.0.key);
                return Err(self.0.stop(HeaderError::TooManyDimensions { key }));
            }
            shape.push(dimension);
        }
        Ok(shape)
    }
}

/// Where the bytes of a tensor begin and end.
struct Offsets(Range<u64>);

impl<'de> Deserialize<'de> for Offsets {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Offsets, D::Error> {
        json.deserialize_seq(OffsetsVisitor)
    }
}

struct OffsetsVisitor;

impl<'de> Visitor<'de> for OffsetsVisitor {
    type Value = Offsets;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a sequence")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Offsets, A::Error> {
        let (mut numbers, mut count) = ([0; 2], 0);
        while let Some(number) = seq.next_element()? {
            if let Some(place) = numbers.get_mut(count) {
                *place = number;
            }
            count += 1;
        }
        if count != numbers.len() {
            let fault = format!("{count} numbers, expected 2 (begin and end)");
            return Err(A::Error::custom(fault));
        }
        Ok(Offsets(numbers[0]..numbers[1]))
    }
}

/// What stops the reading of a map of texts.
enum Stop {
    /// A key that was there before.
    Repeated(String),
    /// More keys than the limit.
    TooMany,
}

/// Reads a map from text to text, or null, which is none. Leaves in itself what stopped it.
struct Texts<'a>(&'a mut Option<Stop>);

impl<'de> DeserializeSeed<'de> for Texts<'_> {
    type Value = IndexMap<String, String>;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Self::Value, D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Texts<'_> {
    type Value = IndexMap<String, String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map from text to text")
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<Self::Value, E> {
        Ok(IndexMap::new())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut texts = IndexMap::new();
        while let Some(key) = map.next_key::<String>()? {
            let stop = match texts.contains_key(&key) {
                true => Some(Stop::Repeated(key.clone())),
                false => (texts.len() == TEXTS_MAX).then_some(Stop::TooMany),
            };
            if stop.is_some() {
                *self.0 = stop;
                return Err(A::Error::custom("stopped"));
            }
            texts.insert(key, map.next_value()?);
        }
        Ok(texts)
    }
}
