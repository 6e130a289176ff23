//! Tensors whose codes are taken over from the base, as nothing of them changed.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// How many elements of each tensor of each output were taken over.
#[derive(Debug, Default)]
pub(in crate::merge) struct Carried(Mutex<HashMap<usize, u64>>);

impl Carried {
    /// Adds elements of a tensor.
    pub(in crate::merge) fn add(&self, tensor: usize, elements: u64) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *all.entry(tensor).or_default() += elements;
    }

    /// How many tensors were taken over as a whole; `elements` says how many each has.
    pub(in crate::merge) fn whole(&self, elements: impl Fn(usize) -> u64) -> usize {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let whole = all
            .iter()
            .filter(|(tensor, own)| elements(**tensor) == **own);
        whole.count()
    }
}
