//! Recipes in mergekit's YAML for `run` and `plan`.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use indexmap::IndexSet;

use super::args::YamlArgs;
use super::asked::{Asked, no_output};
use super::failure::Failure;
use super::recipe::Text;
use super::referred::Referring;
use super::report;
use crate::checkpoint::Checkpoint;
use crate::figures::{binary, counted};
use crate::plan::PROCESS_BYTES;
use crate::recipe::mergekit::{CONFIG, MIXTURE_CONFIG, Outline, Outlines, Referred, Script};
use crate::recipe::{FolderRequest, Options, Recipe};
use crate::vocabulary::{TOKENIZER_FILES, Tokenizer, counted_tokens, tokenizer_bytes};

/// A merge of a text, and where its result goes.
#[derive(Debug)]
pub(super) struct Stage {
    /// The merge.
    pub recipe: Recipe,
    /// Its output.
    pub output: PathBuf,
}

/// The merges of a text that have outputs of their own, in the order in which they build on each
/// other: the result goes to `output`, and merges with names into folders of these names, in the
/// folder for them or, where every merge has one, in `output`. Others are parts of the result.
///
/// Where tokens of a merge are asked for it is the only one: what builds on it comes after it.
pub(super) fn stages(
    text: &Text,
    script: &Script,
    asked: &Asked<'_>,
    options: &Options,
) -> Result<Vec<Stage>, Failure> {
    let args = asked.yaml;
    let mut targets = targets(script, asked)?;
    if let Some(first) = script.needed_first()
        && targets.iter().any(|(name, _)| *name == Some(first))
    {
        targets.retain(|(name, _)| *name == Some(first));
    }
    let names: Vec<Option<&str>> = targets.iter().map(|(name, _)| *name).collect();
    let recipes = Composing {
        referring: Referring {
            text,
            folder: asked.file.parent(),
            quiet: asked.quiet,
            known: &[],
        },
        options,
        truncates: args.unsafe_truncate_embeddings,
        memory: Some(asked.memory),
    };
    let recipes = recipes.recipes(script, &names)?;
    let stages = recipes.into_iter().zip(targets);
    let stages = stages.map(|(mut recipe, (_, output))| {
        recipe.folder = recipe.folder.map(|own| requested(&own, args));
        Stage { recipe, output }
    });
    Ok(stages.collect())
}

/// The recipe of a text's result, or where every merge has a name those of all, with the names.
pub(super) fn drawn(
    text: &Text,
    file: &Path,
    lenient: bool,
) -> Result<Vec<(Option<String>, Recipe)>, Failure> {
    let script = text.mergekits(lenient, false)?;
    let names: Vec<Option<&str>> = match script.has_result() {
        true => vec![None],
        false => script.names().map(Some).collect(),
    };
    let recipes = Composing {
        referring: Referring {
            text,
            folder: file.parent(),
            quiet: false,
            known: &[],
        },
        options: &Options::default(),
        truncates: false,
        memory: None,
    };
    let recipes = recipes.recipes(&script, &names)?;
    let names = names.into_iter().map(|name| name.map(str::to_owned));
    Ok(names.zip(recipes).collect())
}

/// How the merges of a text become recipes.
pub(super) struct Composing<'a> {
    /// The text, and where its models are.
    pub(super) referring: Referring<'a>,
    pub(super) options: &'a Options,
    /// Whether rows for tokens are cut to as many as all models have.
    pub(super) truncates: bool,
    /// Bytes that the process may hold, where that is bounded.
    pub(super) memory: Option<u64>,
}

impl Composing<'_> {
    /// The recipes of merges by their names. What there is to say of them is said.
    pub(super) fn recipes(
        &self,
        script: &Script,
        names: &[Option<&str>],
    ) -> Result<Vec<Recipe>, Failure> {
        let models = self.opened(script)?;
        let asks = script.asks_for_tokenizers();
        let others = script.tokenizers().into_iter();
        let others = others.map(|model| self.located(script, model));
        let others = others.collect::<Result<Vec<PathBuf>, Failure>>()?;
        if asks {
            let models = models.iter().map(Checkpoint::path);
            let folders = models.chain(others.iter().map(PathBuf::as_path));
            self.check_memory(&folders.collect::<Vec<_>>())?;
        }
        let outlines = models.iter().map(|model| Outline {
            path: model.path().to_owned(),
            tensors: model.tensors(),
            tokenizer: asks.then(|| Tokenizer::read(model.path()).map(Arc::new)),
            counted: counted_tokens(model.path()),
        });
        let outlines: Vec<Outline<'_>> = outlines.collect();
        let others = others
            .iter()
            .map(|path| Tokenizer::read(path).map(Arc::new));
        let outlines = Outlines {
            models: &outlines,
            tokenizers: &others.collect::<Vec<_>>(),
        };
        let mut recipes = Vec::with_capacity(names.len());
        let mut remarks = IndexSet::new();
        for name in names {
            let options = self.options.clone();
            let composed = script.compose(outlines, *name, options, self.truncates);
            let composed = composed.map_err(|fault| self.referring.text.show(&fault))?;
            remarks.extend(composed.remarks);
            recipes.push(composed.recipe);
        }
        self.say(
            &self
                .referring
                .text
                .notes(&remarks.into_iter().collect::<Vec<_>>()),
        );
        Ok(recipes)
    }

    /// Refuses a budget that tokenizers do not fit, before any is read.
    fn check_memory(&self, folders: &[&Path]) -> Result<(), Failure> {
        let Some(given) = self.memory else {
            return Ok(());
        };
        let models = folders.len();
        let tokens = tokenizer_bytes(folders, given.saturating_sub(PROCESS_BYTES));
        let needed = PROCESS_BYTES.saturating_add(tokens);
        match given < needed {
            true => Err(Failure::input(format!(
                "a memory budget of {} is too small: the tokenizers of {} need up to {}; raise \
                 --memory to {}",
                binary(given),
                counted(models, "model"),
                binary(tokens),
                binary(needed).replace(' ', "")
            ))),
            false => Ok(()),
        }
    }

    fn say(&self, notes: &[String]) {
        if !self.referring.quiet {
            report::say_notes(notes);
        }
    }

    /// Opens the models that a text names.
    fn opened(&self, script: &Script) -> Result<Vec<Checkpoint>, Failure> {
        let models = script.models().into_iter();
        let open = |model: &Referred| {
            let path = match self.is_unused(script, model) {
                // What the recipe is not made of is not looked at; it only has a place in the list.
                true => self.referring.known[0].1.clone(),
                false => self.located(script, model)?,
            };
            self.referring.open(model, &path)
        };
        models.map(open).collect()
    }

    /// Where a model is: a merge that was written, or what the text refers to.
    fn located(&self, script: &Script, model: &Referred) -> Result<PathBuf, Failure> {
        match script.place(&model.reference.path) {
            Some(written) => Ok(written.to_owned()),
            None => self.referring.located(model),
        }
    }

    /// Whether the models of the recipe are known, and a model of the text is none of them.
    fn is_unused(&self, script: &Script, model: &Referred) -> bool {
        let known = self.referring.known;
        let called = model.reference.to_string();
        let is_known = known.iter().any(|(own, _)| *own == called);
        !known.is_empty() && !is_known && script.place(&model.reference.path).is_none()
    }
}

/// The merges that are written, by their names, and where.
pub(super) fn targets<'s>(
    script: &'s Script,
    asked: &Asked<'_>,
) -> Result<Vec<(Option<&'s str>, PathBuf)>, Failure> {
    let named = match (&asked.yaml.intermediate_dir, script.has_result()) {
        (Some(folder), _) => Some(folder.as_path()),
        (None, true) => None,
        (None, false) => Some(asked.output.ok_or_else(no_output)?),
    };
    let mut targets: Vec<(Option<&str>, PathBuf)> = Vec::new();
    if let Some(folder) = named {
        targets.extend(script.names().map(|name| (Some(name), folder.join(name))));
    }
    if script.has_result() {
        let output = asked.output.ok_or_else(no_output)?;
        targets.push((None, output.to_owned()));
    }
    Ok(targets)
}

/// What a folder is to hold, as far as flags leave it.
pub(super) fn requested(own: &FolderRequest, args: &YamlArgs) -> Arc<FolderRequest> {
    let mut own = own.clone();
    if args.no_write_model_card {
        let recipes = [CONFIG, MIXTURE_CONFIG].map(Path::new);
        own.texts
            .retain(|text| !recipes.contains(&text.name.as_path()));
    }
    if args.no_copy_tokenizer {
        own.left_out.extend(TOKENIZER_FILES.map(PathBuf::from));
    }
    Arc::new(own)
}
