//! Where the bytes of a tensor lie, as a recipe sees it.

mod joint;
mod measure;
mod rows;

use std::sync::Arc;

use super::{Codes, Factors};
use crate::checkpoint::Axes;
use crate::dtype::DType;
use crate::kernel::joint::SharedOp;
use crate::recipe::{ModelId, Rule};
use crate::vocabulary::RowMap;

/// What is wanted of a tensor.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Cut {
    /// Its dimensions.
    pub stored: Vec<u64>,
    /// The box of its elements that are wanted; the others are zero.
    pub within: Vec<u64>,
}

/// Elements of a tensor in the order in which they are wanted. A plan holds one for each tensor of
/// each model, so that what is rare lies apart.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Bytes {
    /// One after the other in a file.
    Run {
        /// Which model.
        model: ModelId,
        /// Which of its files.
        file: usize,
        /// Byte offset of the first element in that file.
        offset: u64,
    },
    /// Cut from a tensor of other dimensions of the same rank, and filled up with zeros.
    Fitted {
        /// The tensor.
        of: Box<Bytes>,
        /// What is wanted of it.
        cut: Box<Cut>,
    },
    /// Repeated along the dimensions in which the tensor has one entry, and along those before its
    /// first.
    Spread {
        /// The tensor.
        of: Box<Bytes>,
        /// Its dimensions.
        stored: Vec<u64>,
    },
    /// Integers or truth values as f32, each rounded to the nearest.
    Numbers {
        /// The tensor.
        of: Box<Bytes>,
        /// Its type.
        dtype: DType,
    },
    /// As f32, 1 inside a box and 0 outside.
    Inside {
        /// The box.
        within: Vec<u64>,
    },
    /// One element of a file, as often as it is wanted.
    Repeated {
        /// Which model.
        model: ModelId,
        /// Which of its files.
        file: usize,
        /// Byte offset of the element in that file.
        offset: u64,
    },
    /// Several, each with its number of elements.
    Joined(Vec<(u64, Bytes)>),
    /// In another order than they are stored: transposed, or as PyTorch's strides say.
    Strided {
        /// What is stored.
        of: Box<Bytes>,
        /// The order.
        axes: Axes,
    },
    /// Rows of several tensors.
    Gathered(Box<Gathered>),
    /// Computed from an adapter's factors, as f32.
    Delta(Box<Factors>),
    /// What an operation on several tensors gives: elements of one of them in another order, or
    /// computed, as f32.
    Joint(Box<Joint>),
    /// Decoded from codes, as f32.
    Coded(Codes),
    /// Bytes that no file has: the marker of a format.
    Constant(Arc<[u8]>),
    /// Zeros.
    Zero,
    /// What follows after some elements.
    From {
        /// How many are left out.
        skip: u64,
        /// Of what.
        of: Box<Bytes>,
    },
}

/// A tensor that an operation is on.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct JointSource {
    /// Its name, for messages.
    pub name: String,
    /// Where its elements lie.
    pub bytes: Bytes,
    /// Its type: a float.
    pub dtype: DType,
    /// Its dimensions.
    pub shape: Vec<u64>,
}

/// A tensor that an operation on several gives.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Joint {
    /// What the operation is on.
    pub sources: Vec<JointSource>,
    /// What is done.
    pub op: SharedOp,
    /// Which of them it is.
    pub part: usize,
}

/// The rows of a gathered matrix.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Gathered {
    /// What the rows are taken from.
    pub sources: Vec<RowSource>,
    /// Which rows.
    pub map: Rule<RowMap>,
    /// Elements of a row.
    pub columns: u64,
    /// Whether its elements are f32, decoded from those of the sources. Else they are bytes of the
    /// sources, and no row is computed.
    pub decoded: bool,
}

/// A tensor that rows are taken from.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RowSource {
    /// Its elements.
    pub bytes: Bytes,
    /// Their type.
    pub dtype: DType,
}
