//! The command under test.

use std::process::Command;

/// wgmerge, which asks no network whatever it is given.
pub fn wgmerge() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wgmerge"));
    command.env("HF_HUB_OFFLINE", "1");
    command
}
