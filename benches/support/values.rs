//! The values of generated tensors.
//!
//! Promise: an element depends on the seed, the model, the tensor's name and the element's index
//! alone, so any thread can write any piece. Method: one 64-bit mix per element, whose four 16-bit
//! parts are added up: a bell curve cut off at 3.46 standard deviations, near enough to normal for
//! timing and much cheaper.

use crate::support::families::{Kind, Tensor};

/// Standard deviation of the base model's values.
pub const BASE_SD: f32 = 0.02;
/// Standard deviation of a fine-tune's delta.
pub const DELTA_SD: f32 = 1e-3;

/// The stored type of the floating-point tensors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Float {
    /// IEEE half precision.
    F16,
    /// The upper half of an f32.
    Bf16,
}

impl Float {
    /// The name in a safetensors header.
    pub fn name(self) -> &'static str {
        match self {
            Self::F16 => "F16",
            Self::Bf16 => "BF16",
        }
    }
}

/// The random streams of one tensor in one model.
pub struct Stream {
    base: u64,
    /// None in the base model itself.
    delta: Option<u64>,
    kind: Kind,
    float: Float,
}

impl Stream {
    /// The stream of `tensor` in model number `model`, where 0 is the base.
    pub fn new(seed: u64, model: u64, tensor: &Tensor, float: Float) -> Self {
        let name = tensor
            .name
            .bytes()
            .fold(mix(seed), |key, byte| mix(key ^ u64::from(byte)));
        Self {
            base: mix(name),
            delta: (model > 0).then(|| mix(name ^ model)),
            kind: tensor.kind,
            float,
        }
    }

    /// Fills `out` with the little-endian elements from `first` on; its length is a whole number of
    /// elements.
    pub fn fill(&self, first: u64, out: &mut [u8]) {
        match (self.kind, self.float) {
            (Kind::Index, _) => {
                for (index, element) in (first..).zip(out.chunks_exact_mut(8)) {
                    element.copy_from_slice(&index.to_le_bytes());
                }
            }
            (_, Float::F16) => self.fill_floats(first, out, f16_bits),
            (_, Float::Bf16) => self.fill_floats(first, out, bf16_bits),
        }
    }

    fn fill_floats(&self, first: u64, out: &mut [u8], encode: impl Fn(f32) -> u16) {
        let centre = if self.kind == Kind::Scale { 1.0 } else { 0.0 };
        let elements = (first..).zip(out.chunks_exact_mut(2));
        match self.delta {
            None => {
                for (index, element) in elements {
                    let value = centre + BASE_SD * normal(self.base, index);
                    element.copy_from_slice(&encode(value).to_le_bytes());
                }
            }
            Some(delta) => {
                for (index, element) in elements {
                    let base = centre + BASE_SD * normal(self.base, index);
                    let value = base + DELTA_SD * normal(delta, index);
                    element.copy_from_slice(&encode(value).to_le_bytes());
                }
            }
        }
    }
}

/// The size of one stored element in bytes.
pub fn element_bytes(kind: Kind) -> u64 {
    if kind == Kind::Index { 8 } else { 2 }
}

/// SplitMix64's output function.
fn mix(state: u64) -> u64 {
    let z = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// A number with mean 0 and variance 1 for element `index` of the stream `key`.
fn normal(key: u64, index: u64) -> f32 {
    // Four uniform numbers below 2^16 have the sum's mean at 2 * 65535 and its deviation at 2^16 /
    // sqrt(3).
    const PER_UNIT: f32 = 1.732_050_8 / 65536.0;
    let word = mix(key.wrapping_add(index.wrapping_mul(0x9E37_79B9_7F4A_7C15)));
    let pairs = (word & 0x0000_FFFF_0000_FFFF) + ((word >> 16) & 0x0000_FFFF_0000_FFFF);
    let sum = (pairs as u32) as i32 + ((pairs >> 32) as u32) as i32;
    (sum - 2 * 65535) as f32 * PER_UNIT
}

/// The nearest half-precision number, ties to even. The values here never overflow and are never
/// NaN.
fn f16_bits(value: f32) -> u16 {
    let sign = ((value.to_bits() >> 16) & 0x8000) as u16;
    let magnitude = value.to_bits() & 0x7FFF_FFFF;
    if magnitude < 0x3880_0000 {
        // Below 2^-14: adding 0.5 lets the f32 adder round at the subnormals' fixed step of 2^-24.
        let shifted = f32::from_bits(magnitude) + 0.5;
        return sign | (shifted.to_bits() - 0.5f32.to_bits()) as u16;
    }
    let odd = (magnitude >> 13) & 1;
    sign | ((magnitude - 0x3800_0000 + 0x0FFF + odd) >> 13) as u16
}

/// The nearest bfloat16 number, ties to even. The values here are never NaN.
fn bf16_bits(value: f32) -> u16 {
    let bits = value.to_bits();
    ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16) as u16
}
