//! The command line: arguments, printing, exit codes. The only place that prints.
//!
//! Results go to standard output, everything else to standard error. Help, completions, the manual
//! and the page about methods are generated from the definition of the arguments and from the
//! table of methods.

mod additions;
mod args;
mod asked;
mod average;
mod bar;
mod bars;
mod bench;
mod card;
mod catalogue;
mod configs;
mod convert;
mod devices;
mod diff;
mod effects;
mod exit;
mod failure;
mod generate;
mod help;
mod hint;
mod inspect;
mod markdown;
mod merge;
mod mergeflux;
mod method_files;
mod methods;
mod mixture;
mod models;
mod options;
mod out;
mod plan;
mod preview;
mod process;
mod recipe;
mod recipe_command;
mod referred;
mod report;
mod routes;
mod run;
mod size;
mod summary;
mod supermario;
mod table;
mod text;
mod verify;
mod word;
mod written;
mod yaml;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::FromArgMatches;

use args::{Args, Command};
pub use markdown::methods_markdown;

/// The version of this program, in everything that programs read of it.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Runs the command line of this process and gives its exit code: 0 done, 1 the run failed, 2
/// arguments, recipe or input are wrong, 3 models differ by more than a bound, or an output from
/// its inputs, 4 too little of a change survives, 130 interrupted.
pub fn run() -> ExitCode {
    let json = wants_json();
    let given: Vec<String> = std::env::args_os()
        .map(|argument| argument.to_string_lossy().into_owned())
        .collect();
    let arguments: Vec<OsString> = std::env::args_os().collect();
    if let Err(failure) = method_files::load(&arguments) {
        return exit::code(Err(failure), json);
    }
    let matches = help::command().try_get_matches_from(supermario::hyphenated(std::env::args_os()));
    let args = match matches.and_then(|matches| Args::from_arg_matches(&matches)) {
        Ok(args) => args,
        Err(fault) => return exit::arguments(&hint::improved(fault, &given), json),
    };
    process::raise_open_files();
    crate::exec::cpu::pages::give_large_blocks_back();
    let result = match &args.command {
        Command::Merge(command) => merge::merge(command),
        Command::Run(command) => run::run(command),
        Command::Average(command) => average::run(command),
        Command::Mergeflux(command) => mergeflux::mix(command),
        Command::MergefluxDelta(command) => mergeflux::delta(command),
        Command::Supermario(command) => supermario::pair(command),
        Command::SupermarioHf(command) => supermario::list(command),
        Command::Recipe(command) => recipe_command::run(command),
        Command::Plan(command) => plan::plan(command),
        Command::Inspect(command) => inspect::run(command),
        Command::Diff(command) => diff::run(command),
        Command::Verify(command) => verify::run(command),
        Command::Convert(command) => convert::run(command),
        Command::Configs(command) => configs::run(command),
        Command::Methods(command) => methods::run(command),
        Command::Devices(command) => devices::run(command),
        Command::Bench(command) => bench::run(command),
        Command::Completions(command) => generate::completions(command),
        Command::Man(command) => generate::man(command),
    };
    exit::code(result, json)
}

/// Whether JSON was asked for, of whatever command.
fn wants_json() -> bool {
    std::env::args_os().any(|argument| argument == "--json")
}

/// Threads that compute: as told, else one per core.
fn threads(told: Option<u16>) -> usize {
    let cores = || std::thread::available_parallelism().map_or(1, usize::from);
    told.map_or_else(cores, usize::from)
}
