//! Formats in words: codes, what a scale covers, and what is done besides.

use std::fmt;

use super::layout::{Code, Format, Gguf, Global, Over, Scaled, TableScale};
use crate::dtype::{DType, Float};

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Code::E4M3 => "e4m3",
            Code::E5M2 => "e5m2",
            Code::I8 => "int8",
            Code::E2M1High | Code::E2M1Low => "e2m1",
            Code::I4Low => "int4",
            Code::E2M3 => "e2m3",
            Code::E3M2 => "e3m2",
        })
    }
}

impl fmt::Display for Over {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Over::Tensor => f.write_str("tensor"),
            Over::Matrix => f.write_str("matrix"),
            Over::Row | Over::First => f.write_str("row"),
            Over::Block(block) => write!(f, "{}x{}", block.rows, block.columns),
        }
    }
}

impl fmt::Display for Scaled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.code)?;
        if let Some(scale) = self.scale {
            let name = match scale {
                DType::U8 => DType::F8E8M0.name(),
                scale => scale.name(),
            };
            write!(f, " * {name} by {}", self.over)?;
        }
        match self.global {
            Some(Global::Times) => f.write_str(" * F32")?,
            Some(Global::Over) => f.write_str(" / F32")?,
            None => {}
        }
        if self.swizzled {
            f.write_str(", swizzled")?;
        }
        if let Some(len) = self.rotated {
            write!(f, ", rotated by {len}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rotated =
            |len: Option<u64>| len.map_or_else(String::new, |n| format!(", rotated by {n}"));
        match self {
            Format::Scaled(scaled) => scaled.fmt(f),
            Format::Packed(packed) => {
                let zeros = if packed.zeros {
                    " with zero points"
                } else {
                    ""
                };
                let over = match packed.group {
                    Some(columns) => format!("1x{columns}"),
                    None => Over::Row.to_string(),
                };
                let scale = packed.scale.dtype();
                write!(f, "int{} * {scale} by {over}{zeros}", packed.bits)
            }
            Format::Levels(levels) => {
                let (bits, group) = (levels.bits, levels.group);
                let rotated = rotated(levels.rotated);
                write!(
                    f,
                    "{bits}-bit levels * {} by 1x{group} * F32 by row{rotated}",
                    levels.scale
                )
            }
            Format::Affine(affine) => {
                let (scale, group) = (affine.scale.dtype(), affine.group);
                write!(f, "int4 * {scale} by 1x{group} + zeros")
            }
            Format::Awq(awq) => {
                write!(f, "AWQ int4 * {} by 1x{}", awq.scale.dtype(), awq.group)
            }
            Format::Table(table) => {
                let nested = match table.scale {
                    TableScale::Plain => "",
                    TableScale::Nested { .. } => ", nested",
                };
                write!(f, "4-bit table * F32 by {}{nested}", table.block)
            }
            Format::Bnb8 => f.write_str("int8 * F32 by row"),
            Format::Gguf(gguf) => f.write_str(gguf.name()),
        }
    }
}

impl Format {
    /// The type in which its numbers are kept when they are decoded, as far as the format says so:
    /// F32 where it rounds nothing.
    pub fn rounded(&self) -> Float {
        match self {
            Format::Scaled(scaled) => scaled.rounded,
            Format::Packed(packed) => packed.scale,
            Format::Affine(affine) => affine.scale,
            Format::Awq(awq) => awq.scale,
            Format::Table(table) => table.rounded,
            Format::Levels(_) | Format::Bnb8 | Format::Gguf(_) => Float::F32,
        }
    }
}

impl Gguf {
    /// The name that ggml gives it.
    pub fn name(self) -> &'static str {
        match self {
            Gguf::Q4_0 => "Q4_0",
            Gguf::Q4_1 => "Q4_1",
            Gguf::Q5_0 => "Q5_0",
            Gguf::Q5_1 => "Q5_1",
            Gguf::Q8_0 => "Q8_0",
            Gguf::Q2K => "Q2_K",
            Gguf::Q3K => "Q3_K",
            Gguf::Q4K => "Q4_K",
            Gguf::Q5K => "Q5_K",
            Gguf::Q6K => "Q6_K",
            Gguf::Iq4Nl => "IQ4_NL",
            Gguf::Iq4Xs => "IQ4_XS",
            Gguf::Mxfp4 => "MXFP4",
        }
    }
}
