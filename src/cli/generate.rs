//! `wgmerge completions` and `wgmerge man`: generated from the definition of the arguments.

use clap::{Command, CommandFactory};
use clap_mangen::Man;

use super::args::{Args, CompletionsArgs, ManArgs};
use super::exit::Failure;
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
    if !dir.is_dir() {
        let message = format!("{} is not a folder", dir.display());
        return Err(Failure::usage(&message, Some("create it first".to_owned())));
    }
    clap_mangen::generate_to(Args::command(), dir)
        .map_err(|fault| Failure::Run(format!("cannot write to {}: {fault}", dir.display())))
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
    for command in program.get_subcommands() {
        if command.get_name() != "help" {
            page.extend(section(command)?);
        }
    }
    page.extend_from_slice(EXIT_STATUS.as_bytes());
    man.render_version_section(&mut page)?;
    Ok(page)
}

/// The codes of [`super::exit`], in the manual's own language.
const EXIT_STATUS: &str = ".SH \"EXIT STATUS\"
.TP
0
done
.TP
1
the run failed
.TP
2
arguments, recipe or input are wrong; nothing was written
.TP
130
interrupted; nothing was written
";

/// A command as a section, its parts as subsections.
fn section(command: &Command) -> std::io::Result<Vec<u8>> {
    let mut parts = Vec::new();
    let man = Man::new(command.clone());
    man.render_synopsis_section(&mut parts)?;
    man.render_description_section(&mut parts)?;
    man.render_options_section(&mut parts)?;
    let parts = String::from_utf8_lossy(&parts).replace(".SH ", ".SS ");
    let name = command.get_name().to_uppercase();
    Ok(format!(".SH \"WGMERGE {name}\"\n{parts}").into_bytes())
}
