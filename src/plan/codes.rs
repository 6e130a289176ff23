//! Tensors that are stored as codes.

use std::sync::Arc;

use crate::checkpoint::Coding;
use crate::recipe::ModelId;

/// A model's tensor that is stored as codes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Codes {
    /// Which model.
    pub model: ModelId,
    /// How it is stored, and where.
    pub coding: Arc<Coding>,
}

impl Codes {
    /// Bytes of the files that are read for so many of its elements.
    pub fn read_bytes(&self, elements: u64) -> u64 {
        let all: u64 = self.coding.shape.iter().product();
        let share = u128::from(self.coding.bytes()) * u128::from(elements);
        (share / u128::from(all.max(1))) as u64
    }
}
