//! The dimensions of a tensor.

use smallvec::SmallVec;

/// Dimensions in elements, the slowest first. A checkpoint may have a hundred thousand tensors,
/// most of them vectors and matrices: those are kept in place.
pub type Shape = SmallVec<[u64; 2]>;
