//! Lets lanes that found something in their runs take turns in the order of the runs.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::merge::MergeError;

/// How long a lane sleeps before it looks whether the merge was stopped.
const LOOK: Duration = Duration::from_millis(20);

/// Whose turn it is. Runs are handed out in order, so that the lane whose turn it is never waits,
/// and what waits is one run for each lane.
pub(super) struct Turns<'a> {
    cancel: &'a AtomicBool,
    next: Mutex<usize>,
    passed: Condvar,
    /// Whether a lane has ended before its turn.
    broken: AtomicBool,
}

/// A lane's place in the order. Where it is left without a turn, the others stop waiting.
pub(super) struct Turn<'t> {
    turns: &'t Turns<'t>,
    number: usize,
    is_done: bool,
}

impl<'a> Turns<'a> {
    pub(super) fn new(cancel: &'a AtomicBool) -> Turns<'a> {
        Turns {
            cancel,
            next: Mutex::new(0),
            passed: Condvar::new(),
            broken: AtomicBool::new(false),
        }
    }

    /// The place of the run with this number; every number is asked for once.
    pub(super) fn place(&'a self, number: usize) -> Turn<'a> {
        Turn {
            turns: self,
            number,
            is_done: false,
        }
    }
}

impl Turn<'_> {
    /// Waits for the turn and does `work`. Where another lane failed, nothing is done: its fault
    /// is what is reported.
    pub(super) fn take(
        mut self,
        work: impl FnOnce() -> Result<(), MergeError>,
    ) -> Result<(), MergeError> {
        let Turns {
            cancel,
            next,
            passed,
            broken,
        } = self.turns;
        let mut at = lock(next);
        while *at != self.number {
            if cancel.load(Ordering::Relaxed) {
                return Err(MergeError::Interrupted);
            }
            if broken.load(Ordering::Relaxed) {
                return Ok(());
            }
            let waited = passed.wait_timeout(at, LOOK);
            at = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        drop(at);
        work()?;
        self.is_done = true;
        *lock(next) += 1;
        passed.notify_all();
        Ok(())
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        if !self.is_done {
            self.turns.broken.store(true, Ordering::Relaxed);
            self.turns.passed.notify_all();
        }
    }
}

/// Locks whether or not another thread panicked: what is guarded are counts.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
