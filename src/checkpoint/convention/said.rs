//! What a checkpoint says of itself, beside its tensors.

use std::path::Path;

use indexmap::IndexMap;
use serde_json::Value;

use super::settings::Settings;

/// What a checkpoint says of itself, beside its tensors.
#[derive(Clone, Copy, Debug)]
pub struct Said<'a> {
    /// The checkpoint's path, for the message.
    pub path: &'a Path,
    /// The `__metadata__` of its headers.
    pub metadata: &'a IndexMap<String, String>,
    /// The method that its folder's settings name: [`quantisation`](super::quantisation).
    pub quantisation: Option<&'a str>,
    /// What the settings of its folders say of codes.
    pub settings: &'a [Settings],
    /// What its headers say of layers that are quantised for ComfyUI.
    pub layers: &'a [Layers],
}

/// Layers that the header of a file describes: the field [`LAYERS_FIELD`] of its metadata.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layers {
    /// The component in front of the file's keys.
    pub component: Option<String>,
    /// The text, which is JSON where the file is sound.
    pub text: String,
}

/// The header metadata in which ComfyUI's formats describe layers.
pub const LAYERS_FIELD: &str = "_quantization_metadata";

/// The component that a key lies in.
pub(super) fn component(key: &str) -> Option<&str> {
    key.split_once('/').map(|(component, _)| component)
}

/// The settings that hold for a key: those of its component, or of the whole checkpoint.
pub(super) fn settings_of<'a>(said: &Said<'a>, key: &str) -> Option<&'a Settings> {
    let own = said.settings.iter();
    let mut own = own.filter(|settings| match &settings.component {
        None => true,
        Some(name) => component(key) == Some(name),
    });
    own.next()
}

/// The numbers that a value holds, where it is a list of them.
pub(super) fn numbers(value: &Value) -> Option<Vec<u64>> {
    value.as_array()?.iter().map(Value::as_u64).collect()
}
