//! Exit codes and the printing of errors.

use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::json;

use super::failure::Failure;
use super::out::{self, Kind};

/// The exit code of a run that the user stopped.
pub(super) const INTERRUPTED: u8 = 130;

/// The exit code of a merge whose output does not hold the change that was computed.
const UNPROVED: u8 = 4;

/// What the exit codes mean, for help and manual.
pub(super) const CODES: [(u8, &str); 6] = [
    (0, "done"),
    (
        1,
        "the run failed, another may not; no incomplete output is left",
    ),
    (
        2,
        "arguments, recipe or input are wrong; nothing was written",
    ),
    (
        3,
        "models differ beyond --fail-above, or an output from its inputs",
    ),
    (
        UNPROVED,
        "too little of the change survives in the output; nothing was written",
    ),
    (
        INTERRUPTED,
        "interrupted by ^C, SIGTERM or SIGHUP; no incomplete output is left",
    ),
];

/// Prints a failure and gives the exit code. With `json` standard output gets it as an object too.
pub(super) fn code(result: Result<(), Failure>, json: bool) -> ExitCode {
    let (code, message, hint) = match result {
        Ok(()) | Err(Failure::Closed) => return ExitCode::SUCCESS,
        Err(Failure::Shown { shown, located }) => {
            out::show(&shown);
            if json {
                let mut error = json!(located);
                error["code"] = json!(2);
                print_error(&error);
            }
            return ExitCode::from(2);
        }
        Err(Failure::Usage { message, hint, .. }) => (2, message, hint),
        Err(Failure::Run(message)) => (1, message, None),
        Err(Failure::Unproved(message)) => (UNPROVED, message, None),
        Err(Failure::Differs(message)) => {
            // What was found is on standard output.
            out::say(Kind::Error, &message);
            return ExitCode::from(3);
        }
        Err(Failure::Interrupted(published)) => {
            while !tells() {
                // Who tells ends the process.
                std::thread::park();
            }
            interrupted(published, json);
            return ExitCode::from(INTERRUPTED);
        }
    };
    out::say(Kind::Error, &message);
    if let Some(hint) = &hint {
        out::say(Kind::Hint, hint);
    }
    if json {
        print_json(code, &message, hint.as_deref());
    }
    ExitCode::from(code)
}

/// Whether the caller is the thread that tells that the process was interrupted.
pub(super) fn tells() -> bool {
    static TOLD: AtomicBool = AtomicBool::new(false);
    !TOLD.swap(true, Ordering::SeqCst)
}

/// Tells that the user stopped it, and what there is.
pub(super) fn interrupted(published: usize, json: bool) {
    let message = match published {
        0 => "interrupted; nothing was written".to_owned(),
        1 => "interrupted; one output was complete".to_owned(),
        some => format!("interrupted; {some} outputs were complete"),
    };
    out::say(Kind::Error, &message);
    if json {
        print_json(INTERRUPTED, &message, None);
    }
}

/// What clap finds wrong with the arguments, or the help that was asked for.
pub(super) fn arguments(fault: &clap::Error, json: bool) -> ExitCode {
    // Where the stream is closed there is nobody to tell.
    let _ = fault.print();
    if !fault.use_stderr() {
        return ExitCode::SUCCESS;
    }
    if json {
        let text = fault.render().to_string();
        let mut paragraphs = text.split("\n\n").map(str::trim);
        let message = paragraphs.next().unwrap_or_default();
        let tip = paragraphs.find_map(|paragraph| paragraph.strip_prefix("tip: "));
        print_json(2, message.trim_start_matches("error: "), tip);
    }
    ExitCode::from(2)
}

/// The failure as JSON. The exit code tells it where nobody reads this.
fn print_json(code: u8, message: &str, hint: Option<&str>) {
    print_error(&json!({ "code": code, "message": message, "hint": hint }));
}

fn print_error(error: &serde_json::Value) {
    let _ = out::print_json(&json!({ "version": super::VERSION, "error": error }));
}
