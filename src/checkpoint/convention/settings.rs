//! What the settings beside the weights say of quantisation.

use std::path::Path;

use serde_json::Value;

use crate::checkpoint::beside::{CONFIG_BYTES_MAX, read_beside};

/// Where settings name a method: the file, and the fields in which it may stand.
const FIELDS: [(&str, &[&str]); 3] = [
    (
        "config.json",
        &[
            "/quantization_config/quant_method",
            "/quantization_config/quant_algo",
            "/text_config/quantization_config/quant_method",
            "/quantization_config",
        ],
    ),
    ("hf_quant_config.json", &["/quantization/quant_algo"]),
    ("quantize_config.json", &["/quant_method", "/bits"]),
];

/// The method of quantisation that the settings in a folder of weights name. Settings that cannot
/// be read say nothing: they are the loader's concern.
pub fn quantisation(folder: &Path) -> Option<String> {
    FIELDS.iter().find_map(|(name, fields)| {
        let settings = read(&folder.join(name))?;
        fields
            .iter()
            .find_map(|field| match settings.pointer(field)? {
                Value::Null => None,
                Value::String(method) => Some(method.clone()),
                Value::Object(_) => Some("quantization_config".to_owned()),
                other => Some(other.to_string()),
            })
    })
}

fn read(path: &Path) -> Option<Value> {
    serde_json::from_slice(&read_beside(path, CONFIG_BYTES_MAX).ok()?).ok()
}
