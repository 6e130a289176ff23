//! The recipe of an output, made again from its record.

use std::path::PathBuf;

use crate::checkpoint::Checkpoint;
use crate::cli::failure::Failure;
use crate::cli::recipe::Text;
use crate::cli::yaml::Composing;
use crate::cli::{mixture, referred::Referring};
use crate::method::register_file;
use crate::recipe::{Options, RECORD, Recipe, RecordError, Recorded, RecordedText};

/// The recipe, of inputs in the order of the record.
pub(super) fn recipe(
    recorded: &Recorded,
    inputs: &[Checkpoint],
    output: &Checkpoint,
    quiet: bool,
) -> Result<Recipe, Failure> {
    let name = output.path().display().to_string();
    let unsound =
        |fault: RecordError| Failure::input(format!("{name}: in the record `{RECORD}`, {fault}"));
    for text in recorded.method_files().map_err(unsound)? {
        let shown = Text::named(format!("{name}: a method of the record"), text);
        register_file(shown.text()).map_err(|fault| shown.show(&fault))?;
    }
    let Some(text) = recorded.text().map_err(unsound)? else {
        return recorded.recipe(inputs).map_err(unsound);
    };
    let options = recorded.options().map_err(unsound)?;
    let additions = options.additions.clone();
    let shown = Text::named(format!("{name}: its recipe"), text.text.clone());
    let recipe = composed(&text, &shown, inputs, options, quiet)?;
    let mut recipe = match recorded.swept().map_err(unsound)? {
        None => recipe,
        Some(swept) => {
            let recipes = swept.recipes(&recipe);
            let recipes = recipes.map_err(|fault| Failure::input(format!("{name}: {fault}")))?;
            recipes.into_iter().next().unwrap_or(recipe)
        }
    };
    recipe.options.additions = additions;
    Ok(recipe)
}

/// The recipe of a text in mergekit's language.
fn composed(
    recorded: &RecordedText,
    text: &Text,
    inputs: &[Checkpoint],
    options: Options,
    quiet: bool,
) -> Result<Recipe, Failure> {
    let references = recorded.references.iter().cloned();
    let paths = inputs.iter().map(|input| input.path().to_owned());
    let known: Vec<(String, PathBuf)> = references.zip(paths).collect();
    let referring = Referring {
        text,
        folder: None,
        quiet,
        known: &known,
    };
    // What the text was passed over for was said when it was merged.
    if let Some(mixture) = text.mixture((true, true), true)? {
        return mixture::composed(referring, &mixture, &options);
    }
    let mut script = text.mergekits(true, true)?;
    for (name, path) in &known {
        if script.names().any(|own| own == name) {
            script.written(name, path);
        }
    }
    let composing = Composing {
        referring,
        options: &options,
        truncates: recorded.truncates,
        memory: None,
    };
    let mut recipes = composing.recipes(&script, &[recorded.name.as_deref()])?;
    Ok(recipes.swap_remove(0))
}
