//! Threads that begin a measurement together.

use std::sync::{Condvar, Mutex, PoisonError};
use std::thread;

/// Where threads wait for each other.
pub(super) struct Gate {
    awaited: Mutex<usize>,
    opened: Condvar,
}

impl Gate {
    /// Waits until all threads that there are have come here.
    pub(super) fn wait(&self) {
        self.less(1);
        let mut awaited = self.awaited.lock().unwrap_or_else(PoisonError::into_inner);
        while *awaited > 0 {
            let woken = self.opened.wait(awaited);
            awaited = woken.unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// So many need not be waited for any more.
    fn less(&self, count: usize) {
        let mut awaited = self.awaited.lock().unwrap_or_else(PoisonError::into_inner);
        *awaited = awaited.saturating_sub(count);
        if *awaited == 0 {
            self.opened.notify_all();
        }
    }
}

/// Does the same in so many threads, or in as many as the system starts, at least in the caller's.
/// Each has to come to the gate once. Returns what each gave.
pub(super) fn crowd<R: Send>(threads: usize, work: impl Fn(&Gate) -> R + Sync) -> Vec<R> {
    let gate = Gate {
        awaited: Mutex::new(threads.max(1)),
        opened: Condvar::new(),
    };
    thread::scope(|scope| {
        let mut workers = Vec::new();
        for started in 0..threads {
            match thread::Builder::new().spawn_scoped(scope, || work(&gate)) {
                Ok(worker) => workers.push(worker),
                Err(_) => {
                    gate.less(threads - started.max(1));
                    break;
                }
            }
        }
        if workers.is_empty() {
            return vec![work(&gate)];
        }
        let results = workers.into_iter().map(|worker| match worker.join() {
            Ok(result) => result,
            Err(panic) => std::panic::resume_unwind(panic),
        });
        results.collect()
    })
}
