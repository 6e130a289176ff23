//! Formats of language models.

use wgmerge_compute::dtype::{DType, Float};
use wgmerge_compute::format::{Code, Encoding, Exponent, Global, Rule, Scaled};

use crate::golden::{Case, check};
use crate::layouts::{asymmetric, block, encoding, mx, nvfp4, packed, row, tensor};

pub fn file(encoding: &Encoding, topic: &str, name: &str, source: &str, parts: &[&str]) {
    let case = Case {
        input: &format!("{name}.src"),
        source,
        output: &format!("{name}.quant"),
        parts,
    };
    check(encoding, topic, &case);
}

#[test]
fn blocks_of_transformers() {
    let name = "model.layers.0.mlp.down_proj.weight";
    let scale = "model.layers.0.mlp.down_proj.weight_scale_inv";
    let plain = encoding(Rule::Transformers, block(Code::E4M3, 128, 128));
    for word in ["f32", "bf16"] {
        let file_name = format!("block128_{word}");
        file(&plain, "hf_block_fp8", &file_name, name, &[name, scale]);
    }
    let powers = Scaled {
        scale: Some(DType::F8E8M0),
        ..block(Code::E4M3, 128, 128)
    };
    let case = Case {
        input: "block128_f32.src",
        source: name,
        output: "block128_ue8m0_f32.quant",
        parts: &[name, scale],
    };
    check(&encoding(Rule::Transformers, powers), "hf_block_fp8", &case);
}

#[test]
fn compressed_blocks() {
    let name = "model.layers.0.mlp.up_proj.weight";
    let scale = "model.layers.0.mlp.up_proj.weight_scale";
    let ragged = encoding(Rule::CompressedTensors, block(Code::E4M3, 128, 128));
    file(
        &ragged,
        "hf_block_fp8",
        "ct_block_ragged0",
        name,
        &[name, scale],
    );
}

#[test]
fn musubi() {
    let names = ["blocks.0.attn.to_q", "blocks.1.ffn"];
    for (dtype, scale) in [("f32", DType::F32), ("bf16", DType::BF16)] {
        let with = |scaled: Scaled| {
            let scale = Some(scale);
            encoding(Rule::Musubi, Scaled { scale, ..scaled })
        };
        for name in names {
            let parts = [format!("{name}.weight"), format!("{name}.scale_weight")];
            let parts = [parts[0].as_str(), parts[1].as_str()];
            let check = |mode: &str, scaled: Scaled| {
                let name = format!("musubi_{mode}_{dtype}");
                file(&with(scaled), "legacy_scaled_fp8", &name, parts[0], &parts);
            };
            check("tensor", tensor(Code::E4M3));
            check("channel", row(Code::E4M3));
            // 40 columns are no multiple of the block, and get a scale for each row.
            match name {
                "blocks.1.ffn" => check("block", row(Code::E4M3)),
                _ => check("block", block(Code::E4M3, 1, 32)),
            }
        }
    }
}

const CT: &str = "model.layers.0.mlp.down_proj";

fn compressed(encoding: &Encoding, name: &str, parts: &[&str]) {
    let names: Vec<String> = parts.iter().map(|part| format!("{CT}.{part}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let source = format!("{CT}.weight");
    file(encoding, "compressed_tensors", name, &source, &names);
}

#[test]
fn compressed_tensors() {
    let rule = Rule::CompressedTensors;
    for (word, float) in [("f32", Float::F32), ("bf16", Float::BF16)] {
        let with = |scaled: Scaled| {
            let scale = Some(float.dtype());
            encoding(rule, Scaled { scale, ..scaled })
        };
        let name = |kind: &str| format!("{kind}_{word}");
        let plain = ["weight", "weight_scale"];
        let words = ["weight_packed", "weight_scale"];
        compressed(&with(tensor(Code::E4M3)), &name("fp8_tensor"), &plain);
        compressed(&with(row(Code::E4M3)), &name("fp8_channel"), &plain);
        compressed(&with(row(Code::I8)), &name("int8_channel"), &plain);
        compressed(&packed(4, Some(32), float), &name("int4_group32"), &words);
        compressed(&packed(8, Some(32), float), &name("int8_group32"), &words);
        let global = ["weight_packed", "weight_scale", "weight_global_scale"];
        compressed(
            &encoding(rule, nvfp4(Global::Over)),
            &name("nvfp4"),
            &global,
        );
        compressed(&encoding(rule, mx(Code::E2M1Low)), &name("mxfp4"), &words);
        compressed(&encoding(rule, mx(Code::E4M3)), &name("mxfp8"), &plain);
        compressed(&encoding(rule, mx(Code::E2M3)), &name("mxfp6"), &words);
    }
    for (word, float) in [("f32", Float::F32), ("bf16", Float::BF16)] {
        let words = ["weight_packed", "weight_scale", "weight_zero_point"];
        for (kind, group) in [("channel", None), ("group32", Some(32))] {
            let encoding = asymmetric(4, group, float);
            compressed(&encoding, &format!("int4_{kind}_asym_{word}"), &words);
        }
    }
    let words = ["weight_packed", "weight_scale"];
    compressed(&packed(4, None, Float::F32), "int4_channel_odd", &words);
    compressed(&packed(3, None, Float::F32), "int3_channel", &words);
}

#[test]
fn model_opt() {
    let names = ["weight", "weight_scale", "weight_scale_2"].map(|part| format!("{CT}.{part}"));
    let names = names.each_ref().map(String::as_str);
    let nested = encoding(Rule::ModelOpt, nvfp4(Global::Times));
    for word in ["f32", "bf16", "f16"] {
        let name = format!("nvfp4_{word}");
        file(&nested, "modelopt_nvfp4", &name, names[0], &names);
    }
}

#[test]
fn model_opt_mxfp4() {
    let encoding = encoding(Rule::ModelOpt, mx(Code::E2M1Low));
    file(&encoding, "modelopt_nvfp4", "mxfp4", "w", &["w", "w_scale"]);
}

#[test]
fn torchao() {
    let modes = [
        ("floor", Exponent::Floor),
        ("ceil", Exponent::Ceil),
        ("even", Exponent::Even),
        ("rceil", Exponent::CeilRatio),
    ];
    for (word, exponent) in modes {
        for (kind, code) in [("mxfp4", Code::E2M1Low), ("mxfp8", Code::E4M3)] {
            for dtype in ["f32", "bf16"] {
                if dtype == "bf16" && !["floor", "rceil"].contains(&word) {
                    continue;
                }
                let case = Case {
                    input: &format!("torchao_{dtype}.src"),
                    source: "w",
                    output: &format!("torchao_{kind}_{word}_{dtype}.quant"),
                    parts: &["w", "w_scale"],
                };
                check(
                    &encoding(Rule::Torchao(exponent), mx(code)),
                    "gpt_oss_mxfp4",
                    &case,
                );
            }
        }
    }
}
