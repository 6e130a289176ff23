//! How long something was going on, in however many threads at once.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Measures the time during which at least one thread was busy.
#[derive(Debug, Default)]
pub(in crate::merge) struct Busy(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    active: usize,
    since: Option<Instant>,
    total: Duration,
}

impl Busy {
    /// Runs `work` as busy time.
    pub(in crate::merge) fn during<T>(&self, work: impl FnOnce() -> T) -> T {
        self.enter();
        let _busy = Entered(self);
        work()
    }

    fn enter(&self) {
        let mut state = self.state();
        state.active += 1;
        if state.active == 1 {
            state.since = Some(Instant::now());
        }
    }

    fn leave(&self) {
        let mut state = self.state();
        state.active -= 1;
        if state.active == 0
            && let Some(since) = state.since.take()
        {
            state.total += since.elapsed();
        }
    }

    /// The busy time so far.
    pub(in crate::merge) fn total(&self) -> Duration {
        self.state().total
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Busy time that goes on until it is dropped.
struct Entered<'a>(&'a Busy);

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        self.0.leave();
    }
}
