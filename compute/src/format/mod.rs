//! How numbers are stored as codes: what a quantised tensor is made of, and its numbers.
//!
//! A quantised tensor is several entries of a file, its **parts**: codes, scales, tables. A
//! [`Format`] says how they make up the numbers; it is plain data, and knows no file and no name.
//! Numbers are decoded as the library decodes that the format comes from, bit for bit, and encoded
//! as that library encodes, where it does so rightly.
//!
//! A tensor of more than two dimensions is a list of matrices, each of which is stored by itself;
//! one of a single dimension is one row. Elements are numbered as they are seen, without padding.

mod encode;
mod layout;

pub use encode::{Encoding, Exponent, Rounding, Rule, Scales, Stretch};
pub use layout::{
    Affine, Awq, Block, Code, E8M0, Format, Gguf, Global, Levels, Over, Packed, Scaled, Table,
    TableScale,
};

use crate::dtype::DType;

/// What a part of a tensor is to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Role {
    /// The codes.
    Values,
    /// Scales, one for some of the codes; of nested tables the codes of scales.
    Scale,
    /// A scale of the whole matrix, beside finer ones.
    GlobalScale,
    /// A scale of each row, beside finer ones.
    RowScale,
    /// The codes that stand for zero.
    ZeroPoint,
    /// The numbers that codes stand for.
    Codebook,
    /// Scales of scales.
    NestedScale,
    /// The numbers that codes of scales stand for.
    NestedCodebook,
}

/// An entry of a file that is part of a tensor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// What it is to the tensor.
    pub role: Role,
    /// Its element type.
    pub dtype: DType,
    /// Its dimensions as they are stored.
    pub shape: Vec<u64>,
}
