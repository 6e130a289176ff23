//! What the settings beside the weights say of quantisation.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use serde_json::Value;

/// Longer settings are none.
const SETTINGS_BYTES_MAX: u64 = 1 << 24;

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
    // Looked up before it is opened, because opening a pipe would wait for its writer.
    if !std::fs::metadata(path).ok()?.is_file() {
        return None;
    }
    let mut text = Vec::new();
    let file = File::open(path).ok()?;
    file.take(SETTINGS_BYTES_MAX).read_to_end(&mut text).ok()?;
    serde_json::from_slice(&text).ok()
}
