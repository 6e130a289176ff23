//! What a quantised tensor is made of.

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
    /// Its dimensions as they are stored. Dialects may cut them otherwise, into `[1]`, `[rows]` or
    /// blocks; there are as many elements then.
    pub shape: Vec<u64>,
}
