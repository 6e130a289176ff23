//! The types that the scripts compute in and save.

use crate::dtype::Float;
use crate::kernel::Compute;

/// A type, by the scripts' word for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Precision {
    /// f32.
    Float,
    /// f16.
    Fp16,
    /// bf16.
    Bf16,
}

impl Precision {
    /// All of them.
    pub const ALL: [Precision; 3] = [Precision::Float, Precision::Fp16, Precision::Bf16];

    /// The scripts' word.
    pub fn word(self) -> &'static str {
        match self {
            Precision::Float => "float",
            Precision::Fp16 => "fp16",
            Precision::Bf16 => "bf16",
        }
    }

    /// The type of this word.
    pub fn from_word(word: &str) -> Option<Precision> {
        let mut all = Precision::ALL.into_iter();
        all.find(|precision| precision.word() == word)
    }

    /// The working dtype.
    pub fn compute(self) -> Compute {
        match self {
            Precision::Float => Compute::F32,
            Precision::Fp16 => Compute::F16,
            Precision::Bf16 => Compute::BF16,
        }
    }

    /// The element type.
    pub fn float(self) -> Float {
        match self {
            Precision::Float => Float::F32,
            Precision::Fp16 => Float::F16,
            Precision::Bf16 => Float::BF16,
        }
    }
}
