//! The command line: arguments, printing, exit codes. The only place that prints.

mod args;
mod bar;
mod exit;
mod merge;
mod size;

use std::process::ExitCode;

use clap::Parser;

use args::{Args, Command};

/// Runs the command line of this process.
pub fn run() -> ExitCode {
    let args = Args::parse();
    let result = match &args.command {
        Command::Merge(command) => merge::run(command),
        Command::Plan(command) => merge::plan(command),
    };
    exit::code(result)
}
