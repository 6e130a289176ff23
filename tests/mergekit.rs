//! mergekit's YAML: what is read, what is refused where, and the same numbers as mergekit.

mod cases;
mod compare;
mod errors;
mod golden;
mod statistics;
mod tokenizers;

use std::path::{Path, PathBuf};
use std::process::Output;

/// The folder of the cases that mergekit 0.1.5 computed.
fn data() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/mergekit-cases")
}

/// Runs wgmerge in a folder, on the CPU.
fn wgmerge(folder: &Path, arguments: &[&str]) -> Output {
    crate::support::command::wgmerge()
        .current_dir(folder)
        .args(arguments)
        .env("NO_COLOR", "1")
        .output()
        .expect("the binary runs")
}

/// Standard error of a command that succeeds.
#[track_caller]
fn succeeds(folder: &Path, arguments: &[&str]) -> String {
    let output = wgmerge(folder, arguments);
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{arguments:?}: {errors}");
    errors
}

/// Standard error of a command that finds its input wrong.
#[track_caller]
fn refuses(folder: &Path, arguments: &[&str]) -> String {
    let output = wgmerge(folder, arguments);
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{arguments:?}: {errors}");
    errors
}
