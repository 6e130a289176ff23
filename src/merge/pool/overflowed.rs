//! How many results were beyond the type that they are stored in.

use std::sync::atomic::{AtomicU64, Ordering};

/// The count of all lanes: of values, and of the tensors that hold them, a bit per tensor of each
/// output.
#[derive(Debug)]
pub(in crate::merge) struct Overflowed {
    values: AtomicU64,
    tensors: Vec<AtomicU64>,
}

impl Overflowed {
    pub(in crate::merge) fn new(tensors: usize) -> Overflowed {
        let words = tensors.div_ceil(64);
        Overflowed {
            values: AtomicU64::new(0),
            tensors: std::iter::repeat_with(AtomicU64::default)
                .take(words)
                .collect(),
        }
    }

    /// Adds values of a tensor.
    pub(in crate::merge) fn add(&self, tensor: usize, values: u64) {
        self.values.fetch_add(values, Ordering::Relaxed);
        self.tensors[tensor / 64].fetch_or(1 << (tensor % 64), Ordering::Relaxed);
    }

    /// Values that were added.
    pub(in crate::merge) fn values(&self) -> u64 {
        self.values.load(Ordering::Relaxed)
    }

    /// Tensors that they belong to.
    pub(in crate::merge) fn tensors(&self) -> usize {
        let words = self.tensors.iter();
        let bits = words.map(|word| word.load(Ordering::Relaxed).count_ones() as usize);
        bits.sum()
    }
}
