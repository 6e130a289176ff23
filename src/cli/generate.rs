//! `wgmerge completions` and `wgmerge man`: generated from the definition of the arguments.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;

use clap::{Command, CommandFactory};
use clap_mangen::Man;

use super::args::examples::{self, EXAMPLES};
use super::args::{Args, CompletionsArgs, ManArgs};
use super::exit::CODES;
use super::failure::Failure;
use super::help;
use super::out;

/// Prints the completions of a shell.
pub(super) fn completions(args: &CompletionsArgs) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Args::command(), "wgmerge", &mut script);
    out::print(&String::from_utf8_lossy(&script))
}

/// Prints the manual as one page, or writes a page per command into a folder.
pub(super) fn man(args: &ManArgs) -> Result<(), Failure> {
    let Some(dir) = &args.dir else {
        let page = page().map_err(|fault| Failure::Run(format!("the manual: {fault}")))?;
        return out::print(&String::from_utf8_lossy(&page));
    };
    let made = std::fs::create_dir_all(dir);
    made.map_err(|fault| Failure::input(format!("cannot create {}: {fault}", dir.display())))?;
    pages(dir).map_err(|fault| Failure::Run(format!("cannot write to {}: {fault}", dir.display())))
}

/// A page per command.
fn pages(dir: &Path) -> std::io::Result<()> {
    clap_mangen::generate_to(Args::command(), dir)?;
    for (name, _) in EXAMPLES {
        let words = ["wgmerge"].into_iter().chain(name.split(' '));
        let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
        let path = dir.join(format!("{}.1", words.join("-")));
        let page = OpenOptions::new().append(true).open(path);
        let models = match help::opens_models(name) {
            true => models_section(),
            false => String::new(),
        };
        let more = examples_section(name, "SH") + &models + &exit_section();
        page?.write_all(more.as_bytes())?;
    }
    Ok(())
}

/// The examples of a command, as they are typed.
fn examples_section(name: &str, heading: &str) -> String {
    let mut text = format!(".{heading} EXAMPLES\n");
    for example in examples::of(name) {
        // A backslash begins an escape, and a quote or a period a request at the start of a line.
        let line = example.line.replace('\\', "\\e").replace('-', "\\-");
        text += &format!(".PP\n{}:\n.PP\n.nf\n.RS\n{line}\n.RE\n.fi\n", example.what);
    }
    text
}

/// What names a model.
fn models_section() -> String {
    format!(".SH MODELS\n{}", help::MODELS.replace('-', "\\-"))
}

fn exit_section() -> String {
    let codes = CODES.iter();
    let codes =
        codes.map(|(code, meaning)| format!(".TP\n{code}\n{}\n", meaning.replace('^', "\\(ha")));
    format!(".SH \"EXIT STATUS\"\n{}", codes.collect::<String>())
}

/// The manual of the program, followed by a section for each command.
fn page() -> std::io::Result<Vec<u8>> {
    let mut program = Args::command();
    program.build();
    let mut page = Vec::new();
    let man = Man::new(program.clone());
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    man.render_options_section(&mut page)?;
    page.extend(examples_section("", "SH").bytes());
    for command in program.get_subcommands() {
        if command.get_name() != "help" {
            section(command, command.get_name(), &mut page)?;
        }
    }
    page.extend(models_section().bytes());
    page.extend(exit_section().bytes());
    man.render_version_section(&mut page)?;
    Ok(page)
}

/// A command as a section, its parts as subsections, and then those below it.
fn section(command: &Command, name: &str, page: &mut Vec<u8>) -> std::io::Result<()> {
    let mut parts = Vec::new();
    let man = Man::new(command.clone());
    man.render_synopsis_section(&mut parts)?;
    man.render_description_section(&mut parts)?;
    man.render_options_section(&mut parts)?;
    let parts = String::from_utf8_lossy(&parts).replace(".SH ", ".SS ");
    let title = name.to_uppercase();
    let examples = examples_section(name, "SS");
    page.extend(format!(".SH \"WGMERGE {title}\"\n{parts}{examples}").bytes());
    for below in command.get_subcommands() {
        if below.get_name() != "help" {
            section(below, &format!("{name} {}", below.get_name()), page)?;
        }
    }
    Ok(())
}
