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

use crate::support::command::{refuses, run as wgmerge};

/// Standard output of a command that succeeds.
#[track_caller]
fn succeeds(folder: &Path, arguments: &[&str]) -> String {
    let output = wgmerge(folder, arguments);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {errors}");
    String::from_utf8(output.stdout).expect("UTF-8")
}
