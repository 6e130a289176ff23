//! What a checkpoint knows of a tensor.

use std::ops::Range;

use indexmap::IndexMap;
use smallvec::SmallVec;

use crate::dtype::DType;

/// Tensors by name, in file order.
pub type Tensors = IndexMap<String, TensorInfo, foldhash::fast::RandomState>;

/// Dimensions in elements, the slowest first. A checkpoint may have a hundred thousand tensors,
/// most of them vectors and matrices: those are kept in place.
pub type Shape = SmallVec<[u64; 2]>;

/// Where a tensor is and what it is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TensorInfo {
    /// The type of its elements.
    pub dtype: DType,
    /// Its dimensions; empty for a scalar.
    pub shape: Shape,
    /// The file that holds it, as an index into [`Checkpoint::files`](super::Checkpoint::files).
    pub file: usize,
    /// Its bytes, counted from the start of that file.
    pub span: Range<u64>,
}

impl TensorInfo {
    /// The number of its elements; 1 for a scalar.
    pub fn elements(&self) -> u64 {
        // The product was checked when the header was read.
        self.shape.iter().product()
    }

    /// The number of its bytes.
    pub fn bytes(&self) -> u64 {
        self.span.end - self.span.start
    }
}
