//! Every decode case of every topic.

use wgmerge_compute::dtype::{DType, Float};
use wgmerge_compute::format::{E8M0, Format, Global};

use crate::cases::{Case, Entry, File, open};
use crate::compare::{Tensor, run};
use crate::dialects;

fn input(case: &Case) -> File {
    open(&case.path("inputs"))
}

fn base(name: &str) -> &str {
    name.strip_suffix(".weight").unwrap_or(name)
}

/// What a library computes in at run time is not what a file holds.
const RUNTIME: (&str, &str) = (
    "dequantise_as_runtime_bf16",
    "it is a layer's arithmetic in bf16, where its file holds f32",
);

fn rounded(mut tensor: Tensor<'_>, float: Float) -> Tensor<'_> {
    if let Format::Scaled(scaled) = &mut tensor.format {
        scaled.rounded = float;
    }
    tensor
}

#[test]
fn comfy() {
    let topics = [
        ("comfy_fp8", 14),
        ("comfy_nvfp4", 6),
        ("comfy_mxfp8", 6),
        ("comfy_int8", 6),
        ("comfy_int4", 6),
        ("comfy_experts", 4),
        ("convert_to_quant", 13),
    ];
    for (topic, count) in topics {
        let left_out: &[(&str, &str)] = match topic {
            "comfy_fp8" | "comfy_nvfp4" | "comfy_mxfp8" | "comfy_int8" => &[RUNTIME],
            "comfy_int4" => &[(
                "w4a8_correction.decode",
                "ComfyUI loads no weight_correction, so there are no such files",
            )],
            _ => &[],
        };
        let cases = run(topic, left_out, input, |_, file, name, expected| {
            dialects::comfy(file, base(name), &expected.shape)
        });
        assert_eq!(cases, count, "{topic}");
    }
}

#[test]
fn scaled_fp8() {
    let cases = run(
        "legacy_scaled_fp8",
        &[],
        input,
        |_, file, name, expected| {
            let tensor = dialects::bytes(file, base(name), "scale_weight", &expected.shape);
            rounded(tensor, expected.float())
        },
    );
    assert_eq!(cases, 13);
}

#[test]
fn blocks_of_fp8() {
    let cases = run("hf_block_fp8", &[], input, |_, file, name, expected| {
        let base = base(name);
        let mut scales = ["weight_scale_inv", "weight_scale", "scale"].iter();
        let is_there = |scale: &&&str| file.contains_key(&format!("{base}.{scale}"));
        let scale = *scales.find(is_there).expect("scales");
        let (weight, shape) = (&file[&format!("{base}.weight")], &expected.shape);
        let key = format!("{base}.{scale}");
        if weight.dtype == DType::I8 || file[&key].dtype == DType::U8 {
            return dialects::mx(weight, &file[&key], shape);
        }
        dialects::bytes(file, base, scale, shape)
    });
    assert_eq!(cases, 8);
}

#[test]
fn gpt_oss() {
    let left_out = [
        ("blocks.decode_f32", "its numbers are transposed: see below"),
        (
            "blocks.decode_bf16",
            "its numbers are transposed: see below",
        ),
    ];
    let cases = run(
        "gpt_oss_mxfp4",
        &left_out,
        input,
        |_, file, name, expected| {
            dialects::mx(
                &file[name],
                &file[&format!("{name}_scale")],
                &expected.shape,
            )
        },
    );
    assert_eq!(cases, 12);
}

#[test]
fn gpt_oss_experts() {
    let mut count = 0;
    for case in crate::cases::cases("gpt_oss_mxfp4") {
        if !case.name.starts_with("blocks.decode") {
            continue;
        }
        let file = input(&case);
        for (name, expected) in case.output() {
            let [experts, inputs, outputs] = expected.shape[..] else {
                panic!("{name} is no bank");
            };
            let blocks = &file[&format!("{name}_blocks")];
            let scales = &file[&format!("{name}_scales")];
            let shape = [experts, outputs, inputs];
            let mut tensor = rounded(dialects::mx(blocks, scales, &shape), expected.float());
            if let Format::Scaled(scaled) = &mut tensor.format {
                scaled.e8m0 = E8M0::Power;
            }
            let transposed = transposed(&expected, [experts, inputs, outputs]);
            crate::compare::check(&case, &name, &tensor, &transposed);
        }
        count += 1;
    }
    assert_eq!(count, 2);
}

/// The same numbers with the last two dimensions exchanged.
fn transposed(entry: &Entry, shape: [u64; 3]) -> Entry {
    let width = entry.float().bytes();
    let [matrices, rows, columns] = shape.map(|d| d as usize);
    let mut bytes = Vec::new();
    for matrix in 0..matrices {
        for column in 0..columns {
            for row in 0..rows {
                let at = ((matrix * rows + row) * columns + column) * width;
                bytes.extend_from_slice(&entry.bytes[at..at + width]);
            }
        }
    }
    Entry {
        dtype: entry.dtype,
        shape: vec![shape[0], shape[2], shape[1]],
        bytes,
    }
}

#[test]
fn compressed_tensors() {
    let cases = run(
        "compressed_tensors",
        &[],
        input,
        |case, file, name, expected| {
            let (base, shape) = (base(name), &expected.shape);
            let part = |name: &str| file.get(&format!("{base}.{name}"));
            let Some(values) = part("weight_packed") else {
                let scale = part("weight_scale").expect("scales");
                let tensor = if scale.dtype == DType::U8 {
                    dialects::mx(part("weight").expect("codes"), scale, shape)
                } else {
                    dialects::bytes(file, base, "weight_scale", shape)
                };
                return rounded(tensor, expected.float());
            };
            let scale = part("weight_scale").expect("scales");
            let tensor = match part("weight_global_scale") {
                Some(global) => dialects::nvfp4([values, scale, global], Global::Over, shape),
                None if scale.dtype == DType::U8 => dialects::mx(values, scale, shape),
                None => {
                    let digits = case
                        .name
                        .strip_prefix("int")
                        .and_then(|name| name.chars().next());
                    let bits = digits.and_then(|digit| digit.to_digit(10)).expect("bits");
                    dialects::packed(file, base, bits, shape)
                }
            };
            rounded(tensor, expected.float())
        },
    );
    assert_eq!(cases, 26);
}

#[test]
fn modelopt() {
    let cases = run("modelopt_nvfp4", &[], input, |_, file, name, expected| {
        let (base, shape) = (base(name), &expected.shape);
        let part = |name: &str| file.get(&format!("{base}.{name}"));
        match (part("weight"), part("weight_scale"), part("weight_scale_2")) {
            (Some(weight), Some(scale), Some(global)) => {
                dialects::nvfp4([weight, scale, global], Global::Times, shape)
            }
            _ => dialects::mx(&file[name], &file[&format!("{name}_scale")], shape),
        }
    });
    assert_eq!(cases, 4);
}

#[test]
fn awq() {
    let left_out = [(
        "awq.decode_f16",
        "the same numbers, rounded to f16 where they are stored",
    )];
    let cases = run("awq_gemm", &left_out, input, |_, file, name, expected| {
        dialects::awq(file, base(name), &expected.shape)
    });
    assert_eq!(cases, 1);
}

#[test]
fn bitsandbytes() {
    let cases = run("bitsandbytes", &[], input, |_, file, name, expected| {
        if let Some(scale) = file.get(&format!("{}.SCB", base(name))) {
            return Tensor {
                format: Format::Bnb8,
                shape: expected.shape.clone(),
                parts: vec![&file[name], scale],
            };
        }
        dialects::table(file, name, expected.float())
    });
    assert_eq!(cases, 26);
}
