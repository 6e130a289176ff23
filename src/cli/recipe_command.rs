//! `wgmerge recipe`: what a recipe file says, without a merge.

use std::io::{IsTerminal, Write};
use std::path::Path;

use super::args::{CheckArgs, Drawing, FmtArgs, RecipeCommand, ShowArgs};
use super::failure::Failure;
use super::recipe::{Text, registry};
use super::referred::Referring;
use super::{mixture, out, yaml};
use crate::figures::counted;
use crate::recipe::{Options, draw};

/// `wgmerge recipe`.
pub(super) fn run(command: &RecipeCommand) -> Result<(), Failure> {
    match command {
        RecipeCommand::Check(args) => check(args),
        RecipeCommand::Fmt(args) => format(args),
        RecipeCommand::Show(args) => show(args),
    }
}

fn check(args: &CheckArgs) -> Result<(), Failure> {
    let text = Text::read(&args.text.recipe)?;
    if text.is_mergekits() {
        if let Some(mixture) = text.mixture((args.lenient.lenient, true), false)? {
            let models = counted(mixture.models().len(), "model");
            return out::print(&format!("{}: a mixture of {models}\n", text.name));
        }
        let script = text.mergekits(args.lenient.lenient, false)?;
        let (merges, models) = (script.merges(), script.models().len());
        let (merges, models) = (counted(merges, "merge"), counted(models, "model"));
        return out::print(&format!("{}: {merges} of {models}\n", text.name));
    }
    let recipe = text.recipe(Options::default(), registry(&args.configs.files)?)?;
    out::print(&format!(
        "{}: {}, {}, depth {}\n",
        text.name,
        counted(recipe.nodes.len(), "node"),
        counted(recipe.models.len(), "model"),
        draw::depth(&recipe)
    ))
}

fn format(args: &FmtArgs) -> Result<(), Failure> {
    let text = Text::read(&args.text.recipe)?;
    if text.is_mergekits() {
        let message = "a recipe of mergekit has no form of its own: anchors and comments are the \
                       author's; `wgmerge recipe check` says whether it is sound";
        return Err(Failure::input(format!("{}: {message}", text.name)));
    }
    let formatted = text.script()?.to_string();
    if !args.write || args.text.recipe == Path::new("-") {
        // sd-mecha reads no line break at the end of a recipe.
        let end = if std::io::stdout().is_terminal() {
            "\n"
        } else {
            ""
        };
        return out::print(&(formatted + end));
    }
    replace(&args.text.recipe, &formatted)
        .map_err(|fault| Failure::Run(format!("cannot write {}: {fault}", text.name)))
}

/// Replaces a file as a whole or not at all, where a link leads.
fn replace(path: &Path, text: &str) -> std::io::Result<()> {
    let path = path.canonicalize()?;
    let folder = path.parent().unwrap_or(Path::new("/"));
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(text.as_bytes())?;
    let permissions = path.metadata()?.permissions();
    file.as_file().set_permissions(permissions)?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    Ok(())
}

fn show(args: &ShowArgs) -> Result<(), Failure> {
    let text = Text::read(&args.text.recipe)?;
    let draw = match args.r#as {
        Drawing::Tree => draw::tree,
        Drawing::Dot => draw::dot,
        Drawing::Mermaid => draw::mermaid,
    };
    if !text.is_mergekits() {
        let recipe = text.recipe(Options::default(), registry(&args.configs.files)?)?;
        return out::print(&out::escape_lines(&draw(&recipe)));
    }
    if let Some(mixture) = text.mixture((args.lenient.lenient, true), false)? {
        let referring = Referring {
            text: &text,
            folder: args.text.recipe.parent(),
            quiet: false,
            known: &[],
        };
        let recipe = mixture::composed(referring, &mixture, &Options::default())?;
        return out::print(&out::escape_lines(&draw(&recipe)));
    }
    for (name, recipe) in yaml::drawn(&text, &args.text.recipe, args.lenient.lenient)? {
        let name = name.map_or_else(String::new, |name| format!("{name}:\n"));
        out::print(&out::escape_lines(&(name + &draw(&recipe))))?;
    }
    Ok(())
}
