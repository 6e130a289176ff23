//! The command under test.

use std::path::Path;
use std::process::{Command, Output};

/// wgmerge, which asks no network whatever it is given.
pub fn wgmerge() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wgmerge"));
    command.env("HF_HUB_OFFLINE", "1");
    command
}

/// Runs wgmerge in a folder, without colours.
pub fn run(folder: &Path, arguments: &[&str]) -> Output {
    wgmerge()
        .current_dir(folder)
        .args(arguments)
        .env("NO_COLOR", "1")
        .output()
        .expect("the binary runs")
}

/// Standard error, as text.
pub fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Runs a command that succeeds.
#[track_caller]
fn done(folder: &Path, arguments: &[&str]) -> Output {
    let output = run(folder, arguments);
    assert!(output.status.success(), "{arguments:?}: {}", said(&output));
    output
}

/// Standard output of a command that succeeds.
#[track_caller]
pub fn prints(folder: &Path, arguments: &[&str]) -> String {
    String::from_utf8(done(folder, arguments).stdout).expect("UTF-8")
}

/// Standard error of a command that succeeds.
#[track_caller]
pub fn says(folder: &Path, arguments: &[&str]) -> String {
    said(&done(folder, arguments))
}

/// Standard error of a command that finds its input wrong.
#[track_caller]
pub fn refuses(folder: &Path, arguments: &[&str]) -> String {
    let output = run(folder, arguments);
    let errors = said(&output);
    assert_eq!(output.status.code(), Some(2), "{arguments:?}: {errors}");
    errors
}
