//! Progress on standard error: a bar on a terminal, plain lines otherwise.

use std::io::IsTerminal;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use super::out::{self, Kind};
use crate::merge::Progress;

/// How often a plain line is printed.
const LINE_EVERY: Duration = Duration::from_secs(10);

/// Shows the progress of a merge.
pub(super) struct Bar {
    bar: ProgressBar,
    quiet: bool,
    lines: Option<Mutex<Lines>>,
}

struct Lines {
    pass: String,
    total: u64,
    done: u64,
    last: Instant,
}

impl Bar {
    /// A bar, plain lines, or only warnings.
    pub(super) fn new(quiet: bool) -> Bar {
        let terminal = std::io::stderr().is_terminal();
        let bar = if quiet || !terminal {
            ProgressBar::hidden()
        } else {
            ProgressBar::new(0)
        };
        // Fits 50 columns with the longest message. Units are those of the report.
        let template = "{msg} {wide_bar} {percent}% {decimal_bytes_per_sec} {eta}";
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        let lines = Lines {
            pass: String::new(),
            total: 0,
            done: 0,
            last: Instant::now(),
        };
        Bar {
            bar,
            quiet,
            lines: (!terminal && !quiet).then(|| Mutex::new(lines)),
        }
    }

    /// Removes the bar.
    pub(super) fn clear(&self) {
        self.bar.finish_and_clear();
    }
}

impl Progress for Bar {
    fn begin(&self, pass: &str, bytes: u64) {
        self.bar.reset();
        self.bar.set_length(bytes);
        self.bar.set_message(pass.to_owned());
        if let Some(lines) = &self.lines {
            let mut lines = lines.lock().unwrap_or_else(PoisonError::into_inner);
            *lines = Lines {
                pass: pass.to_owned(),
                total: bytes,
                done: 0,
                last: Instant::now(),
            };
        }
    }

    fn advance(&self, bytes: u64) {
        self.bar.inc(bytes);
        if let Some(lines) = &self.lines {
            let mut lines = lines.lock().unwrap_or_else(PoisonError::into_inner);
            lines.done += bytes;
            if lines.last.elapsed() >= LINE_EVERY {
                lines.last = Instant::now();
                let share = 100 * lines.done / lines.total.max(1);
                out::say(Kind::Report, &format!("{}: {share} %", lines.pass));
            }
        }
    }

    fn warn(&self, message: &str) {
        if !self.quiet {
            self.bar.suspend(|| out::say(Kind::Warning, message));
        }
    }
}
