//! Recipes in mergekit's YAML for `run` and `plan`.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::args::YamlArgs;
use super::failure::Failure;
use super::models;
use super::recipe::{Text, placed};
use super::report;
use crate::checkpoint::Checkpoint;
use crate::recipe::mergekit::{CONFIG, Outline, Referred, Script};
use crate::recipe::{Card, Fault, FolderRequest, Options, Recipe};
use crate::vocabulary::{Tokenizer, counted_tokens};

/// Everything that a tokenizer may be made of.
const TOKENIZER_FILES: [&str; 11] = [
    "added_tokens.json",
    "chat_template.jinja",
    "merges.txt",
    "sentencepiece.bpe.model",
    "special_tokens_map.json",
    "spiece.model",
    "tokenizer.json",
    "tokenizer.model",
    "tokenizer_config.json",
    "vocab.json",
    "vocab.txt",
];

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
pub(super) fn stages(
    text: &Text,
    args: &YamlArgs,
    (folder, output): (Option<&Path>, &Path),
    options: &Options,
) -> Result<Vec<Stage>, Failure> {
    let script = text.mergekits(args.lenient.lenient)?;
    let models = opened(text, &script, folder)?;
    let asks = script.asks_for_tokenizers();
    let outlines = models.iter().map(|model| Outline {
        path: model.path().to_owned(),
        tensors: model.tensors(),
        tokenizer: asks.then(|| Tokenizer::read(model.path()).map(Arc::new)),
        counted: counted_tokens(model.path()),
    });
    let outlines: Vec<Outline<'_>> = outlines.collect();
    let named = match (&args.intermediate_dir, script.has_result()) {
        (Some(folder), _) => Some(folder.as_path()),
        (None, true) => None,
        (None, false) => Some(output),
    };
    let mut targets: Vec<(Option<&str>, PathBuf)> = Vec::new();
    if let Some(folder) = named {
        targets.extend(script.names().map(|name| (Some(name), folder.join(name))));
    }
    if script.has_result() {
        targets.push((None, output.to_owned()));
    }
    let truncates = args.unsafe_truncate_embeddings;
    let mut stages = Vec::with_capacity(targets.len());
    let mut remarks = Vec::new();
    for (name, output) in targets {
        let composed = script.compose(&outlines, name, options.clone(), truncates);
        let composed = composed.map_err(|fault| text.show(&fault))?;
        for remark in composed.remarks {
            if !remarks.contains(&remark) {
                remarks.push(remark);
            }
        }
        let mut recipe = composed.recipe;
        recipe.folder = recipe.folder.map(|own| requested(&own, args));
        stages.push(Stage { recipe, output });
    }
    report::say_notes(&text.notes(&remarks));
    Ok(stages)
}

/// What a folder is to hold, as far as flags leave it.
fn requested(own: &FolderRequest, args: &YamlArgs) -> Arc<FolderRequest> {
    let mut own = own.clone();
    if args.no_write_model_card {
        own.card = Card::Never;
        own.texts.retain(|text| text.name != Path::new(CONFIG));
    }
    if args.no_copy_tokenizer {
        own.left_out.extend(TOKENIZER_FILES.map(PathBuf::from));
    }
    Arc::new(own)
}

/// Opens the models that a text names.
fn opened(text: &Text, script: &Script, folder: Option<&Path>) -> Result<Vec<Checkpoint>, Failure> {
    let models = script.models().into_iter();
    let open = |model: &Referred| {
        let path = located(text, model, folder)?;
        Checkpoint::open(&path).map_err(|fault| {
            let span = model.span.clone();
            text.show(&Fault::new(span, fault.to_string()))
        })
    };
    models.map(open).collect()
}

/// Where a model is: as its path says, from here or from beside the text, else on the hub. What
/// there is to say of it is said.
fn located(text: &Text, model: &Referred, folder: Option<&Path>) -> Result<PathBuf, Failure> {
    if let Some(found) = placed(Path::new(&model.reference.path), folder) {
        return Ok(found);
    }
    let reference = PathBuf::from(model.reference.to_string());
    let (path, note) = models::located(&reference, false).map_err(|failure| match failure {
        Failure::Usage { message, .. } => text.show(&Fault::new(model.span.clone(), message)),
        other => other,
    })?;
    report::say_notes(note.as_slice());
    if path.exists() {
        return Ok(path);
    }
    let message = format!("there is no model {}", model.reference);
    let fault = Fault::new(model.span.clone(), message).label("no such file or folder");
    Err(text.show(&fault))
}
