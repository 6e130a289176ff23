//! The workers and what limits them.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};

use super::lane::Lane;
use super::{MergeError, Shared};

/// A number of permits that threads wait for: those that compute at the same time.
#[derive(Debug)]
pub(super) struct Permits {
    free: Mutex<usize>,
    freed: Condvar,
}

impl Permits {
    pub(super) fn new(count: usize) -> Permits {
        Permits {
            free: Mutex::new(count.max(1)),
            freed: Condvar::new(),
        }
    }

    /// Runs `work` with a permit.
    pub(super) fn with<T>(&self, work: impl FnOnce() -> T) -> T {
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        while *free == 0 {
            free = self
                .freed
                .wait(free)
                .unwrap_or_else(PoisonError::into_inner);
        }
        *free -= 1;
        drop(free);
        let result = work();
        *self.free.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        self.freed.notify_one();
        result
    }
}

/// Lets the lanes do items `0..count`, each in the next free lane. The first error ends it.
pub(super) fn run<'a>(
    shared: &'a Shared<'a>,
    lanes: &mut [Lane<'a>],
    count: usize,
    work: impl Fn(&mut Lane<'a>, usize) -> Result<(), MergeError> + Sync,
) -> Result<(), MergeError> {
    let next = AtomicUsize::new(0);
    let failed: Mutex<Option<MergeError>> = Mutex::new(None);
    let active = lanes.len().min(count);
    std::thread::scope(|scope| {
        for lane in &mut lanes[..active] {
            scope.spawn(|| {
                loop {
                    let item = next.fetch_add(1, Ordering::Relaxed);
                    if item >= count {
                        return;
                    }
                    let done = match shared.cancel.load(Ordering::Relaxed) {
                        true => Err(MergeError::Interrupted),
                        false => work(lane, item),
                    };
                    if let Err(fault) = done {
                        next.store(count, Ordering::Relaxed);
                        let mut failed = failed.lock().unwrap_or_else(PoisonError::into_inner);
                        failed.get_or_insert(fault);
                        return;
                    }
                }
            });
        }
    });
    match failed.into_inner().unwrap_or_else(PoisonError::into_inner) {
        Some(fault) => Err(fault),
        None => Ok(()),
    }
}
