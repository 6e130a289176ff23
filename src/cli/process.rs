//! What the process asks of the system for itself: signals, and open files.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use super::exit;
use super::out::{self, Kind};
use crate::sink;

/// How long a merge may take to stop by itself: it may be in a call that the system takes its time
/// for.
const GRACE: Duration = Duration::from_secs(1);

/// Whether a merge runs, which looks at its flag.
static RUNNING: AtomicBool = AtomicBool::new(false);

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

/// Waits for interrupts. The first one sets the flag where a [`running`] merge can stop by itself,
/// which leaves it time to say so; elsewhere, and if it does not stop, it ends the process without
/// leaving anything unfinished. The second one does so at once.
pub(super) fn cancel_on_signal(json: bool) -> Arc<AtomicBool> {
    static CANCEL: OnceLock<Arc<AtomicBool>> = OnceLock::new();
    let cancel = CANCEL.get_or_init(|| {
        let cancel = Arc::new(AtomicBool::new(false));
        let interrupts = Interrupts {
            cancel: Arc::clone(&cancel),
            json,
        };
        if let Err(fault) = handle(interrupts) {
            let warning = format!("interrupts end the process at once: {fault}");
            out::say(Kind::Warning, &warning);
        }
        cancel
    });
    Arc::clone(cancel)
}

/// Does what looks at the flag.
pub(super) fn running<T>(work: impl FnOnce() -> T) -> T {
    RUNNING.store(true, Ordering::SeqCst);
    let done = work();
    RUNNING.store(false, Ordering::SeqCst);
    done
}

/// What an interrupt does.
struct Interrupts {
    cancel: Arc<AtomicBool>,
    json: bool,
}

impl Interrupts {
    fn interrupted(&self) {
        let first = !self.cancel.swap(true, Ordering::SeqCst);
        let json = self.json;
        if !first || !RUNNING.load(Ordering::SeqCst) {
            end(exit::tells().then_some(json));
        }
        let watch = std::thread::Builder::new().name("grace".to_owned());
        // Where no thread can be started, the second interrupt ends it.
        let _ = watch.spawn(move || {
            std::thread::sleep(GRACE);
            if exit::tells() {
                end(Some(json));
            }
        });
    }
}

/// Ends the process; tells so, as JSON too or not, unless another thread does.
fn end(tell: Option<bool>) {
    let published = sink::abandon();
    if let Some(json) = tell {
        exit::interrupted(published, json);
    }
    std::process::exit(i32::from(exit::INTERRUPTED));
}

#[cfg(unix)]
fn handle(interrupts: Interrupts) -> std::io::Result<()> {
    use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGXFSZ};
    // A file that grows beyond the user's limit is then an error of the write.
    signal_hook::flag::register(SIGXFSZ, Arc::new(AtomicBool::new(false)))?;
    let signals = [SIGINT, SIGTERM, SIGHUP, SIGQUIT];
    // What was ignored when the process began stays so: `nohup` asks for that.
    let ignored = ignored_signals();
    let signals = signals
        .into_iter()
        .filter(|signal| !ignored.contains(signal));
    let mut signals = signal_hook::iterator::Signals::new(signals)?;
    let wait = move || {
        for signal in signals.forever() {
            if signal == SIGQUIT {
                sink::abandon();
                // Ends the process as if nobody had waited for the signal.
                let _ = signal_hook::low_level::emulate_default_handler(SIGQUIT);
            }
            interrupts.interrupted();
        }
    };
    let thread = std::thread::Builder::new().name("signals".to_owned());
    thread.spawn(wait).map(drop)
}

/// The signals that the process ignores.
#[cfg(target_os = "linux")]
fn ignored_signals() -> Vec<i32> {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    let mask = mask.unwrap_or_default();
    (1..=64)
        .filter(|signal| mask >> (signal - 1) & 1 == 1)
        .collect()
}

/// The system tells them by means only that are not safe.
#[cfg(all(unix, not(target_os = "linux")))]
fn ignored_signals() -> Vec<i32> {
    Vec::new()
}

#[cfg(not(unix))]
fn handle(interrupts: Interrupts) -> Result<(), ctrlc::Error> {
    ctrlc::set_handler(move || interrupts.interrupted())
}
