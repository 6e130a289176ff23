//! Configs in sd-mecha's YAML form.
//!
//! ```yaml
//! identifier: my-format
//! components:
//!   unet:
//!     conv_in.weight: {shape: [320, 4, 3, 3], dtype: float16, aliases: [in.weight]}
//!     betas: {shape: [1000], dtype: float32, optional: true}
//! ```
//!
//! Anchors, aliases and merge keys work. Element types have the names that PyTorch or the
//! safetensors format gives them.

use indexmap::IndexMap;
use serde::Deserialize;
use serde_saphyr::{
    Options, UserMessageFormatter, budget, options, with_deserializer_from_str_with_options,
};

use super::{Config, ConfigKey, NameClash};
use crate::dtype::DType;

/// A text that is no config.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum YamlError {
    #[error("{place}{}", .fault.render_with_formatter(&UserMessageFormatter))]
    Form {
        place: String,
        fault: Box<serde_saphyr::Error>,
    },
    #[error("field `identifier` is empty; a config has a name such as `family-format`")]
    NoIdentifier,
    #[error("field `components` of model config {config} has no tensors; list at least one")]
    NoTensors { config: String },
    #[error(
        "model config {config}, component {component}, tensor `{key}`: field `dtype` is `{dtype}`, \
         which is no element type; `float32` or `F32` would be one"
    )]
    DType {
        config: String,
        component: String,
        key: String,
        dtype: String,
    },
    #[error(transparent)]
    Names(#[from] NameClash),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ConfigText {
    identifier: String,
    components: IndexMap<String, IndexMap<String, KeyText>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct KeyText {
    shape: Vec<u64>,
    dtype: String,
    #[serde(default)]
    aliases: Vec<String>,
    #[serde(default)]
    optional: bool,
}

/// Other names that PyTorch has for element types.
const TORCH_ALIASES: [(&str, DType); 3] = [
    ("half", DType::F16),
    ("float", DType::F32),
    ("double", DType::F64),
];

/// An element type by its name in PyTorch. Those of the safetensors format are read as well.
fn dtype(name: &str) -> Option<DType> {
    let torch = name.strip_prefix("torch.").unwrap_or(name);
    let alias = TORCH_ALIASES.iter().find(|(known, _)| *known == torch);
    alias
        .map(|&(_, dtype)| dtype)
        .or_else(|| DType::from_torch_name(torch))
        .or_else(|| DType::from_name(name))
}

/// A config may take most of its values from a few anchors, which the limits against hostile
/// documents forbid otherwise.
fn limits() -> Options {
    options! {
        budget: budget! {
            enforce_alias_anchor_ratio: false,
            max_aliases: 250_000,
            max_merge_keys: 250_000,
        },
        emit_comments: false,
        with_snippet: false,
    }
}

fn parse(text: &str) -> Result<ConfigText, YamlError> {
    let mut place = String::new();
    let config = with_deserializer_from_str_with_options(text, limits(), |deserializer| {
        serde_path_to_error::deserialize(deserializer).map_err(|fault| {
            let path = fault.path().to_string();
            // The path of the whole document is a dot; that of a duplicate ends with a `?`.
            let field = path.trim_end_matches(['.', '?']);
            if !field.is_empty() {
                place = format!("field `{field}`: ");
            }
            fault.into_inner()
        })
    });
    config.map_err(|fault| YamlError::Form {
        place,
        fault: Box::new(fault),
    })
}

impl Config {
    /// Reads a config in sd-mecha's form.
    pub fn from_yaml(text: &str) -> Result<Config, YamlError> {
        let config = parse(text)?;
        let id = config.identifier;
        if id.is_empty() {
            return Err(YamlError::NoIdentifier);
        }
        let mut components = Vec::new();
        let mut keys = Vec::new();
        for (number, (component, tensors)) in config.components.into_iter().enumerate() {
            for (name, key) in tensors {
                let Some(dtype) = dtype(&key.dtype) else {
                    return Err(YamlError::DType {
                        config: id,
                        component,
                        key: name,
                        dtype: key.dtype,
                    });
                };
                let key = ConfigKey {
                    component: number,
                    dtype,
                    shape: key.shape,
                    optional: key.optional,
                    aliases: key.aliases,
                };
                keys.push((name, key));
            }
            components.push(component);
        }
        if keys.is_empty() {
            return Err(YamlError::NoTensors { config: id });
        }
        Ok(Config::new(id, components, keys)?)
    }
}
