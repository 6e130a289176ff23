//! Layouts as their libraries write them.

use wgmerge_compute::dtype::{DType, Float};
use wgmerge_compute::format::{
    Block, Code, E8M0, Encoding, Format, Global, Over, Packed, Rounding, Rule, Scaled, Scales,
};

/// Codes with a scale of the tensor.
pub fn tensor(code: Code) -> Scaled {
    let stored = match code {
        Code::E4M3 => DType::F8E4M3,
        Code::E5M2 => DType::F8E5M2,
        Code::I8 | Code::I4Low => DType::I8,
        _ => DType::U8,
    };
    Scaled {
        code,
        stored,
        pad: 1,
        over: Over::Tensor,
        scale: Some(DType::F32),
        e8m0: E8M0::Ocp,
        swizzled: false,
        global: None,
        rotated: None,
        rounded: Float::F32,
    }
}

pub fn row(code: Code) -> Scaled {
    Scaled {
        over: Over::Row,
        ..tensor(code)
    }
}

pub fn block(code: Code, rows: u64, columns: u64) -> Scaled {
    Scaled {
        over: Over::Block(Block { rows, columns }),
        ..tensor(code)
    }
}

pub fn comfy_nvfp4() -> Scaled {
    Scaled {
        pad: 16,
        scale: Some(DType::F8E4M3),
        swizzled: true,
        global: Some(Global::Times),
        ..block(Code::E2M1High, 1, 16)
    }
}

pub fn comfy_mxfp8() -> Scaled {
    Scaled {
        pad: 32,
        scale: Some(DType::F8E8M0),
        e8m0: E8M0::Bits,
        swizzled: true,
        ..block(Code::E4M3, 1, 32)
    }
}

/// nvfp4 whose scales lie in rows.
pub fn nvfp4(global: Global) -> Scaled {
    Scaled {
        scale: Some(DType::F8E4M3),
        global: Some(global),
        ..block(Code::E2M1Low, 1, 16)
    }
}

/// An MX format whose scales lie in rows.
pub fn mx(code: Code) -> Scaled {
    Scaled {
        scale: Some(DType::U8),
        ..block(code, 1, 32)
    }
}

pub fn encoding(rule: Rule, scaled: Scaled) -> Encoding {
    let each = scaled.over != Over::Tensor;
    Encoding {
        format: Format::Scaled(scaled),
        rule,
        rounding: Rounding::Nearest,
        source: Float::F32,
        scales: Scales::Fresh,
        each,
    }
}

pub fn packed(bits: u32, group: Option<u64>, scale: Float) -> Encoding {
    integers(bits, group, scale, false)
}

/// The same with zero points.
pub fn asymmetric(bits: u32, group: Option<u64>, scale: Float) -> Encoding {
    integers(bits, group, scale, true)
}

fn integers(bits: u32, group: Option<u64>, scale: Float, zeros: bool) -> Encoding {
    Encoding {
        format: Format::Packed(Packed {
            bits,
            group,
            zeros,
            scale,
        }),
        ..encoding(Rule::CompressedTensors, tensor(Code::I8))
    }
}
