//! Codes become the numbers that the libraries make of them which the formats come from.

use std::path::Path;

use super::golden::{Case, cases};
use super::models::{File, numbers};
use crate::support::command::{prints, refuses};
use crate::support::tensors::{Stored, stored};

/// The word for the type that a case's numbers are in.
fn dtype(case: &Case) -> Option<&'static str> {
    match case.op.as_str() {
        "dequantise_to_f32" | "dequantise_to_float32" | "dequantise_in_scale_dtype" => Some("f32"),
        "dequantise_to_f16" | "dequantise_to_float16" => Some("f16"),
        "dequantise_to_bf16" | "dequantise_to_bfloat16" => Some("bf16"),
        // The loader of a network rounds scales first; a merger does not.
        "dequantise_as_runtime_bf16" => None,
        other => {
            assert!(!other.starts_with("dequantise"), "{other} is not run");
            None
        }
    }
}

/// What the command makes of a case's codes.
fn decoded(case: &Case, dtype: &str) -> File {
    let scratch = tempfile::tempdir().expect("a temporary folder");
    let folder = scratch.path();
    let copy = |from: &Path, to: &str| {
        let copied = std::fs::copy(from, folder.join(to));
        copied.unwrap_or_else(|fault| panic!("{}: {fault}", from.display()));
    };
    let kind = case.inputs[0].extension().expect("a kind of file");
    let weights = format!("model.{}", kind.to_string_lossy());
    let (input, output, written) = match &case.inputs[1..] {
        [] => (weights.clone(), "out.safetensors", "out.safetensors"),
        [config, ..] => {
            std::fs::create_dir(folder.join("in")).expect("a folder");
            copy(config, "in/config.json");
            (format!("in/{weights}"), "out/", "out/model.safetensors")
        }
    };
    copy(&case.inputs[0], &input);
    let input = match output {
        "out/" => "in",
        _ => &input,
    };
    let rest = ["--dtype", dtype, "-o", output, "--device", "cpu", "-q"];
    prints(folder, &[&["convert", input][..], &rest].concat());
    stored(&folder.join(written))
}

/// The elements of `of`, which may be filled up at its ends, that lie within a shape.
fn cut(of: &Stored, shape: &[u64]) -> Vec<f64> {
    let all = numbers(of);
    if of.shape == shape {
        return all;
    }
    assert_eq!(of.shape.len(), shape.len(), "{:?}, {shape:?}", of.shape);
    let count: u64 = shape.iter().product();
    let at = |index: u64| {
        let (mut rest, mut place, mut stride) = (index, 0, 1);
        for (inner, outer) in shape.iter().zip(&of.shape).rev() {
            assert!(inner <= outer, "{:?}, {shape:?}", of.shape);
            place += rest % inner * stride;
            (rest, stride) = (rest / inner, stride * outer);
        }
        all[place as usize]
    };
    (0..count).map(at).collect()
}

/// Whether a found number is the one that a library computed.
fn is_same(case: &Case, found: f64, wanted: f64) -> bool {
    // bitsandbytes' loops disagree about the sign of FP4's second zero, and what musubi reads out
    // with an identity has lost those of its zeros.
    let is_signed = !case.name.starts_with("fp4_") && !case.name.starts_with("musubi");
    // Values are worked on as docs/NUMERICS.md says: those up to 2^-126 are zeros.
    let is_settled = case.op.ends_with("_bf16") && wanted.abs() <= 2.0_f64.powi(-126);
    found.to_bits() == wanted.to_bits()
        || found.is_nan() && wanted.is_nan()
        || found == wanted && !is_signed
        || found == 0.0 && is_settled
}

/// How far from `wanted` a number of a row may be.
fn most(case: &Case, row: &[f64], wanted: f64) -> f64 {
    let most = |what: &str| case.tolerance[what].as_f64();
    let largest = row.iter().fold(0.0, |most: f64, n| most.max(n.abs()));
    match (most("abs_of_row_amax"), most("rel")) {
        (Some(most), _) => most * largest,
        (None, Some(most)) => most * wanted.abs(),
        (None, None) => {
            assert!(case.tolerance.is_null(), "{}: what is allowed?", case.name);
            0.0
        }
    }
}

fn compare(case: &Case, key: &str, found: &Stored, wanted: &Stored) {
    let place = format!("{key} of {}", case.name);
    let width = wanted.shape.last().map_or(1, |n| (*n).max(1)) as usize;
    let (found, wanted) = (cut(found, &wanted.shape), numbers(wanted));
    assert_eq!(found.len(), wanted.len(), "{place}");
    for (number, (found, row)) in found.chunks(width).zip(wanted.chunks(width)).enumerate() {
        for (column, (found, wanted)) in found.iter().zip(row).enumerate() {
            let most = most(case, row, *wanted);
            let near = most > 0.0 && (found - wanted).abs() <= most;
            assert!(
                near || is_same(case, *found, *wanted),
                "{place}: {found:e}, not {wanted:e}, at [{number}, {column}]"
            );
        }
    }
}

/// Decodes the cases of a topic; how many there are.
#[track_caller]
fn decodes(topic: &str, count: usize) {
    let mut done = 0;
    for case in cases(topic) {
        let Some(dtype) = dtype(&case).filter(|_| case.name != REFUSED) else {
            continue;
        };
        let found = decoded(&case, dtype);
        for (key, wanted) in stored(&case.output) {
            let tensor = found.get(&key);
            let tensor = tensor.or_else(|| found.get(&format!("{key}.weight")));
            let names = found.keys();
            let tensor = tensor.unwrap_or_else(|| panic!("{}: {key}: {names:?}", case.name));
            let is_asked = tensor.dtype.to_string().eq_ignore_ascii_case(dtype);
            assert!(is_asked, "{}: {key} is {}", case.name, tensor.dtype);
            compare(&case, &key, tensor, &wanted);
        }
        let codes = [
            ".weight_scale",
            ".comfy_quant",
            ".scale_weight",
            "scaled_fp8",
        ];
        let left = found
            .keys()
            .find(|key| codes.iter().any(|end| key.ends_with(end)));
        assert_eq!(left, None, "{}: what belongs to codes is left", case.name);
        done += 1;
    }
    assert_eq!(done, count, "{topic}: cases");
}

/// No loader of ComfyUI reads it, and files that have it are not known.
const REFUSED: &str = "w4a8_correction.decode";

#[test]
fn codes_of_comfyui() {
    decodes("comfy_fp8", 14);
    decodes("comfy_int8", 6);
    decodes("comfy_mxfp8", 6);
    decodes("comfy_nvfp4", 6);
    decodes("comfy_experts", 4);
    decodes("comfy_int4", 6);
}

#[test]
fn codes_of_converters_and_of_old() {
    decodes("convert_to_quant", 13);
    decodes("legacy_scaled_fp8", 13);
}

#[test]
fn codes_of_transformers() {
    decodes("hf_block_fp8", 8);
    decodes("gpt_oss_mxfp4", 14);
    decodes("bitsandbytes", 26);
    decodes("awq_gemm", 2);
}

#[test]
fn codes_of_compressed_tensors_and_modelopt() {
    decodes("compressed_tensors", 26);
    decodes("modelopt_nvfp4", 4);
}

#[test]
fn codes_of_gguf() {
    decodes("gguf", 25);
}

#[test]
fn a_correction_that_no_loader_reads_is_refused() {
    let cases = cases("comfy_int4");
    let case = cases.iter().find(|case| case.name == REFUSED);
    let case = case.expect("the case");
    let scratch = tempfile::tempdir().expect("a temporary folder");
    let input = scratch.path().join("model.safetensors");
    std::fs::copy(&case.inputs[0], &input).expect("the file");
    let rest = ["--dtype", "f32", "-o", "out.safetensors", "--device", "cpu"];
    let line = [&["convert", "model.safetensors"][..], &rest].concat();
    let told = refuses(scratch.path(), &line);
    for part in ["model.safetensors", "`a.weight`", "ComfyUI"] {
        assert!(told.contains(part), "no {part} in {told}");
    }
    assert!(!scratch.path().join("out.safetensors").exists());
}
