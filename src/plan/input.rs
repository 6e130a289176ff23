//! A tensor of a model, as it is read.

use super::Bytes;
use crate::recipe::ModelId;

/// A tensor of a model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Input {
    /// Bytes of one element; of a packed type, of its unit.
    pub element_bytes: u64,
    /// Where its elements lie.
    pub bytes: Bytes,
}

impl Input {
    /// Which model; the first, where it is made of several.
    pub fn model(&self) -> ModelId {
        self.bytes.model()
    }

    /// Bytes of the files that are read for `elements` of it.
    pub fn read_bytes(&self, elements: u64) -> u64 {
        self.bytes.read_bytes(elements, self.element_bytes)
    }
}
