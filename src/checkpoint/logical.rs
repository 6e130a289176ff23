//! The tensors of a checkpoint as they are seen: what is stored as codes is one tensor each.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::coding::{Coding, Entry};
use super::convention::{Coded, Convention, Described, Recognised};
use super::shape::Shape;
use super::tensor::{TensorInfo, Tensors};
use crate::dtype::DType;
use crate::format::Format;
use crate::format::encode::{Exponent, Rule};

/// The rules by which the codes of a convention are made; None where they are read only.
fn rule(coded: &Coded) -> Option<Rule> {
    Some(match coded.convention {
        Convention::Comfy | Convention::ScaledFp8 | Convention::Scaled => Rule::ComfyKitchen,
        Convention::BlockFp8 | Convention::DeepSeek => Rule::Transformers,
        Convention::Compressed => Rule::CompressedTensors,
        Convention::ModelOpt => Rule::ModelOpt,
        Convention::GptOss => Rule::Torchao(Exponent::CeilRatio),
        Convention::Bitsandbytes => Rule::BitsAndBytes,
        Convention::Gguf => Rule::Gguf,
        Convention::Awq | Convention::Narrow => return None,
    })
}

/// The tensors of a checkpoint, where some of its entries are codes.
pub(super) fn tensors(entries: &Tensors, recognised: &Recognised) -> Tensors {
    let mut hidden: HashSet<&str> = recognised.markers.iter().map(String::as_str).collect();
    let mut first: HashMap<&str, (&str, &Coded)> = HashMap::new();
    for (name, coded) in &recognised.tensors {
        let own = coded.parts.iter().chain(&coded.beside);
        hidden.extend(own.map(String::as_str));
        if let Some(codes) = coded.parts.first() {
            first.insert(codes, (name, coded));
        }
    }
    let mut tensors = Tensors::default();
    for (key, info) in entries {
        if let Some((name, coded)) = first.get(key.as_str()) {
            tensors.insert((*name).to_owned(), tensor(entries, info, coded));
        } else if !hidden.contains(key.as_str()) {
            tensors.insert(key.clone(), info.clone());
        }
    }
    tensors.shrink_to_fit();
    tensors
}

/// A tensor that is stored as codes; `codes` is the entry that holds them.
fn tensor(entries: &Tensors, codes: &TensorInfo, coded: &Coded) -> TensorInfo {
    let entry = |key: &String| {
        let info = entries.get(key)?;
        Some(Entry {
            key: key.clone(),
            dtype: info.dtype,
            shape: info.shape.clone(),
            file: info.file,
            span: info.span.clone(),
        })
    };
    let mut shape = coded.shape.to_vec();
    let strides = coded.transposed.then(|| {
        let strides = transposed_strides(&shape);
        if let [.., rows, columns] = shape.as_mut_slice() {
            std::mem::swap(rows, columns);
        }
        strides
    });
    TensorInfo {
        dtype: DType::F32,
        shape: Shape::from_slice(&coded.shape),
        file: codes.file,
        span: codes.span.clone(),
        strides,
        coding: Some(Arc::new(Coding {
            format: coded.format.clone(),
            shape,
            transposed: coded.transposed,
            padded: match &coded.format {
                Format::Scaled(scaled) if coded.padded => Some(scaled.pad),
                _ => None,
            },
            parts: coded.parts.iter().filter_map(entry).collect(),
            beside: coded.beside.iter().filter_map(entry).collect(),
            rule: rule(coded),
            said: said(coded),
            convention: coded.convention.name(),
        })),
    }
}

/// What the header says of a layer, as JSON.
fn said(coded: &Coded) -> Option<String> {
    match (coded.convention, &coded.described) {
        (Convention::Comfy, Described::Json(text)) => Some(text.clone()),
        _ => None,
    }
}

/// Gives the tensors of which rows and columns were added the shape that they have in another
/// checkpoint, where that is one that such a tensor may have had.
pub(super) fn adopt(tensors: &mut Tensors, other: &Tensors) {
    for (name, own) in tensors {
        let Some(coding) = &own.coding else { continue };
        let (Some(pad), Some(other)) = (coding.padded, other.get(name)) else {
            continue;
        };
        let is_known = other
            .coding
            .as_ref()
            .is_none_or(|other| other.padded.is_none());
        let padded = |shape: &[u64]| -> Option<Vec<u64>> {
            let lead = shape.len().checked_sub(2)?;
            let last = shape[lead..].iter();
            let last = last.map(|len| len.checked_next_multiple_of(pad));
            let lead = shape[..lead].iter().map(|len| Some(*len));
            lead.chain(last).collect()
        };
        if is_known && !coding.transposed && padded(&other.shape).is_some_and(|s| s == coding.shape)
        {
            own.shape = other.shape.clone();
            own.coding = Some(Arc::new(Coding {
                shape: other.shape.to_vec(),
                padded: None,
                ..(**coding).clone()
            }));
        }
    }
}

/// How far elements lie from each other where the columns of each matrix lie in its rows.
fn transposed_strides(shape: &[u64]) -> Box<[u64]> {
    let mut strides = vec![1; shape.len()];
    let mut step = 1;
    let last = shape.len().saturating_sub(1);
    let order = (0..shape.len()).rev();
    // The last but one goes first.
    let order = order.map(|at| match at {
        at if shape.len() < 2 => at,
        at if at == last => last - 1,
        at if at + 1 == last => last,
        at => at,
    });
    for at in order {
        strides[at] = step;
        step *= shape[at];
    }
    strides.into()
}
