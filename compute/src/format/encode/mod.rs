//! Encoding: numbers become codes and scales, as the library does that a format comes from.
//!
//! Libraries differ in how they choose a scale and in what they round between it and the code; a
//! [`Rule`] says whose way is gone. Elements that share a scale, or bytes, are encoded together:
//! a **band**. What a band becomes depends on nothing beyond it but the largest magnitude of the
//! tensor, where a format needs that, and the random words of its elements.
#![allow(unsafe_code, reason = "loops compiled for an instruction set")]

mod bnb8;
mod choice;
mod draw;
mod gguf;
mod ladder;
mod lines;
mod loops;
mod nested;
mod number;
mod pack;
mod packed;
mod place;
mod power;
mod scaled;
mod scaling;
mod table;

use std::ops::Range;

use self::gguf::Blocks;
use self::place::Place;
use super::{Format, Over};
use crate::dtype::Float;
use crate::level::Level;

/// Whose way of choosing scales and of rounding is gone, where libraries differ for one layout.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Rule {
    /// comfy-kitchen, which ComfyUI uses.
    ComfyKitchen,
    /// convert-to-quant with `--simple`.
    ConvertToQuant,
    /// musubi-tuner and kohya's scripts, fp8 only.
    Musubi,
    /// transformers' and DeepSeek's blocks of fp8.
    Transformers,
    /// compressed-tensors.
    CompressedTensors,
    /// NVIDIA's ModelOpt.
    ModelOpt,
    /// torchao, whose scales of MX formats are chosen in one of several ways.
    Torchao(Exponent),
    /// bitsandbytes.
    BitsAndBytes,
    /// gguf-py.
    Gguf,
}

/// How the power of two is chosen that is a block's scale.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Exponent {
    /// The exponent of the largest magnitude, less that of the largest code.
    Floor,
    /// The logarithm of the largest magnitude, rounded up, less the exponent of the largest code.
    Ceil,
    /// The exponent of the largest magnitude rounded to the bits of a code, less that of the
    /// largest code.
    Even,
    /// The largest magnitude divided by the largest code, up to a power of two.
    CeilRatio,
    /// The logarithm of that, in f32, rounded up.
    LogRatio,
}

/// Which of the two codes next to a number becomes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Rounding {
    /// The nearest, of two the even one.
    Nearest,
    /// Either of them, the nearer the likelier, so that the mean is the number. Words are those of
    /// Philox4x32-10 at a quarter of an element's position in the tensor.
    Stochastic {
        /// The key of the words.
        key: [u32; 2],
    },
}

/// Where scales come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scales {
    /// The largest magnitudes.
    Fresh,
    /// They are given, and stay as they are.
    Kept,
}

/// How numbers are encoded.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Encoding {
    /// What they are stored as.
    pub format: Format,
    /// Whose arithmetic.
    pub rule: Rule,
    /// Which codes.
    pub rounding: Rounding,
    /// The type of numbers that the library would have been given, F32, BF16 or F16: numbers are
    /// rounded to it first, and what it computes in that type is rounded to it as well.
    pub source: Float,
    /// Where scales come from.
    pub scales: Scales,
    /// Whether the largest magnitude of each matrix is given, where matrices have scales of their
    /// own; else that of the tensor serves them all.
    pub each: bool,
}

/// What is encoded at once: whole bands.
#[derive(Clone, Copy, Debug)]
pub struct Stretch<'a> {
    /// The tensor's dimensions.
    pub shape: &'a [u64],
    /// The element, counted in the order of rows, that it begins with.
    pub start: u64,
    /// The numbers.
    pub values: &'a [f32],
    /// The largest magnitude of the tensor, or of its matrices from the first on, where
    /// [`Encoding::each`]; empty where it is not needed.
    pub largest: &'a [f32],
    /// For each part the bytes of [`Encoding::spans`] that are there, where they are needed
    /// ([`Encoding::needs_kept`]): scales that stay, and the numbers of tables. Where these are not
    /// there a table is NF4's, and scales cannot be nested.
    pub kept: &'a [&'a [u8]],
}

impl Stretch<'_> {
    /// Its elements.
    pub(super) fn elements(&self) -> Range<u64> {
        self.start..self.start + self.values.len() as u64
    }
}

impl Encoding {
    /// Whether the layout can be written.
    pub fn can_write(&self) -> bool {
        match &self.format {
            Format::Scaled(scaled) => scaling::Scaling::of(self, scaled).is_some(),
            Format::Packed(packed) => matches!(packed.bits, 2..=8),
            // Random words come in fours.
            Format::Table(table) => table.block > 0 && table.block.is_multiple_of(4),
            Format::Gguf(gguf) => Blocks::of(*gguf).is_some(),
            Format::Bnb8 => true,
            _ => false,
        }
    }

    /// How many elements are encoded together. A [`Stretch`] begins at a multiple of it, and ends
    /// at one or where the tensor ends.
    pub fn band(&self, shape: &[u64]) -> u64 {
        match &self.format {
            Format::Scaled(scaled) => Place::of(scaled, shape).band(),
            Format::Packed(packed) => packed::band(packed, shape),
            Format::Table(table) => table::band(table),
            Format::Gguf(_) => gguf::BLOCK as u64,
            _ => shape.last().copied().unwrap_or(1).max(1),
        }
    }

    /// Whether the largest magnitude of the whole tensor, or of each matrix, must be known before.
    pub fn needs_largest(&self) -> bool {
        let Format::Scaled(scaled) = &self.format else {
            return false;
        };
        let is_whole = matches!(scaled.over, Over::Tensor | Over::Matrix);
        let is_needed = scaled.global.is_some() || is_whole && scaled.scale.is_some();
        is_needed && self.scales == Scales::Fresh
    }

    /// Whether what a stretch has as kept is asked for: scales, or the numbers of a table.
    pub fn needs_kept(&self) -> bool {
        self.scales == Scales::Kept || matches!(self.format, Format::Table(_))
    }

    /// The bytes of each part that whole bands make up, in the order of [`Format::parts`]; what is
    /// stored beyond the tensor belongs to the last of a matrix. A part that belongs to the tensor
    /// as a whole comes whole.
    pub fn spans(&self, shape: &[u64], elements: Range<u64>) -> Vec<Range<u64>> {
        match &self.format {
            Format::Scaled(scaled) => Place::of(scaled, shape).spans(elements),
            Format::Packed(packed) => packed::spans(packed, shape, elements),
            Format::Table(table) => table::spans(table, elements),
            Format::Bnb8 => bnb8::spans(shape, elements),
            Format::Gguf(gguf) => {
                let blocks = Blocks::of(*gguf);
                blocks
                    .iter()
                    .map(|blocks| blocks.span(elements.clone()))
                    .collect()
            }
            _ => Vec::new(),
        }
    }

    /// Encodes whole bands: the bytes of each of [`Encoding::spans`]. Of a format that cannot be
    /// written nothing comes.
    pub fn encode(&self, level: Level, stretch: Stretch<'_>, parts: &mut [Vec<u8>]) {
        let spans = self.spans(stretch.shape, stretch.elements());
        for (part, span) in parts.iter_mut().zip(spans) {
            part.clear();
            part.resize((span.end - span.start) as usize, 0);
        }
        match &self.format {
            Format::Scaled(scaled) => scaled::encode(self, scaled, level, stretch, parts),
            Format::Packed(packed) => packed::encode(self, packed, level, stretch, parts),
            Format::Table(table) => table::encode(self, table, level, stretch, parts),
            Format::Bnb8 => bnb8::encode(self, level, stretch, parts),
            Format::Gguf(gguf) => {
                if let Some(blocks) = Blocks::of(*gguf) {
                    blocks.encode(self, level, stretch, &mut parts[0]);
                }
            }
            _ => {}
        }
    }
}
