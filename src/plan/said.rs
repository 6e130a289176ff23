//! What the header of an output says of layers that are stored as codes.

/// What ComfyUI is told of a layer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// The layer.
    pub layer: String,
    /// The JSON of its description.
    pub text: String,
}

/// The field of the header in which layers are described.
pub(super) const FIELD: &str = "_quantization_metadata";

/// The entry of a header that describes layers; None where there are none.
pub(super) fn entry(said: &[Said]) -> Option<(String, String)> {
    if said.is_empty() {
        return None;
    }
    let layers = said.iter().map(|said| {
        let described = serde_json::from_str(&said.text);
        (said.layer.clone(), described.unwrap_or_default())
    });
    let layers: serde_json::Map<String, serde_json::Value> = layers.collect();
    let text = serde_json::json!({ "format_version": "1.0", "layers": layers });
    Some((FIELD.to_owned(), text.to_string()))
}
