//! What `config.json` says of shapes and types, as transformers reads it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use regex::Regex;
use safetensors::Dtype;
use serde_json::Value as Json;

use super::mapped::read_some;
use super::{Flaw, Seen};

/// Bytes of a configuration at most.
const BYTES_MAX: u64 = 16 << 20;

/// The configuration of a folder.
pub(super) struct Config {
    path: PathBuf,
    /// That of the text model, where a model has several.
    json: Json,
    /// Whether weights are codes, whose shapes are not those of the layers.
    is_coded: bool,
}

/// A length that a field says, and the dimension of tensors that has it.
struct Length {
    /// The names of the field.
    fields: &'static [&'static str],
    /// What the tensors' names end in.
    endings: &'static [&'static str],
    axis: usize,
}

const LENGTHS: [Length; 4] = [
    Length {
        fields: &["vocab_size"],
        endings: &["embed_tokens.weight", "wte.weight", "lm_head.weight"],
        axis: 0,
    },
    Length {
        fields: &["hidden_size", "n_embd", "d_model"],
        endings: &["embed_tokens.weight", "wte.weight", "lm_head.weight"],
        axis: 1,
    },
    Length {
        fields: &["hidden_size"],
        endings: &["input_layernorm.weight", "post_attention_layernorm.weight"],
        axis: 0,
    },
    Length {
        fields: &["intermediate_size"],
        endings: &["mlp.gate_proj.weight", "mlp.up_proj.weight"],
        axis: 0,
    },
];

/// Fields that say how many layers there are.
const LAYERS: [&str; 2] = ["num_hidden_layers", "n_layer"];
/// The field that says how many layers for the prediction of more tokens follow them.
const NEXT_LAYERS: &str = "num_nextn_predict_layers";
/// Fields that say the type of the weights.
const TYPES: [&str; 2] = ["torch_dtype", "dtype"];

impl Config {
    /// The configuration of a folder, if it has one; the flaw of one that cannot be read.
    pub fn read(folder: &Path) -> Result<Option<Config>, Flaw> {
        let path = folder.join("config.json");
        if !path.is_file() {
            return Ok(None);
        }
        let wrong = |fault: String| Flaw::NoConfig {
            config: path.clone(),
            fault,
        };
        let text = read_some(&path, BYTES_MAX).map_err(|fault| wrong(fault.to_string()))?;
        let whole: Json =
            serde_json::from_slice(&text).map_err(|fault| wrong(fault.to_string()))?;
        if !whole.is_object() {
            return Err(wrong("it is another value".to_owned()));
        }
        let is_coded = whole.get("quantization_config").is_some();
        let text = whole.get("text_config").filter(|own| own.is_object());
        let mut json = text.unwrap_or(&whole).clone();
        for name in TYPES {
            if json.get(name).is_none()
                && let Some(own) = whole.get(name)
            {
                json[name] = own.clone();
            }
        }
        Ok(Some(Config {
            path,
            json,
            is_coded,
        }))
    }

    /// What of the tensors is not as it says.
    pub fn flaws(&self, seen: &[Seen]) -> Vec<Flaw> {
        if self.is_coded {
            return Vec::new();
        }
        let mut flaws: Vec<Flaw> = Vec::new();
        for length in &LENGTHS {
            flaws.extend(self.length(length, seen));
        }
        flaws.extend(self.layers(seen));
        flaws.extend(self.dtype(seen));
        flaws
    }

    fn number<'f>(&self, fields: &[&'f str]) -> Option<(&'f str, u64)> {
        let mut known = fields.iter();
        known.find_map(|field| Some((*field, self.json.get(field)?.as_u64()?)))
    }

    fn flaw(&self, says: String, found: String) -> Flaw {
        let config = self.path.clone();
        Flaw::Config {
            config,
            says,
            found,
        }
    }

    /// The first tensor that has another length than a field says.
    fn length(&self, length: &Length, seen: &[Seen]) -> Option<Flaw> {
        let (field, wanted) = self.number(length.fields)?;
        let is_own = |seen: &&Seen| {
            // Those of other parts of the model have lengths of their own.
            let others = ["vision", "visual", "audio"];
            let ends = |ending: &str| seen.name.ends_with(ending);
            length.endings.iter().any(|ending| ends(ending))
                && !others.iter().any(|other| seen.name.contains(other))
        };
        let mut own = seen.iter().filter(is_own);
        let other = own.find(|seen| {
            let found = seen.shape.get(length.axis);
            found.is_none_or(|found| *found as u64 != wanted)
        })?;
        let found = format!("tensor `{}` is {:?}", other.name, other.shape);
        Some(self.flaw(format!("{field} {wanted}"), found))
    }

    fn layers(&self, seen: &[Seen]) -> Option<Flaw> {
        static LAYER: LazyLock<Regex> = LazyLock::new(|| {
            Regex::new(r"^(?:(?:model\.|language_model\.)*layers|(?:transformer\.)?h)\.([0-9]+)\.")
                .expect("a sound expression")
        });
        let (field, wanted) = self.number(&LAYERS)?;
        let number = |seen: &Seen| LAYER.captures(&seen.name)?.get(1)?.as_str().parse().ok();
        let layers: BTreeSet<u64> = seen.iter().filter_map(number).collect();
        let next = self.number(&[NEXT_LAYERS]).map_or(0, |(_, next)| next);
        let found = layers.len() as u64;
        let last = layers.last()? + 1;
        let fits = (wanted..=wanted + next).contains(&found) && last == found;
        let told = match last == found {
            true => format!("{found} are there"),
            false => format!("{found} are there, the last with the number {}", last - 1),
        };
        (!fits).then(|| self.flaw(format!("{field} {wanted}"), told))
    }

    /// That most elements are of another type than it says.
    fn dtype(&self, seen: &[Seen]) -> Option<Flaw> {
        let said = TYPES
            .iter()
            .find_map(|name| Some((*name, self.json.get(name)?.as_str()?)));
        let (field, said) = said?;
        let wanted = match said.trim_start_matches("torch.") {
            "float64" => Dtype::F64,
            "float32" => Dtype::F32,
            "float16" => Dtype::F16,
            "bfloat16" => Dtype::BF16,
            _ => return None,
        };
        let is_float = |seen: &&Seen| {
            let floats = [Dtype::F64, Dtype::F32, Dtype::F16, Dtype::BF16];
            floats.contains(&seen.dtype)
        };
        let elements = |seen: &Seen| seen.shape.iter().map(|n| *n as u128).product::<u128>();
        let floats = || seen.iter().filter(is_float);
        let all: u128 = floats().map(elements).sum();
        let own = floats().filter(|seen| seen.dtype == wanted);
        let own: u128 = own.map(elements).sum();
        let first = floats().find(|seen| seen.dtype != wanted)?;
        let found = format!(
            "most elements are of another type: `{}` is {:?}",
            first.name, first.dtype
        );
        (2 * own < all).then(|| self.flaw(format!("{field} {said}"), found))
    }
}
