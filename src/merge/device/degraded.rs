//! Whether the device was given up.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

/// Why the device was given up, for all lanes.
#[derive(Debug, Default)]
pub(in crate::merge) struct Degraded {
    given_up: AtomicBool,
    reason: Mutex<Option<String>>,
}

impl Degraded {
    /// The reason, if the device was given up.
    pub(in crate::merge) fn reason(&self) -> Option<String> {
        self.reason.lock().ok().and_then(|reason| reason.clone())
    }

    /// Whether it was given up.
    pub(in crate::merge) fn is_given_up(&self) -> bool {
        self.given_up.load(Ordering::Relaxed)
    }

    /// Gives it up; whether this was the first to say so.
    pub(in crate::merge) fn give_up(&self, why: &str) -> bool {
        let first = !self.given_up.swap(true, Ordering::SeqCst);
        if first && let Ok(mut reason) = self.reason.lock() {
            *reason = Some(why.to_owned());
        }
        first
    }
}
