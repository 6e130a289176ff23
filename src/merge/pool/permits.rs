//! What limits the threads that compute.
//!
//! Whoever computes anything of elements does so with a permit: of a merge with N threads, N
//! compute at the same time at most, however many lanes it has. Reading and writing need none, so
//! that some lanes wait for the disk while others compute. Who holds a permit asks for no other and
//! waits for no lane, so that everybody who asks is given one in the end.

use std::cell::Cell;
use std::sync::{Condvar, Mutex, PoisonError};

thread_local! {
    /// Whether this thread holds a permit.
    static HOLDS: Cell<bool> = const { Cell::new(false) };
}

/// The permits of a merge.
#[derive(Debug)]
pub(in crate::merge) struct Permits {
    host: Pool,
    /// Of lanes that have a device work for them, and mostly wait.
    device: Option<Pool>,
}

impl Permits {
    /// Permits for so many threads of the host, and for the lanes of a device, where there is one.
    pub(in crate::merge) fn new(threads: usize, device_lanes: Option<usize>) -> Permits {
        Permits {
            host: Pool::new(threads),
            device: device_lanes.map(Pool::new),
        }
    }

    /// Runs batches with a permit: those of a device, or the host's where there is none.
    pub(in crate::merge) fn with<T>(&self, work: impl FnOnce() -> T) -> T {
        self.device.as_ref().unwrap_or(&self.host).with(work)
    }

    /// Runs with a permit what the host computes, whether there is a device or not.
    pub(in crate::merge) fn host<T>(&self, work: impl FnOnce() -> T) -> T {
        self.host.with(work)
    }
}

/// A number of permits that threads wait for.
#[derive(Debug)]
struct Pool {
    free: Mutex<usize>,
    freed: Condvar,
}

impl Pool {
    fn new(count: usize) -> Pool {
        Pool {
            free: Mutex::new(count.max(1)),
            freed: Condvar::new(),
        }
    }

    fn with<T>(&self, work: impl FnOnce() -> T) -> T {
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
struct Permit<'a>(&'a Pool);

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        HOLDS.set(false);
        let free = &self.0.free;
        *free.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        self.0.freed.notify_one();
    }
}
