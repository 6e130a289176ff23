//! ComfyUI's formats, by comfy-kitchen and by convert-to-quant.

use wgmerge_compute::dtype::DType;
use wgmerge_compute::format::{Code, Encoding, Over, Rule, Scaled, Scales, Stretch};
use wgmerge_compute::level::Level;

use crate::golden::{Case, File, assert_bytes, check, check_close, encode_stretch};
use crate::layouts::{block, comfy_mxfp8, comfy_nvfp4, encoding, row, tensor};

const TYPES: [&str; 3] = ["f32", "bf16", "f16"];

/// Compares a layer: its weight and what lies beside it.
fn layer(rule: Rule, scaled: &Scaled, topic: &str, input: &str, output: &str, name: &str) {
    let weight = format!("{name}.weight");
    let scale = format!("{name}.weight_scale");
    let global = format!("{name}.weight_scale_2");
    let mut parts = vec![weight.as_str(), &scale];
    if scaled.global.is_some() {
        parts.push(&global);
    }
    let case = Case {
        input,
        source: &weight,
        output,
        parts: &parts,
    };
    let encoding = encoding(rule, scaled.clone());
    match scaled.rotated {
        Some(_) if topic != "comfy_int8" || output.contains("f32") => {
            check_close(&encoding, topic, &case, 0.002, 1e-6);
        }
        Some(_) => check_close(&encoding, topic, &case, 0.35, 0.004),
        None => check(&encoding, topic, &case),
    }
}

fn kitchen(scaled: &Scaled, topic: &str, file: &str, names: &[&str]) {
    for name in names {
        let [input, output] = [format!("{file}.src"), format!("{file}.quant")];
        layer(Rule::ComfyKitchen, scaled, topic, &input, &output, name);
    }
}

#[test]
fn fp8() {
    let names = ["blocks.0.attn.qkv", "blocks.1.attn.qkv"];
    for (word, code) in [("e4m3fn", Code::E4M3), ("e5m2", Code::E5M2)] {
        for dtype in TYPES {
            let file = format!("float8_{word}_{dtype}");
            kitchen(&tensor(code), "comfy_fp8", &file, &names);
        }
    }
    let names = ["nd.0", "nd.1", "nd.2"];
    kitchen(&tensor(Code::E4M3), "comfy_fp8", "float8_e4m3fn_nd", &names);
}

#[test]
fn nvfp4() {
    let names = ["layers.0.w", "layers.1.w", "layers.2.w", "layers.3.w"];
    for dtype in TYPES {
        kitchen(
            &comfy_nvfp4(),
            "comfy_nvfp4",
            &format!("nvfp4_{dtype}"),
            &names,
        );
    }
}

#[test]
fn mxfp8() {
    let names = ["layers.0.w", "layers.1.w", "layers.2.w"];
    for dtype in TYPES {
        kitchen(
            &comfy_mxfp8(),
            "comfy_mxfp8",
            &format!("mxfp8_{dtype}"),
            &names,
        );
    }
}

#[test]
fn int8() {
    for dtype in TYPES {
        let file = format!("int8_{dtype}");
        kitchen(
            &tensor(Code::I8),
            "comfy_int8",
            &file,
            &["l0.tensor", "l1.tensor"],
        );
        kitchen(&row(Code::I8), "comfy_int8", &file, &["l0.row", "l1.row"]);
    }
}

#[test]
fn rotated() {
    let rotated = |code: Code, group: u64| Scaled {
        rotated: Some(group),
        ..row(code)
    };
    let (large, small) = (rotated(Code::I8, 256), rotated(Code::I8, 64));
    kitchen(&large, "comfy_int8", "int8_convrot_f32", &["cr0.g256"]);
    kitchen(&small, "comfy_int8", "int8_convrot_f32", &["cr0.g64"]);
    kitchen(&large, "comfy_int8", "int8_convrot_bf16", &["crb"]);
    let int4 = rotated(Code::I4Low, 256);
    kitchen(&int4, "comfy_int4", "convrot_w4a4", &["w44.0", "w44.1"]);
}

fn converted(scaled: &Scaled, input: &str, output: &str, names: &[&str]) {
    let output = format!("{output}.quant");
    for name in names {
        layer(
            Rule::ConvertToQuant,
            scaled,
            "convert_to_quant",
            input,
            &output,
            name,
        );
    }
}

#[test]
fn convert_to_quant() {
    let ragged = ["blocks.0.attn.qkv", "blocks.2.odd"];
    let whole = ["blocks.0.attn.qkv", "blocks.1.mlp"];
    let mxfp8 = Scaled {
        scale: Some(DType::U8),
        ..comfy_mxfp8()
    };
    for dtype in ["f32", "bf16"] {
        let input = format!("src_ragged_{dtype}");
        let file = |word: &str| format!("{word}_{dtype}");
        converted(&tensor(Code::E4M3), &input, &file("fp8_tensor"), &ragged);
        converted(&row(Code::I8), &input, &file("int8_row"), &ragged);
        converted(&comfy_nvfp4(), &input, &file("nvfp4"), &ragged);
        converted(&mxfp8, &input, &file("mxfp8"), &ragged);
    }
    let input = "src_ragged_f32";
    converted(&row(Code::E4M3), input, "fp8_row_f32", &ragged);
    converted(&tensor(Code::I8), input, "int8_tensor_f32", &ragged);
    converted(
        &block(Code::E4M3, 64, 64),
        "src_f32",
        "fp8_block64_f32",
        &whole,
    );
    converted(
        &block(Code::I8, 64, 64),
        "src_f32",
        "int8_block64_f32",
        &whole,
    );
    let rotated = Scaled {
        over: Over::Row,
        rotated: Some(64),
        ..tensor(Code::I8)
    };
    converted(&rotated, "src_f32", "int8_row_convrot64_f32", &whole);
}

/// What encoding under given scales gives.
fn kept(scaled: Scaled, shape: &[u64], values: &[f32], scales: &[Vec<u8>]) -> Vec<u8> {
    let encoding = Encoding {
        scales: Scales::Kept,
        ..encoding(Rule::ComfyKitchen, scaled)
    };
    let mut kept: Vec<&[u8]> = vec![&[]];
    kept.extend(scales.iter().map(Vec::as_slice));
    let stretch = Stretch {
        shape,
        start: 0,
        values,
        largest: &[],
        kept: &kept,
    };
    let parts = encode_stretch(&encoding, Level::detect(), stretch);
    assert_eq!(parts[1..], *scales);
    parts[0].clone()
}

#[test]
fn fp8_saturates() {
    for (word, code) in [("e4m3fn", Code::E4M3), ("e5m2", Code::E5M2)] {
        let name = format!("float8_{word}_saturation_scale1");
        let source = File::read("comfy_fp8", &format!("{name}.src")).source("sat.weight");
        let scales = [1f32.to_le_bytes().to_vec()];
        let mut found = kept(tensor(code), &source.shape, &source.values, &scales);
        let output = File::read("comfy_fp8", &format!("{name}.quant"));
        let mut expected = output.bytes("sat.weight");
        // The sign of a NaN is free, and so are its lower bits.
        for (place, value) in source.values.iter().enumerate() {
            if value.is_nan() {
                assert!(expected[place] & 0x7f > 0x7c && found[place] & 0x7f > 0x7c);
                (found[place], expected[place]) = (0, 0);
            }
        }
        assert_bytes(&name, &found, &expected);
    }
}

#[test]
fn nvfp4_ties() {
    let source = File::read("comfy_nvfp4", "nvfp4_ties.src").source("ties.weight");
    let stretch = Stretch {
        shape: &source.shape,
        start: 0,
        values: &source.values,
        // So that the scale of the matrix is 1, as it was there.
        largest: &[2688.0],
        kept: &[],
    };
    let encoding = encoding(Rule::ComfyKitchen, comfy_nvfp4());
    let parts = encode_stretch(&encoding, Level::detect(), stretch);
    let output = File::read("comfy_nvfp4", "nvfp4_ties.quant");
    let names = ["ties.weight", "ties.weight_scale", "ties.weight_scale_2"];
    for (part, name) in parts.iter().zip(names) {
        assert_bytes(name, part, &output.bytes(name));
    }
}

/// Banks of experts: what was decoded becomes the same codes again.
#[test]
fn experts() {
    let matrix = |code: Code| Scaled {
        over: Over::Matrix,
        ..tensor(code)
    };
    let cases = [
        ("float8_e4m3fn", matrix(Code::E4M3)),
        ("int8_tensorwise", matrix(Code::I8)),
        ("mxfp8", comfy_mxfp8()),
        ("nvfp4", comfy_nvfp4()),
    ];
    for (word, scaled) in cases {
        let quant = File::read("comfy_experts", &format!("experts_{word}.quant"));
        let numbers = File::read("comfy_experts", &format!("experts_{word}.f32"));
        let numbers = numbers.source("bank.weight");
        let mut scales = vec![quant.bytes("bank.weight_scale")];
        if scaled.global.is_some() {
            scales.push(quant.bytes("bank.weight_scale_2"));
        }
        let found = kept(scaled, &numbers.shape, &numbers.values, &scales);
        assert_bytes(word, &found, &quant.bytes("bank.weight"));
    }
}
