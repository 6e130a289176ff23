//! The working dtype: what every intermediate result is rounded to.

use crate::dtype::{Float, codec};

/// The working dtype of a merge.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Compute {
    /// Results are f32; the output is rounded once. The most accurate.
    #[default]
    F32,
    /// Every result is rounded to bf16, as tools that compute in bf16 do.
    BF16,
    /// Every result is rounded to f16, as tools that compute in f16 do.
    F16,
}

impl Compute {
    /// All working dtypes.
    pub const ALL: [Compute; 3] = [Compute::F32, Compute::BF16, Compute::F16];

    /// The name on the command line and of the guard file, `shaders/guard/<name>.wgsl`.
    pub fn name(self) -> &'static str {
        match self {
            Compute::F32 => "f32",
            Compute::BF16 => "bf16",
            Compute::F16 => "f16",
        }
    }

    /// The working dtype with this name.
    pub fn from_name(name: &str) -> Option<Compute> {
        Compute::ALL.into_iter().find(|c| c.name() == name)
    }

    /// The bits of a scalar as the kernels see it: rounded to f32, settled, then rounded to the
    /// working dtype.
    pub fn scalar(self, value: f64) -> u32 {
        let bits = codec::settled((value as f32).to_bits());
        let rounded = match self {
            Compute::F32 => bits,
            Compute::BF16 => through(Float::BF16, bits),
            Compute::F16 => through(Float::F16, bits),
        };
        codec::settled(rounded)
    }
}

fn through(float: Float, bits: u32) -> u32 {
    codec::decode(float, codec::encode(float, bits))
}
