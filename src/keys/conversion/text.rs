//! CLIP-L, whose names differ in what goes before them.

use super::rule::Rule;

/// The rules of a text encoder, without the buffer of position ids. What goes before its names on
/// either side ends with a separator.
pub(super) fn clip(left: &str, right: &str) -> Vec<Rule> {
    let parts = [
        "embeddings.position_embedding",
        "embeddings.token_embedding",
        "encoder",
        "final_layer_norm",
    ];
    let name = |side: &str, part: &str| format!("{side}text_model.{part}");
    parts
        .iter()
        .map(|part| Rule::prefix(name(left, part), name(right, part)))
        .collect()
}
