//! How a scale is chosen, and what it does to a number: the rules of the libraries.

use super::loops::{Grid, Operation, Small};
use super::number::{meant, rounded};
use super::{Encoding, Rounding, Rule};
use crate::dtype::{DType, Float};
use crate::format::{Code, E8M0, Over, Packed, Scaled};

/// A scale.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scale {
    /// Its bits as they are stored.
    pub(super) bits: u32,
    /// What numbers are multiplied with, or divided by; 0 where all become zero.
    pub(super) by: f32,
}

/// A scale with a zero point.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shift {
    /// The scale.
    pub(super) scale: Scale,
    /// The whole number that stands for zero.
    pub(super) shift: f32,
}

/// What kind of scales there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// None.
    Bare,
    /// A float.
    Float,
    /// A power of two for each block of a row.
    Power,
    /// A power of two for each block of several rows.
    Square,
    /// A small float, and another scale for the matrix.
    Nested,
}

/// How scales are found and used.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scaling {
    pub(super) rule: Rule,
    pub(super) kind: Kind,
    pub(super) scale: DType,
    e8m0: E8M0,
    pub(super) is_row: bool,
    pub(super) is_block: bool,
    /// The type of the numbers.
    pub(super) source: Float,
    /// The type that a number is rounded to when it has met its scale.
    pub(super) arithmetic: Float,
    /// What it is rounded to then.
    pub(super) grid: Grid,
    /// The number of the grid that the largest magnitude becomes.
    pub(super) top: f32,
}

impl Scaling {
    /// That of an encoding; None where it is not known.
    pub(super) fn of(encoding: &Encoding, scaled: &Scaled) -> Option<Scaling> {
        let is_square = matches!(scaled.over, Over::Block(block) if block.rows > 1);
        let kind = match (scaled.scale, scaled.global) {
            (None, None) => Kind::Bare,
            (Some(DType::F8E4M3), Some(_)) => Kind::Nested,
            (Some(DType::F8E8M0 | DType::U8), None) if is_square => Kind::Square,
            (Some(DType::F8E8M0 | DType::U8), None) => Kind::Power,
            (Some(DType::F32 | DType::BF16 | DType::F16), None) => Kind::Float,
            _ => return None,
        };
        let grid = grid(encoding.rule, scaled);
        let top = match (grid, encoding.rule) {
            (Grid::Float(small), _) => f32::from_bits(small.most),
            // Half a step more, so that the largest becomes a code and a half.
            (Grid::Whole { most, .. }, Rule::CompressedTensors) => most + 0.5,
            (Grid::Whole { most, .. }, _) => most,
        };
        let is_integer = matches!(grid, Grid::Whole { .. });
        let is_known = match (encoding.rule, kind) {
            (Rule::BitsAndBytes | Rule::Gguf, _) => false,
            (Rule::Musubi, _) => kind == Kind::Float && !is_integer,
            (_, Kind::Power | Kind::Nested) => !is_integer,
            _ => true,
        };
        let is_rotated = scaled.rotated.is_some();
        if is_rotated && scaled.over == Over::Tensor {
            // The largest magnitude of the rotated numbers is not known.
            return None;
        }
        is_known.then(|| Scaling {
            rule: match encoding.rule {
                // It leaves rotated rows to comfy-kitchen.
                Rule::ConvertToQuant if is_rotated => Rule::ComfyKitchen,
                rule => rule,
            },
            kind,
            scale: scaled.scale.unwrap_or(DType::F32),
            e8m0: scaled.e8m0,
            is_row: scaled.over == Over::Row,
            is_block: matches!(scaled.over, Over::Block(_)),
            source: source(encoding, is_rotated),
            arithmetic: match kind {
                // These divide in f32.
                Kind::Power | Kind::Nested => Float::F32,
                _ => arithmetic(encoding, is_rotated),
            },
            grid,
            top,
        })
    }

    /// That of packed integers.
    pub(super) fn packed(encoding: &Encoding, packed: &Packed) -> Scaling {
        let half = f32::from(1u8 << (packed.bits - 1));
        Scaling {
            rule: Rule::CompressedTensors,
            kind: Kind::Float,
            scale: packed.scale.dtype(),
            e8m0: E8M0::Ocp,
            is_row: packed.group.is_none(),
            is_block: packed.group.is_some(),
            source: source(encoding, false),
            arithmetic: arithmetic(encoding, false),
            grid: Grid::Whole {
                least: -half,
                most: half - 1.0,
            },
            top: half - 0.5,
        }
    }

    /// That of bitsandbytes' int8 of numbers of a type.
    pub(super) fn bytes(source: Float) -> Scaling {
        Scaling {
            rule: Rule::BitsAndBytes,
            kind: Kind::Float,
            scale: DType::F32,
            e8m0: E8M0::Ocp,
            is_row: true,
            is_block: false,
            source,
            arithmetic: Float::F32,
            grid: Grid::Whole {
                least: -128.0,
                most: 127.0,
            },
            top: 127.0,
        }
    }

    /// How numbers meet their scales.
    pub(super) fn operation(&self) -> Operation {
        match (self.rule, self.kind) {
            (Rule::ComfyKitchen, Kind::Float) if !self.is_integer() => Operation::Times,
            (Rule::ConvertToQuant, Kind::Float) => Operation::Times,
            (Rule::Transformers | Rule::BitsAndBytes, _) => Operation::Times,
            _ => Operation::Over,
        }
    }

    /// Whether numbers in the middle of two codes become the smaller: ModelOpt's mxfp4.
    pub(super) fn is_toward_zero(&self) -> bool {
        let is_four = matches!(self.grid, Grid::Float(Small { sign: 3, .. }));
        self.rule == Rule::ModelOpt && self.kind == Kind::Power && is_four
    }

    /// Whether a zero is added to what has met its scale, as where there could be a zero point.
    pub(super) fn adds_zero(&self) -> bool {
        let is_six = matches!(self.grid, Grid::Float(Small { sign: 5, .. }));
        match self.rule {
            Rule::CompressedTensors => !is_six,
            // It writes a sign only for what is below zero.
            Rule::ModelOpt => true,
            _ => false,
        }
    }

    /// The type that numbers are rounded to first.
    pub(super) fn given(&self) -> Float {
        match (self.rule, self.kind) {
            (Rule::ConvertToQuant, Kind::Nested | Kind::Power) => Float::BF16,
            _ => self.source,
        }
    }

    /// A scale that is there.
    pub(super) fn kept(&self, bits: u32, global: f32) -> Scale {
        let scale = meant(self.scale, self.e8m0, bits);
        let by = match (self.rule, self.kind) {
            (_, Kind::Bare) => 1.0,
            (Rule::BitsAndBytes, _) if scale == 0.0 => 0.0,
            (Rule::BitsAndBytes, _) => 1.0 / scale * self.top,
            (Rule::CompressedTensors, Kind::Nested) => scale / global,
            (_, Kind::Nested) => global * scale,
            (Rule::Torchao(_), Kind::Power) => scale.max(f32::MIN_POSITIVE),
            (_, Kind::Power) => scale,
            _ if self.operation() == Operation::Times => {
                // Zeros times infinity would be no zeros.
                let inverse = (1.0 / scale).min(f32::MAX);
                let near = rounded(self.arithmetic, inverse);
                match self.rule {
                    Rule::ComfyKitchen if near.is_finite() => near,
                    _ => inverse,
                }
            }
            (Rule::ComfyKitchen, _) => rounded(self.arithmetic, scale),
            _ => scale,
        };
        Scale { bits, by }
    }

    /// Whether codes are integers.
    pub(super) fn is_integer(&self) -> bool {
        matches!(self.grid, Grid::Whole { .. })
    }
}

/// What numbers are rounded to at last.
fn grid(rule: Rule, scaled: &Scaled) -> Grid {
    let is_block = matches!(scaled.over, Over::Block(_));
    match scaled.code {
        Code::E4M3 => Grid::Float(Small::E4M3),
        Code::E5M2 => Grid::Float(Small::E5M2),
        Code::E2M1High | Code::E2M1Low => Grid::Float(Small::E2M1),
        Code::E2M3 => Grid::Float(Small::E2M3),
        Code::E3M2 => Grid::Float(Small::E3M2),
        Code::I4Low => Grid::Whole {
            least: -7.0,
            most: 7.0,
        },
        Code::I8 if is_block && rule == Rule::ConvertToQuant => Grid::Whole {
            least: -127.0,
            most: 127.0,
        },
        Code::I8 => Grid::Whole {
            least: -128.0,
            most: 127.0,
        },
    }
}

/// The type of the numbers: a rotation is computed in f32.
fn source(encoding: &Encoding, is_rotated: bool) -> Float {
    match is_rotated {
        true => Float::F32,
        false => encoding.source,
    }
}

/// The type of what has met its scale: what is to be right in the mean is not rounded twice.
fn arithmetic(encoding: &Encoding, is_rotated: bool) -> Float {
    match (encoding.rounding, encoding.rule) {
        (Rounding::Stochastic { .. }, _) => Float::F32,
        (_, Rule::ComfyKitchen | Rule::CompressedTensors) => source(encoding, is_rotated),
        _ => Float::F32,
    }
}
