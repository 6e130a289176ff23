//! The formats that an output can be asked for.

use super::settings::{block_fp8, ct_fp8, ct_int4, ct_int8, ct_mxfp4, ct_nvfp4};
use super::{Marks, Target};
use crate::dtype::DType;
use crate::format::encode::Rule;
use crate::format::{Block, Code, E8M0, Format, Global, Over, Packed, Scaled};

/// Rows of codes with a scale of the tensor: what other formats differ from.
const PLAIN: Scaled = Scaled {
    scale: Some(DType::F32),
    ..Scaled::plain(Code::E4M3, DType::F8E4M3)
};

const fn group(columns: u64) -> Over {
    Over::Block(Block { rows: 1, columns })
}

/// Columns that ConvRot rotates together.
const ROTATED: u64 = 256;

const fn comfy(format: &'static str) -> Marks {
    Marks::Comfy {
        format,
        per_row: false,
        rotated: None,
        group: None,
    }
}

/// Every target.
pub static TARGETS: &[Target] = &[
    Target {
        word: "comfy-fp8",
        also: &["float8_e4m3fn"],
        summary: "fp8 (e4m3) with a scale for each layer, for ComfyUI",
        format: |_| Format::Scaled(PLAIN),
        rule: Rule::ComfyKitchen,
        names: &["weight", "weight_scale"],
        scalar: &[],
        block: Block {
            rows: 1,
            columns: 1,
        },
        marks: comfy("float8_e4m3fn"),
    },
    Target {
        word: "comfy-fp8-e5m2",
        also: &["float8_e5m2"],
        summary: "fp8 (e5m2) with a scale for each layer, for ComfyUI",
        format: |_| {
            Format::Scaled(Scaled {
                code: Code::E5M2,
                stored: DType::F8E5M2,
                ..PLAIN
            })
        },
        rule: Rule::ComfyKitchen,
        names: &["weight", "weight_scale"],
        scalar: &[],
        block: Block {
            rows: 1,
            columns: 1,
        },
        marks: comfy("float8_e5m2"),
    },
    Target {
        word: "scaled-fp8",
        also: &[],
        summary: "fp8 (e4m3) with `scale_weight` and the marker `scaled_fp8`: ComfyUI of old",
        format: |_| Format::Scaled(PLAIN),
        rule: Rule::ComfyKitchen,
        names: &["weight", "scale_weight"],
        scalar: &[],
        block: Block {
            rows: 1,
            columns: 1,
        },
        marks: Marks::ScaledFp8,
    },
    Target {
        word: "comfy-int8",
        also: &["int8"],
        summary: "int8 with a scale for each row (int8_tensorwise), for ComfyUI",
        format: |_| {
            Format::Scaled(Scaled {
                code: Code::I8,
                stored: DType::I8,
                over: Over::Row,
                ..PLAIN
            })
        },
        rule: Rule::ComfyKitchen,
        names: &["weight", "weight_scale"],
        scalar: &[],
        block: Block {
            rows: 1,
            columns: 1,
        },
        marks: Marks::Comfy {
            format: "int8_tensorwise",
            per_row: true,
            rotated: None,
            group: None,
        },
    },
    Target {
        word: "comfy-int8-tensor",
        also: &["int8_tensorwise"],
        summary: "int8 with a scale for each layer (int8_tensorwise), for ComfyUI",
        format: |_| {
            Format::Scaled(Scaled {
                code: Code::I8,
                stored: DType::I8,
                ..PLAIN
            })
        },
        rule: Rule::ComfyKitchen,
        names: &["weight", "weight_scale"],
        scalar: &[],
        block: Block {
            rows: 1,
            columns: 1,
        },
        marks: comfy("int8_tensorwise"),
    },
    Target {
        word: "comfy-int8-convrot",
        also: &["convrot"],
        summary: "int8 by rows, rotated in groups of 256 (ConvRot), for ComfyUI",
        format: |_| {
            Format::Scaled(Scaled {
                code: Code::I8,
                stored: DType::I8,
                over: Over::Row,
                rotated: Some(ROTATED),
                ..PLAIN
            })
        },
        rule: Rule::ComfyKitchen,
        names: &["weight", "weight_scale"],
        scalar: &[],
        block: Block {
            rows: 1,
            columns: ROTATED,
        },
        marks: Marks::Comfy {
            format: "int8_tensorwise",
            per_row: true,
            rotated: Some(ROTATED),
            group: None,
        },
    },
    Target {
        word: "comfy-nvfp4",
        also: &["nvfp4"],
        summary: "NVFP4 in tiles of NVIDIA's kernels, for ComfyUI",
        format: |_| {
            Format::Scaled(Scaled {
                code: Code::E2M1High,
                stored: DType::U8,
                pad: 16,
                over: group(16),
                scale: Some(DType::F8E4M3),
                swizzled: true,
                global: Some(Global::Times),
                ..PLAIN
            })
        },
        rule: Rule::ComfyKitchen,
        names: &["weight", "weight_scale", "weight_scale_2"],
        scalar: &[],
        block: Block {
            rows: 1,
            columns: 1,
        },
        marks: Marks::Comfy {
            format: "nvfp4",
            per_row: false,
            rotated: None,
            group: Some(16),
        },
    },
    Target {
        word: "comfy-mxfp8",
        also: &["mxfp8"],
        summary: "MXFP8 in tiles of NVIDIA's kernels, for ComfyUI",
        format: |_| {
            Format::Scaled(Scaled {
                pad: 32,
                over: group(32),
                scale: Some(DType::F8E8M0),
                e8m0: E8M0::Bits,
                swizzled: true,
                ..PLAIN
            })
        },
        rule: Rule::ComfyKitchen,
        names: &["weight", "weight_scale"],
        scalar: &[],
        block: Block {
            rows: 1,
            columns: 1,
        },
        marks: Marks::Comfy {
            format: "mxfp8",
            per_row: false,
            rotated: None,
            group: Some(32),
        },
    },
    Target {
        word: "block-fp8",
        also: &[],
        summary: "fp8 in blocks of 128 x 128 (`weight_scale_inv`), for transformers and vLLM",
        format: |_| {
            Format::Scaled(Scaled {
                over: Over::Block(Block {
                    rows: 128,
                    columns: 128,
                }),
                ..PLAIN
            })
        },
        rule: Rule::Transformers,
        names: &["weight", "weight_scale_inv"],
        scalar: &[1, 1],
        block: Block {
            rows: 128,
            columns: 128,
        },
        marks: Marks::Config {
            said: block_fp8,
            packs: false,
        },
    },
    Target {
        word: "ct-fp8",
        also: &[],
        summary: "fp8 with a scale for each row (float-quantized), for vLLM and transformers",
        format: |float| {
            Format::Scaled(Scaled {
                over: Over::Row,
                scale: Some(float.dtype()),
                rounded: float,
                ..PLAIN
            })
        },
        rule: Rule::CompressedTensors,
        names: &["weight", "weight_scale"],
        scalar: &[1],
        block: Block {
            rows: 1,
            columns: 1,
        },
        marks: Marks::Config {
            said: ct_fp8,
            packs: false,
        },
    },
    Target {
        word: "ct-int8",
        also: &[],
        summary: "int8 with a scale for each row (int-quantized), for vLLM and transformers",
        format: |float| {
            Format::Scaled(Scaled {
                code: Code::I8,
                stored: DType::I8,
                over: Over::Row,
                scale: Some(float.dtype()),
                rounded: float,
                ..PLAIN
            })
        },
        rule: Rule::CompressedTensors,
        names: &["weight", "weight_scale"],
        scalar: &[1],
        block: Block {
            rows: 1,
            columns: 1,
        },
        marks: Marks::Config {
            said: ct_int8,
            packs: false,
        },
    },
    Target {
        word: "ct-int4",
        also: &[],
        summary: "int4 in groups of 128 (pack-quantized), for vLLM and transformers",
        format: |float| {
            Format::Packed(Packed {
                bits: 4,
                group: Some(128),
                zeros: false,
                scale: float,
            })
        },
        rule: Rule::CompressedTensors,
        names: &["weight_packed", "weight_scale"],
        scalar: &[1],
        block: Block {
            rows: 1,
            columns: 128,
        },
        marks: Marks::Config {
            said: ct_int4,
            packs: true,
        },
    },
    Target {
        word: "ct-nvfp4",
        also: &[],
        summary: "NVFP4 of compressed-tensors, for vLLM and transformers",
        format: |_| nvfp4(Global::Over),
        rule: Rule::CompressedTensors,
        names: &["weight_packed", "weight_scale", "weight_global_scale"],
        scalar: &[1],
        block: Block {
            rows: 1,
            columns: 16,
        },
        marks: Marks::Config {
            said: ct_nvfp4,
            packs: false,
        },
    },
    Target {
        word: "mxfp4",
        also: &["ct-mxfp4"],
        summary: "MXFP4 of compressed-tensors, for vLLM and transformers",
        format: |_| {
            Format::Scaled(Scaled {
                code: Code::E2M1Low,
                stored: DType::U8,
                over: group(32),
                scale: Some(DType::U8),
                ..PLAIN
            })
        },
        rule: Rule::CompressedTensors,
        names: &["weight_packed", "weight_scale"],
        scalar: &[1],
        block: Block {
            rows: 1,
            columns: 32,
        },
        marks: Marks::Config {
            said: ct_mxfp4,
            packs: false,
        },
    },
    Target {
        word: "modelopt-nvfp4",
        also: &[],
        summary: "NVFP4 of NVIDIA's ModelOpt, for TensorRT-LLM and vLLM",
        format: |_| nvfp4(Global::Times),
        rule: Rule::ModelOpt,
        names: &["weight", "weight_scale", "weight_scale_2"],
        scalar: &[],
        block: Block {
            rows: 1,
            columns: 16,
        },
        marks: Marks::ModelOpt,
    },
];

/// NVFP4 row by row, the even column in the low nibble.
fn nvfp4(global: Global) -> Format {
    Format::Scaled(Scaled {
        code: Code::E2M1Low,
        stored: DType::U8,
        over: group(16),
        scale: Some(DType::F8E4M3),
        global: Some(global),
        ..PLAIN
    })
}
