//! Files of GGUF: a header of fields and tensors, then the tensors' bytes.
//!
//! A header is hostile until it was read: counts are checked against the bytes that are left before
//! anything is made of them, and the header ends at [`HEADER_BYTES_MAX`] at the latest. Tensors of
//! plain numbers are tensors like any others. Those of blocks are bytes here, and a [`Coded`]
//! tensor says what they hold.

mod fault;
mod fields;
mod input;
mod kind;
mod place;

use std::collections::HashSet;

pub use self::fault::GgufError;
use self::fault::Stop;
use self::fields::Fields;
use self::input::Input;
use self::kind::{Holds, Kind};
use self::place::Placed;
use super::CheckpointError;
use super::convention::{Coded, Convention, Described};
use super::file::WeightFile;
use super::header::{DIMENSIONS_MAX, METADATA_KEY, TENSORS_MAX};
use super::shape::Shape;
use super::tensor::TensorInfo;
use crate::dtype::DType;
use crate::format::Format;

/// How such a file begins.
const MAGIC: &[u8] = b"GGUF";
/// Versions of the format that are read.
const VERSIONS: std::ops::RangeInclusive<u32> = 2..=3;
/// The bytes that a tensor takes in the header at least: lengths, its type, its offset.
const TENSOR_BYTES_MIN: u64 = 24;
/// The bytes that a field takes in the header at least.
const FIELD_BYTES_MIN: u64 = 13;

/// What a file holds.
pub(super) struct Found {
    /// In the order of their bytes.
    pub(super) tensors: Vec<(String, TensorInfo)>,
    /// Those that are made of blocks.
    pub(super) coded: Vec<(String, Coded)>,
}

/// Whether a file begins as one of GGUF does. The first bytes of a safetensors file are the length
/// of its header, which `{` follows.
pub(super) fn is_gguf(start: &[u8]) -> bool {
    start.starts_with(MAGIC) && start.get(8) != Some(&b'{')
}

/// What a file holds, as number `number` of a checkpoint.
///
/// # Errors
/// [`CheckpointError::Gguf`] with the first fault found.
pub(super) fn read(file: &WeightFile, number: usize) -> Result<Found, CheckpointError> {
    found(file, number).map_err(|stop| match stop {
        Stop::File(fault) => fault.into(),
        Stop::Gguf(fault) => CheckpointError::Gguf {
            path: file.path.clone(),
            fault: Box::new(fault),
        },
    })
}

fn found(file: &WeightFile, number: usize) -> Result<Found, Stop> {
    let mut input = Input::new(file);
    input.skip(MAGIC.len() as u64)?;
    let version = input.u32()?;
    if !VERSIONS.contains(&version) {
        return Err(GgufError::Version { version }.into());
    }
    let (tensors, fields) = (input.u64()?, input.u64()?);
    if tensors > TENSORS_MAX as u64 {
        let (count, max) = (tensors, TENSORS_MAX);
        return Err(GgufError::TooManyTensors { count, max }.into());
    }
    input.check_room("tensors", tensors, TENSOR_BYTES_MIN)?;
    input.check_room("fields", fields, FIELD_BYTES_MIN)?;
    let fields = Fields::read(&mut input, fields)?;
    let mut listed = Vec::new();
    let mut names = HashSet::new();
    for _ in 0..tensors {
        let entry = entry(&mut input)?;
        if !names.insert(entry.name.clone()) {
            return Err(GgufError::Twice { key: entry.name }.into());
        }
        listed.push(entry);
    }
    let data = input.at().checked_next_multiple_of(fields.alignment);
    let data = data.filter(|_| tensors > 0).unwrap_or(file.len);
    let spans = listed.iter();
    let spans = spans.map(|entry| place::place(entry, data, fields.alignment, file.len));
    let placed = place::sorted(&listed, spans.collect::<Result<Vec<_>, _>>()?)?;
    let mut found = Found {
        tensors: Vec::with_capacity(placed.len()),
        coded: Vec::new(),
    };
    for Placed { entry, span } in placed {
        let entry = &listed[entry];
        let shape = fields.shape(&entry.name, &entry.shape)?;
        let (dtype, stored) = match entry.kind.holds {
            Holds::Numbers(dtype) => (dtype, shape),
            Holds::Blocks(blocks) => {
                let coded = coded(&entry.name, Format::Gguf(blocks), shape);
                found.coded.push((entry.name.clone(), coded));
                (DType::U8, Shape::from_slice(&[span.end - span.start]))
            }
            Holds::Unread => {
                let (key, kind) = (entry.name.clone(), entry.kind.name);
                return Err(GgufError::Unread { key, kind }.into());
            }
        };
        let info = TensorInfo {
            dtype,
            shape: stored,
            file: number,
            span,
            strides: None,
            coding: None,
        };
        found.tensors.push((entry.name.clone(), info));
    }
    Ok(found)
}

/// What the header says of a tensor.
struct Entry {
    name: String,
    /// The slowest dimension first.
    shape: Shape,
    kind: &'static Kind,
    /// Where it begins, counted from the first tensor's place.
    offset: u64,
}

fn entry(input: &mut Input<'_>) -> Result<Entry, Stop> {
    let name = input.text("the name of a tensor")?;
    if name == METADATA_KEY {
        return Err(GgufError::Reserved { key: name }.into());
    }
    let dimensions = input.u32()?;
    if dimensions as usize > DIMENSIONS_MAX {
        return Err(GgufError::Dimensions {
            key: name,
            dimensions,
        }
        .into());
    }
    let mut shape = Shape::new();
    for _ in 0..dimensions {
        shape.push(input.u64()?);
    }
    shape.reverse();
    let (id, offset) = (input.u32()?, input.u64()?);
    let Some(kind) = Kind::of(id) else {
        return Err(GgufError::Kind { key: name, id }.into());
    };
    Ok(Entry {
        name,
        shape,
        kind,
        offset,
    })
}

fn coded(key: &str, format: Format, shape: Shape) -> Coded {
    Coded {
        format,
        shape,
        padded: false,
        parts: vec![key.to_owned()],
        beside: Vec::new(),
        transposed: false,
        convention: Convention::Gguf,
        described: Described::Nothing,
    }
}
