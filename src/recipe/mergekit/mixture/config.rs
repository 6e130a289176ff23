//! The configuration of a mixture, made of its base model's.

use serde_json::{Map, Value, json};

use super::form::{Counts, Form};
use crate::dtype::Float;

/// A value that a configuration stands for where it does not say it.
#[derive(Clone, Copy, Debug)]
enum Usual {
    Number(f64),
    Count(u64),
    /// That of another field.
    Of(&'static str),
}

/// The numbers that transformers takes for a dense model whose configuration is silent, of fields
/// for which it takes others for a mixture.
const USUAL: [(&str, &[(&str, Usual)]); 4] = [
    (
        "llama",
        &[
            ("num_key_value_heads", Usual::Of("num_attention_heads")),
            ("max_position_embeddings", Usual::Count(2048)),
            ("rms_norm_eps", Usual::Number(1e-6)),
        ],
    ),
    (
        "mistral",
        &[
            ("num_key_value_heads", Usual::Count(8)),
            ("max_position_embeddings", Usual::Count(131_072)),
            ("rms_norm_eps", Usual::Number(1e-6)),
        ],
    ),
    (
        "qwen2",
        &[("num_key_value_heads", Usual::Of("num_attention_heads"))],
    ),
    (
        "qwen3",
        &[
            ("num_key_value_heads", Usual::Of("num_attention_heads")),
            ("head_dim", Usual::Count(128)),
        ],
    ),
];

/// The base of rotary embeddings of all of these.
const ROPE_THETA: f64 = 10_000.0;

/// The fields that say of which type the weights are, the first that is written where none is.
const DTYPES: [&str; 2] = ["torch_dtype", "dtype"];

/// The type of a model's weights, as its configuration says.
pub(super) fn dtype(config: &Map<String, Value>) -> Option<Float> {
    let mut named = DTYPES.iter().filter_map(|name| config.get(*name)?.as_str());
    named.find_map(Float::from_torch_name)
}

/// The text of the configuration.
pub(super) fn text(
    base: &Map<String, Value>,
    form: &Form,
    counts: &Counts,
    dtype: Option<Float>,
) -> String {
    let mut own = base.clone();
    // It says which code makes the base model.
    own.shift_remove("auto_map");
    let model_type = base.get("model_type").and_then(Value::as_str);
    let usual = USUAL.iter().find(|(name, _)| Some(*name) == model_type);
    for (name, value) in usual.iter().flat_map(|(_, usual)| *usual) {
        let value = match value {
            Usual::Number(number) => json!(number),
            Usual::Count(count) => json!(count),
            Usual::Of(other) => own.get(*other).cloned().unwrap_or_default(),
        };
        if own.get(*name).is_none_or(Value::is_null) {
            own.insert((*name).to_owned(), value);
        }
    }
    let theta = |own: &Map<String, Value>| own.get("rope_theta").is_some();
    let inside = own.get("rope_parameters").and_then(Value::as_object);
    if !theta(&own) && !inside.is_some_and(theta) {
        own.insert("rope_theta".to_owned(), json!(ROPE_THETA));
    }
    let intermediate = own.get("intermediate_size").cloned().unwrap_or_default();
    for (name, value) in form.fields(counts, &intermediate) {
        own.insert(name.to_owned(), value);
    }
    if let Some(float) = dtype {
        let named = DTYPES.iter().filter(|name| own.contains_key(**name));
        let mut named: Vec<&str> = named.copied().collect();
        if named.is_empty() {
            named.push(DTYPES[0]);
        }
        for name in named {
            own.insert(name.to_owned(), json!(float.torch_name()));
        }
    }
    format!("{:#}\n", Value::Object(own))
}
