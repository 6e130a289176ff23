//! How the tests read a layer's parts: as the files of a topic have them, no more.

use serde_json::Value;
use wgmerge_compute::dtype::{DType, Float};
use wgmerge_compute::format::{
    Affine, Awq, Block, Code, E8M0, Format, Global, Levels, Over, Packed, Scaled, Table, TableScale,
};

use crate::cases::{Entry, File, options};
use crate::compare::Tensor;

/// Codes without a scale.
pub fn scaled(code: Code, stored: DType) -> Scaled {
    Scaled {
        code,
        stored,
        pad: 1,
        over: Over::Tensor,
        scale: None,
        e8m0: E8M0::Ocp,
        swizzled: false,
        global: None,
        rotated: None,
        rounded: Float::F32,
    }
}

/// A block of one row.
pub fn row_of(columns: u64) -> Over {
    Over::Block(Block { rows: 1, columns })
}

/// What the type of a part says of its codes.
pub fn code(dtype: DType) -> Code {
    match dtype {
        DType::F8E4M3 => Code::E4M3,
        DType::F8E5M2 => Code::E5M2,
        DType::I8 => Code::I8,
        _ => panic!("codes of {dtype}"),
    }
}

/// Bytes times scales: what the shape of the scales says.
pub fn bytes<'a>(file: &'a File, base: &str, scale: &str, shape: &[u64]) -> Tensor<'a> {
    let (weight, scale) = (
        &file[&format!("{base}.weight")],
        &file[&format!("{base}.{scale}")],
    );
    let (rows, columns) = match shape {
        [.., rows, columns] => (*rows, *columns),
        _ => (1, shape[0]),
    };
    let over = match scale.shape.as_slice() {
        [] | [1] => Over::Tensor,
        [_] if shape.len() == 3 => Over::Matrix,
        [each] | [each, 1] if *each == rows => Over::Row,
        [each, blocks, 1] if *each == rows => row_of(columns / blocks),
        [down, across] => Over::Block(Block {
            rows: rows.div_ceil(*down).next_power_of_two(),
            columns: columns.div_ceil(*across).next_power_of_two(),
        }),
        shape => panic!("scales {shape:?}"),
    };
    let scaled = Scaled {
        over,
        scale: Some(scale.dtype),
        ..scaled(code(weight.dtype), weight.dtype)
    };
    Tensor {
        format: Format::Scaled(scaled),
        shape: shape.to_vec(),
        parts: vec![weight, scale],
    }
}

/// Microscaled codes with a scale for each 32: E2M1, where the part is half as wide as the tensor.
pub fn mx<'a>(weight: &'a Entry, scale: &'a Entry, shape: &[u64]) -> Tensor<'a> {
    let count: u64 = shape.iter().product();
    let code = match (weight.count() * 4 / count, weight.dtype) {
        (2, _) => Code::E2M1Low,
        (3, _) => Code::E2M3,
        (_, dtype) => code(dtype),
    };
    let scaled = Scaled {
        over: row_of(32),
        scale: Some(scale.dtype),
        ..scaled(code, weight.dtype)
    };
    Tensor {
        format: Format::Scaled(scaled),
        shape: shape.to_vec(),
        parts: vec![weight, scale],
    }
}

/// ModelOpt's nvfp4, and that of compressed-tensors.
pub fn nvfp4<'a>(parts: [&'a Entry; 3], global: Global, shape: &[u64]) -> Tensor<'a> {
    let scaled = Scaled {
        over: row_of(16),
        scale: Some(DType::F8E4M3),
        global: Some(global),
        ..scaled(Code::E2M1Low, DType::U8)
    };
    Tensor {
        format: Format::Scaled(scaled),
        shape: shape.to_vec(),
        parts: parts.to_vec(),
    }
}

/// A layer that a `comfy_quant` describes.
pub fn comfy<'a>(file: &'a File, base: &str, shape: &[u64]) -> Tensor<'a> {
    let part = |name: &str| file.get(&format!("{base}.{name}"));
    let [weight, scale] = ["weight", "weight_scale"].map(part);
    let option = part("comfy_quant").map_or(Value::Null, options);
    let rotated = option["convrot_groupsize"].as_u64();
    let mut tensor = match (option["format"].as_str(), weight, scale) {
        (Some("nvfp4"), Some(weight), Some(scale)) => {
            let parts = [weight, scale, part("weight_scale_2").expect("a scale")];
            nvfp4(parts, Global::Times, shape)
        }
        (Some("mxfp8"), Some(weight), Some(scale)) => mx_of(weight, scale, shape),
        (Some("asym_w4a8_int8") | None, Some(weight), None) => levels(file, base, weight, shape),
        (Some("awq_w4a16"), Some(weight), Some(scale)) => {
            affine(file, base, [weight, scale], shape)
        }
        (Some("convrot_w4a4"), Some(weight), Some(scale)) => Tensor {
            format: Format::Scaled(Scaled {
                over: Over::Row,
                scale: Some(DType::F32),
                ..scaled(Code::I4Low, DType::I8)
            }),
            shape: shape.to_vec(),
            parts: vec![weight, scale],
        },
        _ => bytes(file, base, "weight_scale", shape),
    };
    if let Format::Scaled(scaled) = &mut tensor.format {
        scaled.rotated = rotated;
        scaled.swizzled = scaled.global.is_some() || scaled.swizzled;
        if scaled.global.is_some() {
            (scaled.code, scaled.pad) = (Code::E2M1High, pad(tensor.parts[0], 16));
        }
    }
    tensor
}

/// How rows are filled up; what is made by hand is not.
fn pad(weight: &Entry, pad: u64) -> u64 {
    let [.., rows, _] = weight.shape[..] else {
        panic!("{:?} is no matrix", weight.shape);
    };
    if rows.is_multiple_of(pad) { pad } else { 1 }
}

fn mx_of<'a>(weight: &'a Entry, scale: &'a Entry, shape: &[u64]) -> Tensor<'a> {
    let scaled = Scaled {
        over: row_of(32),
        scale: Some(scale.dtype),
        e8m0: E8M0::Bits,
        swizzled: true,
        pad: pad(weight, 32),
        ..scaled(Code::E4M3, DType::F8E4M3)
    };
    Tensor {
        format: Format::Scaled(scaled),
        shape: shape.to_vec(),
        parts: vec![weight, scale],
    }
}

fn levels<'a>(file: &'a File, base: &str, weight: &'a Entry, shape: &[u64]) -> Tensor<'a> {
    let part = |name: &str| file.get(&format!("{base}.{name}"));
    let scale = part("weight_s_rel").expect("scales");
    let codebook = part("weight_codebook");
    let format = Levels {
        bits: (weight.shape[1] * 8 / shape[1]) as u32,
        group: shape[1] / scale.shape[1],
        scale: scale.dtype,
        codebook: codebook.is_some(),
        rotated: Some(256),
    };
    let mut parts = vec![weight, scale, part("weight_s_channel").expect("scales")];
    parts.extend(codebook);
    Tensor {
        format: Format::Levels(format),
        shape: shape.to_vec(),
        parts,
    }
}

fn affine<'a>(file: &'a File, base: &str, parts: [&'a Entry; 2], shape: &[u64]) -> Tensor<'a> {
    let [weight, scale] = parts;
    let format = Affine {
        group: 64,
        scale: scale.float(),
    };
    Tensor {
        format: Format::Affine(format),
        shape: shape.to_vec(),
        parts: vec![weight, scale, &file[&format!("{base}.weight_zeros")]],
    }
}

/// `pack-quantized` of compressed-tensors.
pub fn packed<'a>(file: &'a File, base: &str, bits: u32, shape: &[u64]) -> Tensor<'a> {
    let part = |name: &str| file.get(&format!("{base}.weight_{name}"));
    let [values, scale] = ["packed", "scale"].map(|name| part(name).expect("a part"));
    let zeros = part("zero_point");
    let format = Packed {
        bits,
        group: (scale.shape[1] > 1).then(|| shape[1] / scale.shape[1]),
        zeros: zeros.is_some(),
        scale: scale.float(),
    };
    let mut parts = vec![values, scale];
    parts.extend(zeros);
    Tensor {
        format: Format::Packed(format),
        shape: shape.to_vec(),
        parts,
    }
}

/// AutoAWQ's gemm form.
pub fn awq<'a>(file: &'a File, base: &str, shape: &[u64]) -> Tensor<'a> {
    let part = |name: &str| &file[&format!("{base}.{name}")];
    let scale = part("scales");
    let format = Awq {
        group: shape[1] / scale.shape[0],
        scale: scale.float(),
    };
    Tensor {
        format: Format::Awq(format),
        shape: shape.to_vec(),
        parts: vec![part("qweight"), scale, part("qzeros")],
    }
}

/// bitsandbytes' tables.
pub fn table<'a>(file: &'a File, name: &str, rounded: Float) -> Tensor<'a> {
    let part = |part: &str| &file[&format!("{name}.{part}")];
    let mut states = ["nf4", "fp4"].iter();
    let state =
        states.find_map(|kind| file.get(&format!("{name}.quant_state.bitsandbytes__{kind}")));
    let state = options(state.expect("a state"));
    let shape = state["shape"].as_array().expect("a shape");
    let shape = shape
        .iter()
        .map(|d| d.as_u64().expect("a dimension"))
        .collect();
    let mut parts = vec![&file[name], part("absmax"), part("quant_map")];
    let scale = match state["nested_blocksize"].as_u64() {
        None => TableScale::Plain,
        Some(block) => {
            parts.extend([part("nested_absmax"), part("nested_quant_map")]);
            let offset = state["nested_offset"].as_f64().expect("an offset") as f32;
            let offset = offset.to_bits();
            TableScale::Nested { block, offset }
        }
    };
    let format = Table {
        block: state["blocksize"].as_u64().expect("a block"),
        scale,
        rounded,
    };
    Tensor {
        format: Format::Table(format),
        shape,
        parts,
    }
}
