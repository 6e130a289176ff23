//! The layouts of quantised tensors, as data.

use crate::dtype::{DType, Float};

/// How a tensor's numbers are stored as codes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// Codes times scales: fp8, int8, nvfp4, mxfp8, mxfp4 and their kin.
    Scaled(Scaled),
    /// Integers of a few bits in 32-bit words, rows one after the other: `pack-quantized` of
    /// compressed-tensors.
    Packed(Packed),
    /// Levels of a codebook times a relative scale, rounded to int8, times a scale of the row:
    /// ComfyUI's `asym_w4a8_int8`.
    Levels(Levels),
    /// `(code - 8) * scale + zero`, scales and zeros transposed: ComfyUI's `awq_w4a16`.
    Affine(Affine),
    /// `((code - zero) * scale)` transposed: AutoAWQ's gemm form.
    Awq(Awq),
    /// Numbers of a table times a scale of a block of the flattened tensor: bitsandbytes' NF4 and
    /// FP4.
    Table(Table),
    /// `(code * SCB) * (1 / 127)`: bitsandbytes' int8. Values I8, scale F32 for each row.
    Bnb8,
    /// Blocks of a GGUF file, one after the other: codes and scales in one part.
    Gguf(Gguf),
}

/// One number as it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Code {
    /// F8_E4M3.
    E4M3,
    /// F8_E5M2.
    E5M2,
    /// A signed byte.
    I8,
    /// E2M1, two to a byte, the even column in the high nibble.
    E2M1High,
    /// E2M1, two to a byte, the even column in the low nibble.
    E2M1Low,
    /// A signed nibble, the even column in the low one.
    I4Low,
    /// E2M3, four to three bytes, the lowest bits first.
    E2M3,
    /// E3M2, four to three bytes, the lowest bits first.
    E3M2,
}

/// What a byte e of an E8M0 scale means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum E8M0 {
    /// 2^(e - 127); 255 is NaN (OCP, torch).
    Ocp,
    /// The f32 with the bits e << 23: 0 is zero, 255 infinite (ComfyUI's mxfp8).
    Bits,
    /// 2^(e - 127), 255 too, where the product overflows unless the code is small (gpt-oss).
    Power,
}

/// What one scale covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Over {
    /// All of the tensor (`[]` or `[1]`), whatever its dimensions.
    Tensor,
    /// A matrix of a list of matrices, such as a bank of experts (`[matrices]`).
    Matrix,
    /// A row of a matrix (`[rows, 1]` or `[rows]`, behind the dimensions of the list of them).
    Row,
    /// All that has one place in the first dimension, such as what a convolution makes one channel
    /// of (`[first]`, or ones behind it). It is one row, whatever its dimensions.
    First,
    /// A block; those at the edges are cut.
    Block(Block),
}

/// A block of a matrix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Block {
    /// Rows of it.
    pub rows: u64,
    /// Columns of it.
    pub columns: u64,
}

/// A further scale for the whole matrix, as f32.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Global {
    /// number = code * (global * scale) (ComfyUI's and ModelOpt's nvfp4).
    Times,
    /// number = code * (scale / global) (compressed-tensors' nvfp4).
    Over,
}

/// Codes times scales.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Scaled {
    /// How a code is written.
    pub code: Code,
    /// The type of the part that holds the codes.
    pub stored: DType,
    /// Stored rows and columns are multiples of this; what is beyond the tensor is zero.
    pub pad: u64,
    /// What one scale covers.
    pub over: Over,
    /// The type of the scales: F32, F16, BF16, F8_E4M3, F8_E8M0, or U8 that means E8M0. None where
    /// there are none.
    pub scale: Option<DType>,
    /// What bytes of E8M0 mean.
    pub e8m0: E8M0,
    /// Whether the scales lie in tiles of 128 rows and 4 blocks, as NVIDIA's kernels read them.
    pub swizzled: bool,
    /// A scale of the whole matrix besides: `[]` or `[1]`, or one for each of a list of them.
    pub global: Option<Global>,
    /// Elements of a row that were multiplied by a Hadamard matrix together: ConvRot.
    pub rotated: Option<u64>,
    /// The type that numbers are rounded to when they are decoded; F32 rounds nothing.
    pub rounded: Float,
}

impl Scaled {
    /// Codes in a type of their own, each a number by itself, with no scale: what others differ
    /// from.
    pub const fn plain(code: Code, stored: DType) -> Scaled {
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
}

/// Integers of a few bits in words.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Packed {
    /// Bits of a code.
    pub bits: u32,
    /// Columns that a scale covers; None for a row.
    pub group: Option<u64>,
    /// Whether there are zero points, packed along rows. Else codes are symmetric.
    pub zeros: bool,
    /// The type of the scales, to which numbers are rounded: F32, F16 or BF16.
    pub scale: Float,
}

/// Levels and relative scales.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Levels {
    /// 4 or 6.
    pub bits: u32,
    /// Columns that a relative scale covers.
    pub group: u64,
    /// The type of the relative scales: F8_E4M3, U8 with such bytes, or F32.
    pub scale: DType,
    /// Whether there is a codebook of 16.
    pub codebook: bool,
    /// Elements of a row that were multiplied by a Hadamard matrix together.
    pub rotated: Option<u64>,
}

/// Nibbles with scales and zeros.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Affine {
    /// Columns that a scale covers.
    pub group: u64,
    /// The type of scales and zeros.
    pub scale: Float,
}

/// AutoAWQ's gemm form. Values I32 `[in, out / 8]`, zeros I32 `[in / group, out / 8]`, scales
/// `[in / group, out]`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Awq {
    /// Columns that a scale covers.
    pub group: u64,
    /// The type of the scales.
    pub scale: Float,
}

/// Codes of a table of 16.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Table {
    /// Elements that a scale covers, of the flattened tensor.
    pub block: u64,
    /// The scales.
    pub scale: TableScale,
    /// The type that numbers are rounded to.
    pub rounded: Float,
}

/// The scales of a table's codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TableScale {
    /// F32.
    Plain,
    /// Bytes of a table of 256, times an F32 for each block of them, plus an offset.
    Nested {
        /// Scales that a scale of scales covers.
        block: u64,
        /// The offset, as f32 bits.
        offset: u32,
    },
}

/// The types of GGUF that are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names that ggml gives them")]
pub enum Gguf {
    Q4_0,
    Q4_1,
    Q5_0,
    Q5_1,
    Q8_0,
    Q2K,
    Q3K,
    Q4K,
    Q5K,
    Q6K,
    Iq4Nl,
    Iq4Xs,
    Mxfp4,
}
