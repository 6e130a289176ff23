//! The fields in the header of a file of GGUF, as far as they concern tensors.

use std::collections::HashMap;

use super::fault::{GgufError, Stop};
use super::input::Input;
use crate::checkpoint::header::DIMENSIONS_MAX;
use crate::checkpoint::shape::Shape;

/// The field of the multiple that tensors begin at, and what it is where there is none.
const ALIGNMENT: (&str, u64) = ("general.alignment", 32);
/// The largest such multiple: no reader needs more than a page.
const ALIGNMENT_MAX: u64 = 1 << 16;
/// What the field of a tensor's true dimensions is called, in front of the tensor's name.
const ORIGINAL: &str = "comfy.gguf.orig_shape.";
/// How deep arrays may lie in arrays.
const DEPTH_MAX: usize = 4;

/// The types of fields, as their numbers.
mod types {
    pub(super) const U32: u32 = 4;
    pub(super) const I32: u32 = 5;
    pub(super) const TEXT: u32 = 8;
    pub(super) const ARRAY: u32 = 9;
    pub(super) const U64: u32 = 10;
    pub(super) const I64: u32 = 11;
}

/// What the fields say of tensors.
pub(super) struct Fields {
    /// The multiple that tensors begin at, in bytes.
    pub(super) alignment: u64,
    /// True dimensions, by the tensor's name.
    shapes: HashMap<String, Shape>,
}

impl Fields {
    /// Reads so many fields.
    pub(super) fn read(input: &mut Input<'_>, count: u64) -> Result<Fields, Stop> {
        let mut fields = Fields {
            alignment: ALIGNMENT.1,
            shapes: HashMap::new(),
        };
        for _ in 0..count {
            let name = input.text("the name of a field")?;
            let kind = input.u32()?;
            if name == ALIGNMENT.0 {
                fields.alignment = alignment(input, kind)?;
            } else if let (Some(tensor), types::ARRAY) = (name.strip_prefix(ORIGINAL), kind) {
                let shape = sizes(input, &name)?;
                fields.shapes.insert(tensor.to_owned(), shape);
            } else {
                skip(input, &name, kind, 0)?;
            }
        }
        Ok(fields)
    }

    /// The true dimensions of a tensor that is stored with others.
    pub(super) fn shape(&self, tensor: &str, stored: &Shape) -> Result<Shape, GgufError> {
        let Some(shape) = self.shapes.get(tensor) else {
            return Ok(stored.clone());
        };
        let product = |shape: &Shape| {
            let mut sizes = shape.iter();
            sizes.try_fold(1u64, |all, &size| all.checked_mul(size))
        };
        match product(shape) == product(stored) {
            true => Ok(shape.clone()),
            false => Err(GgufError::Original {
                key: tensor.to_owned(),
                shape: shape.to_vec(),
                stored: stored.to_vec(),
            }),
        }
    }
}

fn alignment(input: &mut Input<'_>, kind: u32) -> Result<u64, Stop> {
    let alignment = match kind {
        types::U32 | types::I32 => u64::from(input.u32()?),
        types::U64 | types::I64 => input.u64()?,
        _ => 0,
    };
    match alignment.is_power_of_two() && alignment <= ALIGNMENT_MAX {
        true => Ok(alignment),
        false => Err(GgufError::Alignment { alignment }.into()),
    }
}

/// An array of sizes.
fn sizes(input: &mut Input<'_>, name: &str) -> Result<Shape, Stop> {
    let wrong = || GgufError::Sizes {
        field: name.to_owned(),
    };
    let (kind, count) = (input.u32()?, input.u64()?);
    if count > DIMENSIONS_MAX as u64 {
        return Err(wrong().into());
    }
    let mut shape = Shape::new();
    for _ in 0..count {
        let size = match kind {
            types::U32 => Some(u64::from(input.u32()?)),
            // A size below zero is none.
            types::I32 => Some(u64::from(input.u32()?)).filter(|size| *size <= i32::MAX as u64),
            types::U64 | types::I64 => Some(input.u64()?).filter(|size| *size <= i64::MAX as u64),
            _ => None,
        };
        shape.push(size.ok_or_else(wrong)?);
    }
    Ok(shape)
}

/// Passes over the value of a field.
fn skip(input: &mut Input<'_>, name: &str, kind: u32, depth: usize) -> Result<(), Stop> {
    let unknown = || GgufError::Field {
        field: name.to_owned(),
        kind,
    };
    match kind {
        types::TEXT => input.skip_text(),
        types::ARRAY if depth < DEPTH_MAX => {
            let (kind, count) = (input.u32()?, input.u64()?);
            match width(kind) {
                Some(width) => {
                    input.check_room("elements of a field", count, width)?;
                    input.skip(count * width)
                }
                None => {
                    input.check_room("elements of a field", count, 8)?;
                    (0..count).try_for_each(|_| skip(input, name, kind, depth + 1))
                }
            }
        }
        kind => input.skip(width(kind).ok_or_else(unknown)?),
    }
}

/// The bytes of a value of a type that has always as many.
fn width(kind: u32) -> Option<u64> {
    match kind {
        0 | 1 | 7 => Some(1),
        2 | 3 => Some(2),
        4..=6 => Some(4),
        10..=12 => Some(8),
        _ => None,
    }
}
