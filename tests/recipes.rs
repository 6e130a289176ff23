//! Recipes: their text, their graph, and what comes out.

mod adapters;
mod arrangement;
mod blocks;
mod check;
mod compose;
mod convert;
mod devices;
mod dialects;
mod fusion;
mod gathering;
mod golden;
mod layers;
mod limits;
mod losses;
mod random;
mod record;
mod sweep;
mod syntax;

use std::path::Path;
use std::process::Output;

/// Runs wgmerge in a folder, on the CPU.
fn wgmerge(folder: &Path, arguments: &[&str]) -> Output {
    crate::support::command::wgmerge()
        .current_dir(folder)
        .args(arguments)
        .env("NO_COLOR", "1")
        .output()
        .expect("the binary runs")
}

/// Standard output of a command that succeeds.
#[track_caller]
fn succeeds(folder: &Path, arguments: &[&str]) -> String {
    let output = wgmerge(folder, arguments);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {errors}");
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// Standard error of a command that finds its input wrong.
#[track_caller]
fn refuses(folder: &Path, arguments: &[&str]) -> String {
    let output = wgmerge(folder, arguments);
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{arguments:?}: {errors}");
    errors
}
