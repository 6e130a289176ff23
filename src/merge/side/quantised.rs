//! What a folder's settings say of weights that are stored as codes.

use std::path::Path;

use serde_json::{Value, json};

use super::described::Described;
use super::edit::{Object, Place, raw};
use crate::recipe::Storing;
use crate::recipe::target::{Marks, Target};

/// The field of a configuration that says how weights are stored.
const FIELD: &str = "quantization_config";

/// The settings of ModelOpt beside a configuration.
const MODELOPT: &str = "hf_quant_config.json";

/// What becomes of the settings of the reference model.
#[derive(Clone, Debug)]
pub(super) enum Settings {
    /// They hold for the output too.
    Kept,
    /// The output has none: its weights are numbers, or say themselves what they are.
    Dropped,
    /// Others take their place.
    Made(Value),
}

impl Settings {
    /// Those of an output.
    pub(super) fn of(described: &Described<'_>) -> Settings {
        let coded = &described.plan.coded;
        let storing = described.recipe.options.format.storing;
        match storing {
            _ if coded.tensors == 0 => Settings::Dropped,
            Storing::Keep => Settings::Kept,
            Storing::Target(Target { marks, .. }) => match marks {
                Marks::Comfy { .. } | Marks::ScaledFp8 => Settings::Dropped,
                Marks::Config { said, .. } => Settings::Made(with_left(said(), &coded.left)),
                Marks::ModelOpt => Settings::Made(json!({
                    "quant_method": "modelopt",
                    "quant_algo": "NVFP4",
                    "ignore": coded.left,
                    "config_groups": {
                        "group_0": {
                            "targets": ["Linear"],
                            "weights": {
                                "dynamic": false,
                                "num_bits": 4,
                                "type": "float",
                                "group_size": 16,
                            },
                            "input_activations": null,
                        },
                    },
                })),
            },
        }
    }

    /// Has a configuration say it; whether that changed anything.
    pub(super) fn write(&self, place: Place<'_>, object: &mut Object) -> bool {
        match self {
            Settings::Kept => false,
            Settings::Dropped => object.shift_remove(FIELD).is_some(),
            Settings::Made(value) if place.path.is_empty() => raw(value).is_some_and(|value| {
                object.insert(FIELD.to_owned(), value);
                true
            }),
            // Those of a part of the model are no longer its.
            Settings::Made(_) => object.shift_remove(FIELD).is_some(),
        }
    }

    /// Whether a file beside the weights says what is no longer so.
    pub(super) fn drops(&self, name: &Path) -> bool {
        !matches!(self, Settings::Kept) && name == Path::new(MODELOPT)
    }
}

/// Settings that name the layers which are stored as numbers.
fn with_left(mut settings: Value, left: &[String]) -> Value {
    let field = match settings["quant_method"].as_str() {
        Some("compressed-tensors") => "ignore",
        _ => "modules_to_not_convert",
    };
    if !left.is_empty() {
        settings[field] = json!(left);
    }
    settings
}

/// The settings of ModelOpt that an output has beside its configuration.
pub(super) fn modelopt(described: &Described<'_>) -> Option<(&'static str, Vec<u8>)> {
    let coded = &described.plan.coded;
    let Storing::Target(Target {
        marks: Marks::ModelOpt,
        ..
    }) = described.recipe.options.format.storing
    else {
        return None;
    };
    let settings = json!({
        "producer": { "name": "modelopt", "version": "0.47.0" },
        "quantization": {
            "quant_algo": "NVFP4",
            "kv_cache_quant_algo": null,
            "group_size": 16,
            "exclude_modules": coded.left,
        },
    });
    let text = serde_json::to_vec_pretty(&settings).ok()?;
    (coded.tensors > 0).then_some((MODELOPT, text))
}
