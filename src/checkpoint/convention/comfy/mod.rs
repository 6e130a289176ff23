//! Layers that are described for ComfyUI: by an entry of JSON beside the codes, or by a field of
//! the header, which counts where both are there.

mod floats;
mod integers;
mod layer;

use indexmap::IndexMap;
use serde_json::Value;

use self::layer::Layer;
use super::coded::{Coded, Convention};
use super::fault::{ConventionError, Stop};
use super::said::LAYERS_FIELD;
use super::scan::{Named, Scan};
use crate::dtype::DType;

/// What the entry is called that describes a layer, behind the layer's name.
const MARKER: &str = "comfy_quant";

/// Reads the entries of a layer.
type Reader = fn(&Layer<'_>, &Scan<'_, '_>) -> Result<Coded, Stop>;

/// The formats by name. Those of fp8 come in several forms, which the scales tell.
const FORMATS: &[(&str, Reader)] = &[
    ("float8_e4m3fn", |layer, scan| {
        floats::fp8(layer, scan, "float8_e4m3fn")
    }),
    ("float8_e5m2", |layer, scan| {
        floats::fp8(layer, scan, "float8_e5m2")
    }),
    ("nvfp4", floats::nvfp4),
    ("mxfp8", floats::mxfp8),
    ("int8_tensorwise", integers::int8),
    ("int8_blockwise", integers::int8),
    ("int8_rowwise", integers::int8),
    ("convrot_w4a4", integers::int4),
    ("asym_w4a8_int8", integers::levels),
    ("awq_w4a16", integers::affine),
];

/// How the forms of fp8 are told in the name of the format.
const FORMS: [&str; 3] = ["_rowwise", "_blockwise", "_block3d"];

/// A description of a layer.
struct Description {
    by: String,
    options: Value,
    /// Whether an entry of the file is it; what a header says may be left from another file.
    is_entry: bool,
}

/// Finds ComfyUI's layers.
pub(super) fn find(scan: &mut Scan<'_, '_>) -> Result<(), Stop> {
    for (name, description) in described(scan)? {
        let Description {
            by,
            options,
            is_entry,
        } = description;
        let key = format!("{name}.weight");
        if !is_entry {
            let found = scan.tensors.get(&key);
            let is_code = |dtype: DType| dtype.bits() <= 8 && dtype != DType::Bool;
            if !found.is_some_and(|info| is_code(info.dtype)) {
                continue;
            }
        }
        let weight = scan.need(Convention::Comfy, &by, &key)?;
        let layer = Layer {
            name,
            by,
            options,
            key,
            weight,
        };
        let coded = read(&layer, scan)?;
        scan.claim(layer.key, coded)?;
    }
    Ok(())
}

fn read(layer: &Layer<'_>, scan: &Scan<'_, '_>) -> Result<Coded, Stop> {
    let Some(format) = layer.option("format").and_then(Value::as_str) else {
        let fault = format!("layer `{}` has no `format`", layer.name);
        return Err(scan.description(&layer.by, fault));
    };
    let is_float = format.starts_with("float8");
    let form = FORMS.iter().filter(|_| is_float);
    let name = form.fold(format, |name, form| name.strip_suffix(form).unwrap_or(name));
    let Some((_, read)) = FORMATS.iter().find(|(known, _)| *known == name) else {
        let known: Vec<&str> = FORMATS.iter().map(|(name, _)| *name).collect();
        return Err(ConventionError::Format {
            path: scan.said.path.to_path_buf(),
            key: layer.by.clone(),
            layer: layer.name.clone(),
            format: format.to_owned(),
            known: known.join(", "),
        }
        .into());
    };
    if let Some(experts) = layer.size(scan, "num_experts")? {
        let shape = &*layer.weight.shape;
        if shape.len() != 3 || shape[0] != experts {
            let expected = format!("a bank of {experts} matrices");
            return Err(layer.unfit(scan, Named::new(&layer.key, layer.weight), &expected));
        }
    }
    read(layer, scan)
}

/// What is said of layers, by their names.
fn described(scan: &mut Scan<'_, '_>) -> Result<IndexMap<String, Description>, Stop> {
    let mut layers = IndexMap::new();
    let tensors = scan.tensors;
    for key in tensors.keys() {
        let name = key
            .strip_suffix(MARKER)
            .and_then(|key| key.strip_suffix('.'));
        let Some(name) = name else {
            continue;
        };
        let text = scan.bytes(key)?;
        let options = serde_json::from_slice(&text);
        let options: Value =
            options.map_err(|fault| scan.description(key, format!("it is no JSON: {fault}")))?;
        if !options.is_object() {
            return Err(scan.description(key, "it is no object of JSON"));
        }
        let description = Description {
            by: key.clone(),
            options,
            is_entry: true,
        };
        layers.insert(name.to_owned(), description);
    }
    let is_code = |key: &str, dtype: DType| dtype.bits() <= 8 && key.ends_with(".weight");
    let has_codes = tensors.iter().any(|(key, info)| is_code(key, info.dtype));
    for header in scan.said.layers {
        let told: Result<Value, _> = serde_json::from_str(&header.text);
        let told = told.map_err(|fault| format!("it is no JSON: {fault}"));
        let none = || "it has no object `layers`".to_owned();
        let layers_of = |told: Value| match told {
            Value::Object(mut told) => match told.remove("layers") {
                Some(Value::Object(layers)) => Ok(layers),
                _ => Err(none()),
            },
            _ => Err(none()),
        };
        let named = match told.and_then(layers_of) {
            Ok(named) => named,
            // A model of numbers may have kept the words of another.
            Err(_) if !has_codes => continue,
            Err(fault) => return Err(scan.description(LAYERS_FIELD, fault)),
        };
        for (name, options) in named {
            let name = match &header.component {
                Some(component) => format!("{component}/{name}"),
                None => name,
            };
            let entry: Option<&Description> = layers.get(&name);
            let description = Description {
                by: LAYERS_FIELD.to_owned(),
                options,
                is_entry: entry.is_some(),
            };
            layers.insert(name, description);
        }
    }
    Ok(layers)
}
