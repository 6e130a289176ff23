//! Where an output says that its weights are stored as codes.

use serde_json::{Value, json};

use super::Target;
use crate::dtype::DType;

/// Where an output says that its weights are stored as codes.
#[derive(Clone, Copy, Debug)]
pub enum Marks {
    /// An entry of JSON with each layer, and a field of the header: ComfyUI.
    Comfy {
        /// The name of the format.
        format: &'static str,
        /// Whether scales are those of rows.
        per_row: bool,
        /// Elements that are rotated together.
        rotated: Option<u64>,
        /// Columns of a block.
        group: Option<u64>,
    },
    /// An empty entry beside all layers, of the type of the codes: ComfyUI of old.
    ScaledFp8,
    /// The `quantization_config` of the folder's config.json.
    Config {
        /// What it says.
        said: fn() -> Value,
        /// Whether codes lie in words, so that the shape is an entry of its own.
        packs: bool,
    },
    /// The folder's hf_quant_config.json, and its config.json.
    ModelOpt,
}

/// An entry that holds no numbers of a tensor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// Its name.
    pub name: String,
    /// Its type.
    pub dtype: DType,
    /// Its dimensions.
    pub shape: Vec<u64>,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

impl Marks {
    /// What is said of a layer in its own entry and in the header, for ComfyUI.
    pub fn layer(&self, shape: &[u64]) -> Option<Value> {
        let Marks::Comfy {
            format,
            per_row,
            rotated,
            group,
        } = *self
        else {
            return None;
        };
        let mut said = json!({ "format": format });
        if let Some(group) = group {
            said["group_size"] = json!(group);
        }
        if group.is_some() {
            said["orig_shape"] = json!(shape);
        }
        if let Some(len) = rotated {
            said["convrot"] = json!(true);
            said["convrot_groupsize"] = json!(len);
        }
        if per_row {
            said["per_row"] = json!(true);
        }
        Some(said)
    }

    /// The entries beside a layer that mark it.
    pub fn beside(&self, name: &str, shape: &[u64]) -> Vec<Mark> {
        let said = self.layer(shape);
        let mark = said.map(|said| {
            let bytes = said.to_string().into_bytes();
            Mark {
                name: format!("{}.comfy_quant", Target::layer(name)),
                dtype: DType::U8,
                shape: vec![bytes.len() as u64],
                bytes,
            }
        });
        mark.into_iter().chain(self.packed(name, shape)).collect()
    }

    /// The shape of a weight whose codes lie in words, for compressed-tensors.
    fn packed(&self, name: &str, shape: &[u64]) -> Option<Mark> {
        let Marks::Config { packs: true, .. } = self else {
            return None;
        };
        Some(Mark {
            name: format!("{}.weight_shape", Target::layer(name)),
            dtype: DType::I64,
            shape: vec![shape.len() as u64],
            bytes: shape.iter().flat_map(|len| len.to_le_bytes()).collect(),
        })
    }
}
