//! Recipes of mergekit-moe for `run` and `plan`.

use std::path::Path;

use serde_json::{Map, Value};

use super::asked::{Asked, no_output};
use super::failure::Failure;
use super::recipe::Text;
use super::referred::Referring;
use super::yaml::{Stage, requested};
use crate::checkpoint::{CONFIG_BYTES_MAX, Checkpoint, read_beside};
use crate::recipe::mergekit::{Dense, Mixture};
use crate::recipe::{Options, Recipe};

/// The mixture that a text describes, and where it goes.
pub(super) fn stage(
    text: &Text,
    mixture: &Mixture,
    asked: &Asked<'_>,
    options: &Options,
) -> Result<Stage, Failure> {
    let referring = Referring {
        text,
        folder: asked.file.parent(),
        quiet: asked.quiet,
        known: &[],
    };
    let mut recipe = composed(referring, mixture, options)?;
    let own = recipe.folder.as_deref();
    recipe.folder = own.map(|own| requested(own, asked.yaml));
    let output = asked.output.ok_or_else(no_output)?.to_owned();
    Ok(Stage { recipe, output })
}

/// The recipe of a mixture.
pub(super) fn composed(
    referring: Referring<'_>,
    mixture: &Mixture,
    options: &Options,
) -> Result<Recipe, Failure> {
    let models = mixture.models().into_iter().map(|model| {
        let path = referring.located(model)?;
        referring.open(model, &path)
    });
    let models = models.collect::<Result<Vec<Checkpoint>, Failure>>()?;
    let dense = models.iter().map(|model| Dense {
        path: model.path().to_owned(),
        tensors: model.tensors(),
        config: config(model.path()),
    });
    let dense: Vec<Dense<'_>> = dense.collect();
    let recipe = mixture.compose(&dense, &[], options.clone());
    recipe.map_err(|fault| referring.text.show(&fault))
}

/// What the configuration of a model says.
fn config(folder: &Path) -> Result<Map<String, Value>, String> {
    let path = folder.join("config.json");
    let text = read_beside(&path, CONFIG_BYTES_MAX);
    let text = text.map_err(|fault| {
        format!(
            "a mixture is made of folders with a config.json: {}: {fault}",
            path.display()
        )
    })?;
    serde_json::from_slice(&text).map_err(|fault| format!("{}: {fault}", path.display()))
}
