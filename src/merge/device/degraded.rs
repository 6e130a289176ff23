//! Whether the device was given up.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::exec::ExecError;
use crate::merge::Progress;

/// Why the device was given up, for all lanes.
pub(in crate::merge) struct Degraded<'a> {
    progress: &'a dyn Progress,
    given_up: AtomicBool,
    reason: Mutex<Option<String>>,
}

impl<'a> Degraded<'a> {
    /// A device that works. Whoever gives it up tells so.
    pub(in crate::merge) fn new(progress: &'a dyn Progress) -> Degraded<'a> {
        Degraded {
            progress,
            given_up: AtomicBool::new(false),
            reason: Mutex::default(),
        }
    }

    /// The reason, if the device was given up.
    pub(in crate::merge) fn reason(&self) -> Option<String> {
        self.reason.lock().ok().and_then(|reason| reason.clone())
    }

    /// Whether it was given up.
    pub(in crate::merge) fn is_given_up(&self) -> bool {
        self.given_up.load(Ordering::Relaxed)
    }

    /// Gives it up. The first to say so is heard.
    pub(in crate::merge) fn give_up(&self, fault: &ExecError) {
        if self.given_up.swap(true, Ordering::SeqCst) {
            return;
        }
        if let Ok(mut reason) = self.reason.lock() {
            *reason = Some(fault.to_string());
        }
        let message = format!("{fault}; the CPU takes over, the output stays the same");
        self.progress.warn(&message);
    }
}
