//! Recipe files: their texts, and where the models are that they name.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::failure::{Failure, Located};
use super::{out, report, text};
use crate::keys::{Config, Configs};
use crate::recipe::mecha::{self, Script};
use crate::recipe::mergekit::{self, Mixture};
use crate::recipe::{Fault, Lines, Options, Recipe, check_names, spaces};

/// The text of a recipe, with the name to show it under.
pub(super) struct Text {
    pub(super) name: String,
    text: String,
    /// Models for what it leaves open, by name.
    given: Vec<(String, String)>,
}

impl Text {
    /// Reads a file, or standard input for `-`.
    pub(super) fn read(path: &Path) -> Result<Text, Failure> {
        let stdin = path == Path::new("-");
        let name = match stdin {
            true => "standard input".to_owned(),
            false => out::escape(&path.display().to_string()).into_owned(),
        };
        let text = match stdin {
            true => text::read_from(std::io::stdin().lock(), &name)?,
            false => text::read(path)?,
        };
        Ok(Text {
            name,
            text,
            given: Vec::new(),
        })
    }

    /// The text with models for what it leaves open, each NAME=PATH.
    pub(super) fn with(mut self, given: &[String]) -> Result<Text, Failure> {
        if !given.is_empty() && self.is_mergekits() {
            let message = "--set is for `parameter` lines, which recipes of mergekit do not have";
            return Err(Failure::input(format!("{}: {message}", self.name)));
        }
        for own in given {
            let Some((name, path)) = own.split_once('=').filter(|(_, path)| !path.is_empty())
            else {
                let message = format!("--set {own:?}: write a parameter's name, =, and a model");
                return Err(Failure::input(message));
            };
            if self.given.iter().any(|(known, _)| known == name) {
                return Err(Failure::input(format!("--set gives `{name}` twice")));
            }
            self.given.push((name.to_owned(), path.to_owned()));
        }
        Ok(self)
    }

    /// A text that is known, under a name.
    pub(super) fn named(name: String, text: String) -> Text {
        let name = out::escape(&name).into_owned();
        Text {
            name,
            text,
            given: Vec::new(),
        }
    }

    /// What it says.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Whether it is a recipe of mergekit: by its name, or by how it begins.
    pub(super) fn is_mergekits(&self) -> bool {
        let yaml = [".yaml", ".yml"].iter().any(|end| self.name.ends_with(end));
        yaml || mergekit::recognised(&self.text)
    }

    /// A recipe of mergekit. What is worth saying of it is said, with its place.
    pub(super) fn mergekits(
        &self,
        lenient: bool,
        quiet: bool,
    ) -> Result<mergekit::Script, Failure> {
        let script = mergekit::parse(&self.text, lenient).map_err(|fault| self.show(&fault))?;
        if !quiet {
            report::say_notes(&self.notes(&script.remarks));
        }
        Ok(script)
    }

    /// A recipe of mergekit-moe, if it is one; with what is worth saying of it as of others.
    /// `alike` lets all experts be one model.
    pub(super) fn mixture(
        &self,
        (lenient, alike): (bool, bool),
        quiet: bool,
    ) -> Result<Option<Mixture>, Failure> {
        let mixture = mergekit::mixture(&self.text, lenient, alike);
        let mixture = mixture.map_err(|fault| self.show(&fault))?;
        if let (Some(mixture), false) = (&mixture, quiet) {
            report::say_notes(&self.notes(&mixture.remarks));
        }
        Ok(mixture)
    }

    /// Remarks as notes, with their places.
    pub(super) fn notes(&self, remarks: &[mergekit::Remark]) -> Vec<String> {
        let lines = Lines::of(&self.text);
        let note = |remark: &mergekit::Remark| {
            let (line, column) = lines.place(remark.span.start);
            format!("{}:{line}:{column}: {}", self.name, remark.text)
        };
        remarks.iter().map(note).collect()
    }

    pub(super) fn script(&self) -> Result<Script, Failure> {
        let mut script = mecha::parse(&self.text).map_err(|fault| self.show(&fault))?;
        for (name, path) in &self.given {
            let given = script.give(name, path);
            given.map_err(|fault| Failure::input(format!("{}: --set: {fault}", self.name)))?;
        }
        Ok(script)
    }

    /// The recipe, with its merge spaces checked.
    pub(super) fn recipe(
        &self,
        options: Options,
        configs: Arc<Configs>,
    ) -> Result<Recipe, Failure> {
        let script = self.script()?;
        let recipe = mecha::read(&script, options, configs).map_err(|fault| self.show(&fault))?;
        spaces(&recipe).map_err(|fault| {
            let line = fault.line().unwrap_or(1);
            self.show(&Fault::of_line(&self.text, line, fault.to_string()))
        })?;
        check_names(&recipe).map_err(|fault| {
            let line = fault.line().unwrap_or(1);
            self.show(&Fault::of_line(&self.text, line, fault.to_string()))
        })?;
        Ok(recipe)
    }

    /// Where the models may be that it names, those that its result does not use as well.
    pub(super) fn models(&self, folder: Option<&Path>) -> Vec<PathBuf> {
        let script = self.script();
        let mut paths = Vec::new();
        for instruction in script.iter().flat_map(Script::instructions) {
            let mut texts = instruction
                .arguments
                .iter()
                .filter(|argument| matches!(argument.name.as_deref(), None | Some("path")))
                .filter_map(|argument| match &argument.value {
                    mecha::ArgumentValue::Text(text) => Some(text),
                    _ => None,
                });
            if let (mecha::Command::Model, Some(text)) = (instruction.command, texts.next()) {
                paths.push(PathBuf::from(text));
                paths.extend(folder.map(|folder| folder.join(text)));
            }
        }
        paths
    }

    /// A failure with the line of the text at which it shows.
    pub(super) fn locate(&self, failure: Failure) -> Failure {
        match failure {
            Failure::Usage {
                message,
                line: Some(line),
                ..
            } => self.show(&Fault::of_line(&self.text, line, message)),
            other => other,
        }
    }

    /// The fault with its line, as the terminal likes it.
    pub(super) fn show(&self, fault: &Fault) -> Failure {
        let (line, column) = fault.place(&self.text);
        let message = match fault.label.as_str() {
            "" => fault.message.clone(),
            label => format!("{}: {label}", fault.message),
        };
        Failure::Shown {
            shown: fault.render(&self.name, &self.text, out::colours()),
            located: Located {
                message,
                hint: fault.help.clone(),
                file: self.name.clone(),
                line,
                column,
            },
        }
    }
}

/// Reads a recipe file for a merge. Models whose relative path leads nowhere from here are looked
/// for beside the recipe.
pub(super) fn read(
    text: &Text,
    path: &Path,
    configs: &[PathBuf],
    options: Options,
) -> Result<Recipe, Failure> {
    let mut recipe = text.recipe(options, registry(configs)?)?;
    for model in &mut recipe.models {
        if let Some(found) = placed(model, path.parent()) {
            *model = found;
        }
    }
    Ok(recipe)
}

/// Where a model is that a recipe names: from here, else beside the recipe.
pub(super) fn placed(path: &Path, folder: Option<&Path>) -> Option<PathBuf> {
    let beside = folder
        .filter(|_| path.is_relative())
        .map(|folder| folder.join(path));
    let mut places = std::iter::once(path.to_path_buf()).chain(beside);
    places.find(|place| place.exists())
}

/// The built-in model configs and the user's.
pub(super) fn registry(files: &[PathBuf]) -> Result<Arc<Configs>, Failure> {
    let mut registry = Configs::default();
    for file in files {
        let name = out::escape(&file.display().to_string()).into_owned();
        let text = text::read(file)?;
        let config =
            Config::from_yaml(&text).map_err(|fault| Failure::input(format!("{name}: {fault}")))?;
        registry
            .add(config)
            .map_err(|fault| Failure::input(format!("{name}: {fault}")))?;
    }
    Ok(Arc::new(registry))
}
