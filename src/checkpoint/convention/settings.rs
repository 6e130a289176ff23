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

/// Where settings describe codes: the file, the field, and the method that the file is of where
/// it does not say.
const DESCRIPTIONS: [(&str, &str, Option<&str>); 4] = [
    ("config.json", "/quantization_config", None),
    ("config.json", "/text_config/quantization_config", None),
    ("hf_quant_config.json", "/quantization", Some("modelopt")),
    ("quantize_config.json", "", None),
];

/// What the settings of a folder of weights say of codes.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// The component in front of the keys of that folder.
    pub component: Option<String>,
    /// The file that says it.
    pub source: &'static str,
    /// The method, as `compressed-tensors`.
    pub method: Option<String>,
    /// All that is said.
    pub said: Value,
}

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

/// What the settings in a folder of weights say of codes, the first file that says anything.
pub fn settings(folder: &Path, component: Option<&str>) -> Option<Settings> {
    DESCRIPTIONS.iter().find_map(|&(source, field, method)| {
        let read = read(&folder.join(source))?;
        let said = read.pointer(field)?;
        let named = said.get("quant_method").and_then(Value::as_str);
        said.is_object().then(|| Settings {
            component: component.map(str::to_owned),
            source,
            method: named.or(method).map(str::to_owned),
            said: said.clone(),
        })
    })
}

impl Settings {
    /// What is said of the weights of every group of layers, under this name.
    pub(super) fn of_weights(&self, field: &str) -> Vec<&Value> {
        let groups = self.said.get("config_groups").and_then(Value::as_object);
        let groups = groups.into_iter().flat_map(|groups| groups.values());
        let found = groups.filter_map(|group| group.get("weights")?.get(field));
        found.filter(|value| !value.is_null()).collect()
    }
}

fn read(path: &Path) -> Option<Value> {
    serde_json::from_slice(&read_beside(path, CONFIG_BYTES_MAX).ok()?).ok()
}
