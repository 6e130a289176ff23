//! What a `quantization_config` says of each target.

use serde_json::{Value, json};

pub(super) fn block_fp8() -> Value {
    json!({
        "activation_scheme": "dynamic",
        "fmt": "e4m3",
        "quant_method": "fp8",
        "weight_block_size": [128, 128],
    })
}

/// What compressed-tensors says of weights.
fn compressed(format: &str, weights: Value) -> Value {
    json!({
        "config_groups": {
            "group_0": {
                "targets": ["Linear"],
                "weights": weights,
                "input_activations": null,
                "output_activations": null,
                "format": format,
            },
        },
        "format": format,
        "quant_method": "compressed-tensors",
        "quantization_status": "compressed",
    })
}

fn weights(bits: u32, kind: &str, strategy: &str, group: Option<u64>) -> Value {
    json!({
        "num_bits": bits,
        "type": kind,
        "strategy": strategy,
        "group_size": group,
        "symmetric": true,
        "dynamic": false,
    })
}

pub(super) fn ct_fp8() -> Value {
    compressed("float-quantized", weights(8, "float", "channel", None))
}

pub(super) fn ct_int8() -> Value {
    compressed("int-quantized", weights(8, "int", "channel", None))
}

pub(super) fn ct_int4() -> Value {
    compressed("pack-quantized", weights(4, "int", "group", Some(128)))
}

pub(super) fn ct_nvfp4() -> Value {
    let weights = weights(4, "float", "tensor_group", Some(16));
    compressed("nvfp4-pack-quantized", weights)
}

pub(super) fn ct_mxfp4() -> Value {
    let mut weights = weights(4, "float", "group", Some(32));
    weights["scale_dtype"] = json!("torch.uint8");
    compressed("mxfp4-pack-quantized", weights)
}
