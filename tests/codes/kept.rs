//! What libraries wrote is written again as it is where a merge changes no number.

use std::collections::BTreeSet;
use std::path::Path;

use super::golden::{Case, cases};
use crate::support::command::prints;
use crate::support::tensors::stored;

/// Every topic of files in safetensors, with the files of it that are kept byte for byte.
const TOPICS: &[(&str, usize)] = &[
    ("bitsandbytes", 18),
    ("comfy_experts", 4),
    ("comfy_fp8", 7),
    ("comfy_int4", 2),
    ("comfy_int8", 6),
    ("comfy_mxfp8", 4),
    ("comfy_nvfp4", 5),
    ("compressed_tensors", 25),
    ("convert_to_quant", 13),
    ("gpt_oss_mxfp4", 12),
    ("hf_block_fp8", 4),
    ("legacy_scaled_fp8", 13),
    ("modelopt_nvfp4", 4),
];

/// What no quantiser writes: codes by hand or by chance, whose scales do not come from their
/// largest number, and scales that are 0 or none. A merge finds scales anew.
const BY_HAND: &[&str] = &[
    "float8_e4m3fn_allcodes",
    "float8_e5m2_allcodes",
    "float8_e4m3fn_saturation",
    "float8_e5m2_saturation",
    "float8_e4m3fn_allzero",
    "nvfp4_allzero",
    "mxfp8_allscales",
    "mxfp8_tiny",
    "ragged",
    "deepseek_v4_like",
    "mxfp8_u8.",
];

/// What is read and not written: the output has numbers for it.
const READ_ONLY: &[&str] = &["asym_w4a8", "awq_w4a16", "w4a8_correction", "blocks."];

/// Merges a case's file with itself; every tensor of it must be in the output as it is.
fn keeps(case: &Case) {
    let scratch = tempfile::tempdir().expect("a temporary folder");
    let folder = scratch.path();
    let copy = |from: &Path, to: &str| {
        let copied = std::fs::copy(from, folder.join(to));
        copied.unwrap_or_else(|fault| panic!("{}: {fault}", from.display()));
    };
    std::fs::create_dir(folder.join("in")).expect("a folder");
    copy(&case.inputs[0], "in/model.safetensors");
    if let Some(config) = case.inputs.get(1) {
        copy(config, "in/config.json");
    }
    let models = ["merge", "-M", "linear", "in", "in", "-o", "out/"];
    // Codes that are no numbers are among them.
    let rest = ["--on-nan", "keep", "--device", "cpu", "-q"];
    prints(folder, &[&models[..], &rest].concat());
    let [before, after] =
        ["in", "out"].map(|name| stored(&folder.join(name).join("model.safetensors")));
    for (key, tensor) in &before {
        let found = after.get(key);
        assert!(found.is_some(), "{}: {key}: {:?}", case.name, after.keys());
        assert!(found == Some(tensor), "{}: {key}", case.name);
    }
}

#[test]
fn files_of_libraries_are_kept() {
    for &(topic, count) in TOPICS {
        let mut files = BTreeSet::new();
        for case in cases(topic) {
            let mut not_kept = BY_HAND.iter().chain(READ_ONLY);
            let is_decoded = case.op.starts_with("dequantise");
            if !is_decoded || not_kept.any(|name| case.name.starts_with(name)) {
                continue;
            }
            // Some files are decoded to several types.
            if files.insert(case.inputs[0].clone()) {
                keeps(&case);
            }
        }
        assert_eq!(files.len(), count, "{topic}: files");
    }
}
