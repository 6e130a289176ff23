//! How many results were beyond the type that they are stored in.

use std::sync::atomic::{AtomicU64, Ordering};

/// The count of all lanes: of values, and of the tensors that hold them, a bit per job.
#[derive(Debug)]
pub(in crate::merge) struct Overflowed {
    values: AtomicU64,
    jobs: Vec<AtomicU64>,
}

impl Overflowed {
    pub(in crate::merge) fn new(jobs: usize) -> Overflowed {
        let words = jobs.div_ceil(64);
        Overflowed {
            values: AtomicU64::new(0),
            jobs: std::iter::repeat_with(AtomicU64::default)
                .take(words)
                .collect(),
        }
    }

    /// Adds values of a job.
    pub(in crate::merge) fn add(&self, job: usize, values: u64) {
        self.values.fetch_add(values, Ordering::Relaxed);
        self.jobs[job / 64].fetch_or(1 << (job % 64), Ordering::Relaxed);
    }

    /// Values that were added.
    pub(in crate::merge) fn values(&self) -> u64 {
        self.values.load(Ordering::Relaxed)
    }

    /// Jobs that they belong to.
    pub(in crate::merge) fn tensors(&self) -> usize {
        let words = self.jobs.iter();
        let bits = words.map(|word| word.load(Ordering::Relaxed).count_ones() as usize);
        bits.sum()
    }
}
