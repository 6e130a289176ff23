//! What stands beside codes and says what they are: markers, metadata, and settings of folders.

use std::path::Path;

use serde_json::{Value, json};
use wgmerge::checkpoint::Checkpoint;
use wgmerge::dtype::DType;

use super::models::{FIRST, File, MATRICES, Models, f32s, save};
use crate::support::tensors::Stored;

/// What `comfy_quant` says of each of the matrices, by format.
fn described(format: &str, shape: [u64; 2]) -> Value {
    match format {
        "comfy-fp8" => json!({"format": "float8_e4m3fn"}),
        "comfy-fp8-e5m2" => json!({"format": "float8_e5m2"}),
        "comfy-int8" => json!({"format": "int8_tensorwise", "per_row": true}),
        "comfy-int8-tensor" => json!({"format": "int8_tensorwise"}),
        "comfy-int8-convrot" => json!({
            "format": "int8_tensorwise",
            "per_row": true,
            "convrot": true,
            "convrot_groupsize": 256,
        }),
        "comfy-nvfp4" => json!({"format": "nvfp4", "group_size": 16, "orig_shape": shape}),
        "comfy-mxfp8" => json!({"format": "mxfp8", "group_size": 32, "orig_shape": shape}),
        other => panic!("{other} has no such marker"),
    }
}

const COMFY: [&str; 7] = [
    "comfy-fp8",
    "comfy-fp8-e5m2",
    "comfy-int8",
    "comfy-int8-tensor",
    "comfy-int8-convrot",
    "comfy-nvfp4",
    "comfy-mxfp8",
];

/// What a file's metadata says of its codes.
fn metadata(path: &Path) -> Option<Value> {
    let file = Checkpoint::open(path).expect("a sound output");
    let text = file.metadata().get("_quantization_metadata")?;
    Some(serde_json::from_str(text).expect("JSON"))
}

/// Each layer of codes is described by an entry of its own, and all of them in the metadata.
#[test]
fn comfyui_is_told_what_each_layer_is() {
    let models = Models::new();
    for format in COMFY {
        let coded = models.coded("a", format);
        let merged = models.linear(&coded, "b.safetensors");
        for name in [&coded, &merged] {
            let file = models.stored(name);
            let said = metadata(&models.path(name)).expect("metadata");
            let layers = said["layers"].as_object().expect("layers");
            assert_eq!(layers.len(), 2 * MATRICES.len(), "{name}: {said}");
            assert_eq!(said["format_version"], "1.0", "{name}");
            for layer in 0..2 {
                for (matrix, shape) in MATRICES {
                    let layer = format!("model.layers.{layer}.{matrix}");
                    let marker = &file[&format!("{layer}.comfy_quant")];
                    let text: Value = serde_json::from_slice(&marker.bytes).expect("JSON");
                    assert_eq!(text, described(format, *shape), "{name}: {layer}");
                    assert_eq!(text, layers[&layer], "{name}: {layer}");
                    assert_eq!(marker.dtype, DType::U8, "{name}: {layer}");
                }
            }
            let markers = file.keys().filter(|key| key.ends_with(".comfy_quant"));
            assert_eq!(markers.count(), layers.len(), "{name}");
        }
    }
}

/// As numbers, nothing of the codes is left, neither in the tensors nor in the metadata.
#[test]
fn numbers_have_no_marks() {
    let models = Models::new();
    let plain = models.stored("a.safetensors");
    for format in super::models::FORMATS {
        let coded = models.coded("a", format);
        let merge = [
            "merge",
            "-M",
            "linear",
            &coded,
            "b.safetensors",
            "--format",
            "bf16",
        ];
        models.runs(&[&merge[..], &["-o", "numbers.safetensors"]].concat());
        let numbers = models.stored("numbers.safetensors");
        let header = |file: &File| -> Vec<(String, DType, Vec<u64>)> {
            let entries = file.iter();
            let entry = entries.map(|(key, t)| (key.clone(), t.dtype, t.shape.clone()));
            entry.collect()
        };
        assert_eq!(header(&plain), header(&numbers), "{format}");
        let said = metadata(&models.path("numbers.safetensors"));
        assert_eq!(said, None, "{format}");
    }
}

/// The scale of a layer's inputs is no weight's: it is carried with codes, and goes with them.
#[test]
fn scales_of_inputs_are_carried() {
    let models = Models::new();
    let key = format!("{FIRST}.input_scale");
    for format in ["comfy-fp8", "comfy-nvfp4", "modelopt-nvfp4"] {
        let coded = models.coded("a", format);
        let mut file = models.stored(&coded);
        file.insert(key.clone(), f32s(&[], &[0.375]));
        save(&models.path("scaled.safetensors"), &file, &[]);
        let kept = models.stored(&models.linear("scaled.safetensors", "b.safetensors"));
        assert!(kept.keys().eq(file.keys()), "{format}");
        assert!(kept[&key] == file[&key], "{format}");
        models.runs(&[
            "convert",
            "scaled.safetensors",
            "--format",
            "bf16",
            "-o",
            "n.safetensors",
        ]);
        let numbers = models.stored("n.safetensors");
        assert!(!numbers.contains_key(&key), "{format}");
        assert_eq!(
            numbers.len(),
            models.stored("a.safetensors").len(),
            "{format}"
        );
    }
}

/// The marker of scaled fp8 is kept as it is: none of its elements say anything, its shape does.
#[test]
fn the_marker_of_old_is_kept() {
    let models = Models::new();
    let coded = models.coded("a", "scaled-fp8");
    let mut file = models.stored(&coded);
    let empty = file["scaled_fp8"].clone();
    assert_eq!((empty.dtype, &empty.shape[..]), (DType::F8E4M3, &[0][..]));
    let full = Stored {
        dtype: DType::F8E4M3,
        shape: vec![2],
        bytes: vec![0, 0],
    };
    for marker in [empty, full] {
        file.insert("scaled_fp8".to_owned(), marker.clone());
        save(&models.path("marked.safetensors"), &file, &[]);
        let kept = models.stored(&models.linear("marked.safetensors", "b.safetensors"));
        assert!(kept["scaled_fp8"] == marker, "{:?}", kept["scaled_fp8"]);
        models.runs(&[
            "convert",
            "marked.safetensors",
            "--format",
            "bf16",
            "-o",
            "n.safetensors",
        ]);
        assert!(!models.stored("n.safetensors").contains_key("scaled_fp8"));
    }
}

/// A folder with the numbers of `a` and a config; its name.
fn folder(models: &Models) -> &'static str {
    std::fs::create_dir(models.path("plain")).expect("a folder");
    let weights = models.path("plain/model.safetensors");
    std::fs::copy(models.path("a.safetensors"), weights).expect("weights");
    let config = json!({"model_type": "llama", "torch_dtype": "bfloat16", "hidden_size": 256});
    std::fs::write(models.path("plain/config.json"), config.to_string()).expect("a config");
    "plain"
}

fn config(models: &Models, folder: &str) -> Value {
    let text = std::fs::read(models.path(folder).join("config.json")).expect("a config");
    serde_json::from_slice(&text).expect("JSON")
}

/// Layers that block fp8 cannot hold: they are no multiples of a block, or stay as they are.
const NOT_CONVERTED: [&str; 6] = [
    "lm_head",
    "model.embed_tokens",
    "model.layers.0.mlp.down_proj",
    "model.layers.0.mlp.up_proj",
    "model.layers.1.mlp.down_proj",
    "model.layers.1.mlp.up_proj",
];

/// What the config of a folder must say of a format, and where it names layers of numbers.
fn settings(format: &str) -> (Value, &'static str) {
    match format {
        "block-fp8" => (
            json!({"quant_method": "fp8", "weight_block_size": [128, 128]}),
            "modules_to_not_convert",
        ),
        "modelopt-nvfp4" => (
            json!({"quant_method": "modelopt", "quant_algo": "NVFP4"}),
            "ignore",
        ),
        _ => {
            let format = match format {
                "ct-fp8" => "float-quantized",
                "ct-int8" => "int-quantized",
                "ct-int4" => "pack-quantized",
                "ct-nvfp4" => "nvfp4-pack-quantized",
                _ => "mxfp4-pack-quantized",
            };
            let said = json!({"quant_method": "compressed-tensors", "format": format});
            (said, "ignore")
        }
    }
}

const FOLDERS: [&str; 7] = [
    "block-fp8",
    "ct-fp8",
    "ct-int8",
    "ct-int4",
    "ct-nvfp4",
    "mxfp4",
    "modelopt-nvfp4",
];

/// A config says what the codes are that are made, keeps saying it of those that are kept, and
/// says nothing of codes where there are none, or none that it would describe.
#[test]
fn configs_of_folders_say_what_the_codes_are() {
    let models = Models::new();
    let plain = folder(&models);
    for format in FOLDERS {
        models.runs(&["convert", plain, "--format", format, "-o", "coded/"]);
        let made = config(&models, "coded");
        let said = &made["quantization_config"];
        let (wanted, names) = settings(format);
        for (field, value) in wanted.as_object().expect("fields") {
            assert_eq!(said[field], *value, "{format}: {said}");
        }
        let plain_layers: &[&str] = match format {
            "block-fp8" => &NOT_CONVERTED,
            _ => &NOT_CONVERTED[..2],
        };
        assert_eq!(said[names], json!(plain_layers), "{format}");
        models.runs(&["merge", "-M", "linear", "coded", plain, "-o", "kept/"]);
        assert_eq!(config(&models, "kept"), made, "{format}");
        let is_modelopt = format == "modelopt-nvfp4";
        for name in ["coded", "kept"] {
            let file = models.path(name).join("hf_quant_config.json");
            assert_eq!(file.exists(), is_modelopt, "{format}: {}", file.display());
        }
        for (to, dtype) in [
            ("bf16", "bfloat16"),
            ("f32", "float32"),
            ("comfy-fp8", "bfloat16"),
        ] {
            models.runs(&["convert", "coded", "--format", to, "-o", "other/"]);
            let other = config(&models, "other");
            assert_eq!(other.get("quantization_config"), None, "{format}, {to}");
            assert_eq!(other["torch_dtype"], dtype, "{format}, {to}");
            assert_eq!(other["hidden_size"], 256, "{format}, {to}");
            let file = models.path("other/hf_quant_config.json");
            assert!(!file.exists(), "{format}, {to}: {}", file.display());
        }
        // Numbers that are merged with codes are numbers, and so does their config say.
        models.runs(&["merge", "-M", "linear", plain, "coded", "-o", "numbers/"]);
        assert_eq!(
            config(&models, "numbers"),
            config(&models, plain),
            "{format}"
        );
    }
}
