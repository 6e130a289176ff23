//! What the process asks of the system for itself: signals, and open files.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::out::{self, Kind};
use crate::sink;

/// The exit code of a run that the user stopped.
pub(super) const INTERRUPTED: u8 = 130;

/// Lets the process open as many files as it may: a model can have hundreds of shards, and the soft
/// limit is made for programs that wait for descriptors in a way of old.
pub(super) fn raise_open_files() {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, getrlimit, setrlimit};
        let mut limit = getrlimit(Resource::Nofile);
        if limit.current != limit.maximum {
            limit.current = limit.maximum;
            // Where it cannot be raised, too many files are refused before the merge.
            let _ = setrlimit(Resource::Nofile, limit);
        }
    }
}

/// Set by the first interrupt; the second one ends the process at once, without leaving anything
/// unfinished.
pub(super) fn cancel_on_signal() -> Arc<AtomicBool> {
    let cancel = Arc::new(AtomicBool::new(false));
    if let Err(fault) = handle(Arc::clone(&cancel)) {
        let warning = format!("interrupts end the process at once: {fault}");
        out::say(Kind::Warning, &warning);
    }
    cancel
}

fn interrupted(cancel: &AtomicBool) {
    if cancel.swap(true, Ordering::SeqCst) {
        sink::abandon();
        std::process::exit(i32::from(INTERRUPTED));
    }
}

#[cfg(unix)]
fn handle(cancel: Arc<AtomicBool>) -> std::io::Result<()> {
    use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGXFSZ};
    // A file that grows beyond the user's limit is then an error of the write.
    signal_hook::flag::register(SIGXFSZ, Arc::new(AtomicBool::new(false)))?;
    let signals = [SIGINT, SIGTERM, SIGHUP, SIGQUIT];
    let mut signals = signal_hook::iterator::Signals::new(signals)?;
    let wait = move || {
        for signal in signals.forever() {
            if signal == SIGQUIT {
                sink::abandon();
                // Ends the process as if nobody had waited for the signal.
                let _ = signal_hook::low_level::emulate_default_handler(SIGQUIT);
            }
            interrupted(&cancel);
        }
    };
    let thread = std::thread::Builder::new().name("signals".to_owned());
    thread.spawn(wait).map(drop)
}

#[cfg(not(unix))]
fn handle(cancel: Arc<AtomicBool>) -> Result<(), ctrlc::Error> {
    ctrlc::set_handler(move || interrupted(&cancel))
}
