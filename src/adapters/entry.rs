//! An entry of a file, as its header has it.

use crate::dtype::DType;

/// A tensor of an adapter, or of a base, without its elements.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its name in the file.
    pub name: String,
    /// Its type.
    pub dtype: DType,
    /// Its dimensions.
    pub shape: Vec<u64>,
}
