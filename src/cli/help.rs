//! The help of every command: what the definition of the arguments says, examples, exit codes.

use clap::{Command, CommandFactory};

use super::args::{Args, examples};
use super::exit::CODES;

/// What names a model, for help and manual.
pub(super) const MODELS: &str = "\
A model is a path or, where nothing is at that path, a Hugging Face reference:
ORG/NAME[@REVISION], ORG/NAME/FILE[@REVISION] for a file of weights, and
hf:ORG/NAME[/FOLDER][@REVISION], which is never a path. It is looked for in
the cache of huggingface_hub, then downloaded into it, as far as it is needed.
HF_HOME, HF_HUB_CACHE, HF_ENDPOINT, HF_TOKEN and HF_HUB_OFFLINE are minded.
";
/// The commands that open models.
const OPEN_MODELS: [&str; 7] = [
    "merge", "average", "run", "plan", "inspect", "diff", "convert",
];

/// Whether a command, by its words after the program's name, opens models.
pub(super) fn opens_models(name: &str) -> bool {
    OPEN_MODELS.contains(&name)
}

/// The program with the help of all its commands.
pub(super) fn command() -> Command {
    explained(Args::command(), "")
}

/// A command and those below it, `name` being its words after the program's.
fn explained(command: Command, name: &str) -> Command {
    let below: Vec<String> = command
        .get_subcommands()
        .map(|below| below.get_name().to_owned())
        .collect();
    let command = below.into_iter().fold(command, |command, below| {
        let name = format!("{name} {below}");
        command.mut_subcommand(below, |below| explained(below, name.trim()))
    });
    command.after_long_help(after(name))
}

/// What follows the options.
fn after(name: &str) -> String {
    let mut text = String::from("Examples:\n");
    for example in examples::of(name) {
        text += &format!("  {}:\n", example.what);
        for line in example.line.lines() {
            text += &format!("    {line}\n");
        }
    }
    if opens_models(name) {
        text += "\nModels:\n";
        for line in MODELS.lines() {
            text += &format!("  {line}\n");
        }
    }
    text += "\nExit status:\n";
    for (code, meaning) in CODES {
        text += &format!("  {code:<3}  {meaning}\n");
    }
    text
}
