//! What limits the threads that compute.
//!
//! Whoever computes anything of elements does so with a permit: of a merge with N threads, N
//! compute at the same time at most, however many lanes it has. Reading, writing and waiting for a
//! device need none, so that some lanes wait while others compute. Who holds a permit asks for no
//! other and waits for no lane, so that everybody who asks is given one in the end.

use std::cell::Cell;
use std::sync::{Condvar, Mutex, PoisonError};

thread_local! {
    /// Whether this thread holds a permit.
    static HOLDS: Cell<bool> = const { Cell::new(false) };
}

/// The permits of a merge, which threads wait for.
#[derive(Debug)]
pub(in crate::merge) struct Permits {
    free: Mutex<usize>,
    freed: Condvar,
}

impl Permits {
    /// Permits for so many threads.
    pub(in crate::merge) fn new(threads: usize) -> Permits {
        Permits {
            free: Mutex::new(threads.max(1)),
            freed: Condvar::new(),
        }
    }

    /// Computes with a permit.
    pub(in crate::merge) fn with<T>(&self, work: impl FnOnce() -> T) -> T {
        debug_assert!(!HOLDS.get(), "who holds a permit asks for no other");
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        while *free == 0 {
            free = self
                .freed
                .wait(free)
                .unwrap_or_else(PoisonError::into_inner);
        }
        *free -= 1;
        drop(free);
        HOLDS.set(true);
        let _permit = Permit(self);
        work()
    }
}

/// A permit, given back however the work ends.
struct Permit<'a>(&'a Permits);

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        HOLDS.set(false);
        let free = &self.0.free;
        *free.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        self.0.freed.notify_one();
    }
}
