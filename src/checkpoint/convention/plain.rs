//! Refuses codes that are not read.
//!
//! Codes that are merged or copied as if they were numbers make a file that loads and is wrong, so
//! that what no convention recognised is asked here. Element types that have no arithmetic are told
//! here as well: they occur as codes only.

use super::said::Said;
use super::table::{REFUSALS, Refusal, Sign, Stored};
use crate::checkpoint::tensor::{TensorInfo, Tensors};
use crate::dtype::DType;

/// The header metadata in which torchao describes quantised tensors.
const DESCRIPTION: &str = "tensor_names";

/// Tensors of a checkpoint that are stored as codes which are not read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{path}: {}; codes are no numbers to merge or to copy one by one, and wgmerge does not decode \
     these yet: {way}",
    self.what()
)]
pub struct Undecoded {
    /// The checkpoint.
    pub path: String,
    /// One tensor.
    pub key: String,
    /// Its element type.
    pub dtype: DType,
    /// Its dimensions.
    pub shape: Vec<u64>,
    /// What the convention is called.
    pub convention: String,
    /// What tells it, in words; empty where the tensor says it alone.
    pub because: String,
    /// Where the numbers can be had.
    pub way: &'static str,
}

impl Undecoded {
    /// How the tensor is stored and what shows it.
    pub fn what(&self) -> String {
        let Undecoded {
            key,
            dtype,
            shape,
            convention,
            because,
            ..
        } = self;
        format!("`{key}` ({dtype} {shape:?}) is stored as {convention}{because}")
    }
}

/// What tells a convention.
struct Evidence<'a> {
    key: &'a str,
    convention: &'a str,
    because: String,
    way: &'static str,
}

/// Checks that all entries that no convention has found are plain: numbers, or integers that count
/// something.
///
/// # Errors
/// The first tensor of the most particular convention that is found.
pub(super) fn check(
    tensors: &Tensors,
    said: &Said<'_>,
    is_told: &dyn Fn(&str) -> bool,
) -> Result<(), Box<Undecoded>> {
    let left = Left { tensors, is_told };
    let evidence = by_signs(&left)
        .or_else(|| by_type(&left))
        .or_else(|| by_description(&left, said))
        .or_else(|| by_integers(&left));
    let Some(Evidence {
        key,
        convention,
        because,
        way,
    }) = evidence
    else {
        return Ok(());
    };
    let info = &tensors[key];
    let named = said
        .quantisation
        .map(|method| format!("{convention} (its settings call the method `{method}`)"));
    Err(Box::new(Undecoded {
        path: said.path.display().to_string(),
        key: key.to_owned(),
        dtype: info.dtype,
        shape: info.shape.to_vec(),
        convention: named.unwrap_or_else(|| convention.to_owned()),
        because,
        way,
    }))
}

/// The entries that no convention has found.
struct Left<'a> {
    tensors: &'a Tensors,
    is_told: &'a dyn Fn(&str) -> bool,
}

impl<'a> Left<'a> {
    fn iter(&self) -> impl Iterator<Item = (&'a String, &'a TensorInfo)> {
        let is_told = self.is_told;
        self.tensors.iter().filter(move |(key, _)| !is_told(key))
    }
}

/// The first tensor of the first convention in the table of which there is a sign.
fn by_signs<'a>(left: &Left<'a>) -> Option<Evidence<'a>> {
    let tensors = left.tensors;
    let mut best: Option<(usize, Evidence<'_>)> = None;
    for (name, info) in left.iter() {
        let rows = best.as_ref().map_or(REFUSALS.len(), |(row, _)| *row);
        let rows = REFUSALS[..rows].iter().enumerate();
        let found = rows
            .flat_map(|(row, convention)| convention.signs.iter().map(move |sign| (row, sign)))
            .filter_map(|(row, sign)| Some((row, codes(sign, name, info, tensors)?)))
            .find(|(_, key)| !(left.is_told)(key));
        if let Some((row, key)) = found {
            let because = match key == name {
                true => String::new(),
                false => format!(", as `{name}` beside it shows"),
            };
            let Refusal {
                name: convention,
                way,
                ..
            } = REFUSALS[row];
            best = Some((
                row,
                Evidence {
                    key,
                    convention,
                    because,
                    way,
                },
            ));
        }
    }
    best.map(|(_, evidence)| evidence)
}

/// The tensor whose codes a sign speaks of; None where a tensor is no such sign.
fn codes<'a>(
    sign: &Sign,
    name: &'a str,
    info: &TensorInfo,
    tensors: &'a Tensors,
) -> Option<&'a str> {
    let stem = name.strip_suffix(sign.tail)?;
    if !sign.is.fits(info) {
        return None;
    }
    let Some((tail, made)) = sign.beside else {
        return Some(weight_of(stem, tensors).unwrap_or(name));
    };
    let (beside, found) = tensors.get_key_value(format!("{stem}{tail}").as_str())?;
    if !made.fits(found) {
        return None;
    }
    // Of the two, the codes are shown rather than their scales.
    let is_codes = matches!(made, Stored::Code | Stored::Float8 | Stored::Integer);
    let shows_itself = matches!(sign.is, Stored::Code | Stored::Integer);
    Some(if is_codes && !shows_itself {
        beside
    } else {
        name
    })
}

/// The tensor that a marker stands beside.
fn weight_of<'a>(stem: &str, tensors: &'a Tensors) -> Option<&'a str> {
    let names = [format!("{stem}.weight"), stem.to_owned()];
    let found = names
        .iter()
        .find_map(|name| tensors.get_key_value(name.as_str()));
    found.map(|(name, _)| name.as_str())
}

/// The first tensor of a type that has no arithmetic.
fn by_type<'a>(left: &Left<'a>) -> Option<Evidence<'a>> {
    let (key, info) = left.iter().find(|(_, info)| info.dtype.is_opaque())?;
    Some(Evidence {
        key,
        convention: match info.dtype {
            DType::C64 => "complex numbers",
            DType::F8E8M0 => "powers of two, the scales of microscaling formats",
            DType::F8E4M3Fnuz | DType::F8E5M2Fnuz => "floats of another fp8 dialect (FNUZ)",
            _ => "packed floats of a microscaling format",
        },
        because: String::new(),
        way: match info.dtype {
            DType::C64 => "leave these tensors out of the file, or store real and imaginary parts",
            DType::F8E4M3Fnuz | DType::F8E5M2Fnuz => {
                "write the model as f16 or bf16, in Python with `tensor.to(torch.bfloat16)`"
            }
            _ => "take the f16 or bf16 model that it was made from",
        },
    })
}

/// Codes of a checkpoint whose metadata or settings say that it is quantised. A model that was
/// written as plain numbers may have kept such words, so that they count only beside codes.
fn by_description<'a>(left: &Left<'a>, said: &Said<'a>) -> Option<Evidence<'a>> {
    let described = said.metadata.contains_key(DESCRIPTION);
    let (convention, because) = match (described, said.quantisation) {
        (true, _) => (
            "quantised tensors of torchao",
            format!(", as `{DESCRIPTION}` in the header says"),
        ),
        (false, Some(_)) => ("codes of a quantisation", String::new()),
        (false, None) => return None,
    };
    let is_code = |info: &TensorInfo| info.shape.len() > 1 && Stored::Code.fits(info);
    let mut left = left.iter();
    let (key, _) = left.find(|(key, info)| is_code(info) && key.ends_with("weight"))?;
    Some(Evidence {
        key,
        convention,
        because,
        way: "take the f16 or bf16 model that it was made from",
    })
}

/// A weight in narrow integers, whatever they mean.
fn by_integers<'a>(left: &Left<'a>) -> Option<Evidence<'a>> {
    let is_code = |key: &str, info: &TensorInfo| {
        let narrow = info.dtype.is_integer() && info.dtype.bits() <= 32;
        narrow && info.shape.len() > 1 && key.ends_with(".weight")
    };
    let (key, _) = left.iter().find(|(key, info)| is_code(key, info))?;
    Some(Evidence {
        key,
        convention: "integers of a quantisation that wgmerge does not know",
        because: String::new(),
        way: "take the f16 or bf16 model that it was made from",
    })
}
