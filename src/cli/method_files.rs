//! Methods of the user's own, which are known before the arguments are read: these name them.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::failure::Failure;
use super::out::Kind;
use super::recipe::Text;
use super::{help, out};
use crate::fault::Fault;
use crate::keys::conversion::find_by_id;
use crate::method::register_file;
use crate::recipe::find_route;

/// The variable that names files and folders of methods, separated as those of `PATH`.
pub(super) const VARIABLE: &str = "WGMERGE_METHODS";

/// The option that names one.
const OPTION: &str = "--method-file";

/// How files of methods end.
const ENDING: &str = "wgsl";

/// Registers the methods of the files that arguments and environment name, for commands that take
/// methods. A file of the environment that is at fault is an error only where an argument is the
/// file's name without its ending, as its method is called; others are warned of.
pub(super) fn load(arguments: &[OsString]) -> Result<(), Failure> {
    let (given, there): (Vec<_>, Vec<_>) = (named(arguments).collect(), of_environment().collect());
    if given.is_empty() && there.is_empty() || !takes_methods(arguments) {
        return Ok(());
    }
    for path in given {
        files(&path)?.iter().try_for_each(|file| register(file))?;
    }
    for path in there {
        let found = files(&path).unwrap_or_else(|fault| {
            warn(&fault);
            Vec::new()
        });
        for file in found {
            let is_named = file.file_stem().is_some_and(|stem| {
                let mut arguments = arguments.iter();
                arguments.any(|argument| argument == stem)
            });
            match register(&file) {
                Err(fault) if !is_named => warn(&fault),
                registered => registered?,
            }
        }
    }
    Ok(())
}

/// Registers the method of a file.
fn register(file: &Path) -> Result<(), Failure> {
    let text = Text::read(file)?;
    let method = register_file(text.text()).map_err(|fault| text.show(&fault))?;
    if find_route(method.id).is_some() || find_by_id(method.id).is_some() {
        let message = format!("recipes have a route `{}`", method.id);
        let fault = Fault::new(0..0, message).help("give the method another name");
        return Err(text.show(&fault));
    }
    Ok(())
}

/// Says that a file of the environment gives no method.
fn warn(fault: &Failure) {
    let message = format!("{}; {VARIABLE} names it, and it is left out", fault.told());
    out::say(Kind::Warning, &message);
}

/// Whether the command, or the one below it, has the option.
fn takes_methods(arguments: &[OsString]) -> bool {
    let mut command = help::command();
    for word in arguments.iter().skip(1).filter_map(|word| word.to_str()) {
        match command.find_subcommand(word) {
            Some(below) => command = below.clone(),
            None => break,
        }
    }
    command
        .get_arguments()
        .any(|argument| argument.get_long() == OPTION.strip_prefix("--"))
}

/// The paths behind the option, as far as arguments are options.
fn named(arguments: &[OsString]) -> impl Iterator<Item = PathBuf> {
    let end = arguments.iter().position(|argument| argument == "--");
    let options = &arguments[..end.unwrap_or(arguments.len())];
    let behind = options.windows(2).filter_map(|pair| match pair {
        [option, path] if option == OPTION => Some(PathBuf::from(path)),
        _ => None,
    });
    let within = options.iter().filter_map(|argument| {
        let (option, path) = argument.to_str()?.split_once('=')?;
        (option == OPTION).then(|| PathBuf::from(path))
    });
    behind.chain(within)
}

fn of_environment() -> impl Iterator<Item = PathBuf> {
    let variable = std::env::var_os(VARIABLE).unwrap_or_default();
    let paths: Vec<PathBuf> = std::env::split_paths(&variable).collect();
    paths
        .into_iter()
        .filter(|path| !path.as_os_str().is_empty())
}

/// The file itself, or those of a folder.
fn files(path: &Path) -> Result<Vec<PathBuf>, Failure> {
    if !path.is_dir() {
        return Ok(vec![path.to_path_buf()]);
    }
    let name = out::escape(&path.display().to_string()).into_owned();
    let cannot = |fault| Failure::input(format!("cannot read {name}: {fault}"));
    let mut files = Vec::new();
    for entry in std::fs::read_dir(path).map_err(cannot)? {
        let file = entry.map_err(cannot)?.path();
        if file.extension().is_some_and(|ending| ending == ENDING) && file.is_file() {
            files.push(file);
        }
    }
    files.sort();
    Ok(files)
}
