//! The names of element types in PyTorch, which recipes, model configs and configurations use too.

use super::{DType, Float};

impl DType {
    /// The name in PyTorch, such as `bfloat16`; None of packed types, whose bytes torch counts.
    pub const fn torch_name(self) -> Option<&'static str> {
        Some(match self {
            DType::Bool => "bool",
            DType::U8 => "uint8",
            DType::I8 => "int8",
            DType::U16 => "uint16",
            DType::I16 => "int16",
            DType::U32 => "uint32",
            DType::I32 => "int32",
            DType::U64 => "uint64",
            DType::I64 => "int64",
            DType::F8E4M3 => "float8_e4m3fn",
            DType::F8E4M3Fnuz => "float8_e4m3fnuz",
            DType::F8E5M2 => "float8_e5m2",
            DType::F8E5M2Fnuz => "float8_e5m2fnuz",
            DType::F8E8M0 => "float8_e8m0fnu",
            DType::F16 => "float16",
            DType::BF16 => "bfloat16",
            DType::F32 => "float32",
            DType::F64 => "float64",
            DType::C64 => "complex64",
            DType::F4 | DType::F6E2M3 | DType::F6E3M2 => return None,
        })
    }

    /// Reads the name in PyTorch; None where there is no such type here.
    pub fn from_torch_name(name: &str) -> Option<DType> {
        let mut all = DType::ALL.iter().copied();
        all.find(|dtype| dtype.torch_name() == Some(name))
    }
}

impl Float {
    /// The name in PyTorch, such as `bfloat16`.
    pub fn torch_name(self) -> &'static str {
        // Each is the type of a header that torch has.
        self.dtype().torch_name().unwrap_or_default()
    }

    /// Reads the name in PyTorch; None where there is no such merged type.
    pub fn from_torch_name(name: &str) -> Option<Float> {
        DType::from_torch_name(name)?.float()
    }
}
