//! Numbers become the codes that the libraries make of them which the formats come from.

use std::collections::BTreeMap;

use super::golden::{Case, cases};
use super::models::{File, numbers};
use crate::support::command::prints;
use crate::support::tensors::{Stored, stored};

/// The topics whose quantisers `--format` follows.
const TOPICS: &[&str] = &[
    "comfy_fp8",
    "comfy_int8",
    "comfy_nvfp4",
    "comfy_mxfp8",
    "hf_block_fp8",
    "compressed_tensors",
    "modelopt_nvfp4",
];

/// Cases that `--format` has no words for: scales that are given, scales of another type, weights
/// that are no matrices, groups and bits that it does not write.
const UNASKED: &[&str] = &[
    "float8_e4m3fn_saturation_scale1.encode",
    "float8_e5m2_saturation_scale1.encode",
    "float8_e4m3fn_nd.encode",
    "nvfp4_ties.encode",
    "block128_ue8m0_f32.encode",
    "ct_block_ragged0.encode",
    "mxfp4.encode",
];

/// The formats that do what a case's library did, each with the tensors that it does it for.
fn formats(topic: &str, name: &str) -> &'static [(&'static str, &'static str)] {
    match topic {
        "comfy_fp8" if name.contains("e5m2") => &[("comfy-fp8-e5m2", "")],
        "comfy_fp8" => &[("comfy-fp8", "")],
        // Groups of 64 are rotated in files that have them; the format's own are of 256.
        "comfy_int8" if name.contains("convrot_f32") => &[("comfy-int8-convrot", ".g256.")],
        "comfy_int8" if name.contains("convrot") => &[("comfy-int8-convrot", "")],
        "comfy_int8" => &[("comfy-int8", ".row."), ("comfy-int8-tensor", ".tensor.")],
        "comfy_nvfp4" => &[("comfy-nvfp4", "")],
        "comfy_mxfp8" => &[("comfy-mxfp8", "")],
        "hf_block_fp8" => &[("block-fp8", "")],
        "modelopt_nvfp4" => &[("modelopt-nvfp4", "")],
        _ if name.starts_with("fp8_channel") => &[("ct-fp8", "")],
        _ if name.starts_with("int8_channel") => &[("ct-int8", "")],
        _ if name.starts_with("nvfp4") => &[("ct-nvfp4", "")],
        _ if name.starts_with("mxfp4") => &[("mxfp4", "")],
        _ => &[],
    }
}

/// What the command makes of a case's numbers.
fn encoded(case: &Case, format: &str) -> File {
    let scratch = tempfile::tempdir().expect("a temporary folder");
    let folder = scratch.path();
    let input = folder.join("model.safetensors");
    std::fs::copy(&case.inputs[0], input).expect("the numbers");
    let line = [
        "convert",
        "model.safetensors",
        "--format",
        format,
        "--format-layers",
        "all",
        "--device",
        "cpu",
        "-q",
        "-o",
        "out.safetensors",
    ];
    prints(folder, &line);
    stored(&folder.join("out.safetensors"))
}

/// Tensors that a library's file holds and that are no result of quantising numbers.
fn is_beside(key: &str) -> bool {
    let beside = ["comfy_quant", "input_scale", "bias", "norm.weight"];
    beside.iter().any(|end| key.ends_with(end)) || key.ends_with("lm_head.weight")
}

/// The bytes that differ between a tensor and the library's.
fn differing(case: &Case, key: &str, found: &Stored, wanted: &Stored) -> usize {
    let header = |tensor: &Stored| (tensor.dtype, tensor.shape.clone());
    assert_eq!(header(found), header(wanted), "{}: {key}", case.name);
    if !case.tolerance.is_null() {
        close(case, key, found, wanted);
        return 0;
    }
    let pairs = found.bytes.iter().zip(&wanted.bytes);
    pairs.filter(|(found, wanted)| found != wanted).count()
}

/// Codes and scales of a case that allows for the order of sums.
fn close(case: &Case, key: &str, found: &Stored, wanted: &Stored) {
    let most = |what: &str| case.tolerance[what].as_f64().expect("a number");
    let place = format!("{}: {key}", case.name);
    if key.ends_with("_scale") {
        let scales = numbers(found).into_iter().zip(numbers(wanted));
        for (found, wanted) in scales {
            let off = (found - wanted).abs();
            assert!(off <= most("scale_rel") * wanted.abs(), "{place}: {off}");
        }
        return;
    }
    let codes = found.bytes.iter().zip(&wanted.bytes);
    let off: Vec<u8> = codes
        .map(|(found, wanted)| found.cast_signed().abs_diff(wanted.cast_signed()))
        .collect();
    let largest = off.iter().max().copied().unwrap_or(0);
    assert!(f64::from(largest) <= most("code_abs"), "{place}: {largest}");
    let differing = off.iter().filter(|off| **off > 0).count() as f64;
    let share = differing / off.len() as f64;
    assert!(share <= most("code_fraction_differing"), "{place}: {share}");
}

#[test]
fn the_codes_are_those_of_the_libraries() {
    // All that differs, by format, case and tensor: the bytes of a tensor that do.
    let mut differing_bytes: BTreeMap<(&str, String), usize> = BTreeMap::new();
    let (mut conversions, mut tensors) = (0, 0);
    for topic in TOPICS {
        let cases = cases(topic).into_iter();
        let asked = cases.filter(|case| case.op == "quantise_nearest");
        for case in asked.filter(|case| !UNASKED.contains(&case.name.as_str())) {
            for &(format, part) in formats(topic, &case.name) {
                let codes = encoded(&case, format);
                let wanted = stored(&case.output).into_iter();
                let wanted = wanted.filter(|(key, _)| key.contains(part) && !is_beside(key));
                for (key, wanted) in wanted {
                    let names = codes.keys();
                    let code = codes.get(&key);
                    let code = code.unwrap_or_else(|| panic!("{}: {key}: {names:?}", case.name));
                    let count = differing(&case, &key, code, &wanted);
                    if count > 0 {
                        differing_bytes.insert((format, format!("{}: {key}", case.name)), count);
                    }
                    tensors += 1;
                }
                conversions += 1;
            }
        }
    }
    assert_eq!(differing_bytes, BTreeMap::new());
    assert_eq!((conversions, tensors), (33, 137), "what was compared");
}
