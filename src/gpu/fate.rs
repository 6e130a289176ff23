//! What is known of a device whoever uses it: what it allows, and what went wrong on it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What a device allows, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GpuLimits {
    /// The largest arena or output of an executor.
    pub binding_bytes: u64,
    /// The largest buffer.
    pub buffer_bytes: u64,
}

/// The first thing that went wrong.
#[derive(Debug, Default)]
pub(super) struct Fate {
    lost: AtomicBool,
    pub(super) reason: Mutex<String>,
}

impl Fate {
    pub(super) fn is_lost(&self) -> bool {
        self.lost.load(Ordering::SeqCst)
    }

    /// Writes down what went wrong, if it is the first.
    pub(super) fn seal(&self, reason: &str) {
        let mut first = lock(&self.reason);
        if !self.lost.swap(true, Ordering::SeqCst) {
            first.push_str(reason);
        }
    }
}

/// Locks whatever a thread that panicked left behind: nothing here is ever half written.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
