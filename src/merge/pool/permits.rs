//! What limits the threads that compute.

use std::sync::{Condvar, Mutex, PoisonError};

/// A number of permits that threads wait for: those that compute at the same time.
#[derive(Debug)]
pub(in crate::merge) struct Permits {
    free: Mutex<usize>,
    freed: Condvar,
}

impl Permits {
    pub(in crate::merge) fn new(count: usize) -> Permits {
        Permits {
            free: Mutex::new(count.max(1)),
            freed: Condvar::new(),
        }
    }

    /// Runs `work` with a permit.
    pub(in crate::merge) fn with<T>(&self, work: impl FnOnce() -> T) -> T {
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        while *free == 0 {
            free = self
                .freed
                .wait(free)
                .unwrap_or_else(PoisonError::into_inner);
        }
        *free -= 1;
        drop(free);
        let _permit = Permit(self);
        work()
    }
}

/// A permit, given back however the work ends.
struct Permit<'a>(&'a Permits);

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        let free = &self.0.free;
        *free.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        self.0.freed.notify_one();
    }
}
