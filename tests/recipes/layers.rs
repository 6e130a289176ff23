//! Tensors under other names and of several models, and parameters by the names of tensors.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use wgmerge::checkpoint::Checkpoint;
use wgmerge::dtype::Float;
use wgmerge::method::ParameterValue;
use wgmerge::recipe::{
    NodeId, Options, Recipe, RecipeNode, Renaming, Route, Rule, Schedule, Scheduled, Selection,
    merge_of,
};

use crate::support::models::{floats, run, write};
use crate::support::tensors::tensor;

/// A network of two layers, an embedding and a norm, whose values tell model and tensor.
fn network(folder: &Path, model: f32) -> PathBuf {
    let names = ["embed.w", "layers.0.w", "layers.1.w", "norm.w"];
    let tensors = names.iter().zip(1u8..);
    let tensors = tensors.map(|(name, number)| {
        let value = model + f32::from(number);
        floats(name, Float::F32, &[2, 2], &[value; 4])
    });
    let path = folder.join(format!("{model}.safetensors"));
    write(&path, &tensors.collect::<Vec<_>>());
    path
}

/// The layers of a stack by the layers of a model.
#[derive(Debug)]
struct Layers(Vec<usize>);

fn layer(name: &str) -> Option<(usize, &str)> {
    let (number, rest) = name.strip_prefix("layers.")?.split_once('.')?;
    Some((number.parse().ok()?, rest))
}

impl Renaming for Layers {
    fn source(&self, name: &str) -> Option<String> {
        let Some((number, rest)) = layer(name) else {
            return Some(name.to_owned());
        };
        let source = self.0.get(number)?;
        Some(format!("layers.{source}.{rest}"))
    }

    fn targets(&self, name: &str) -> Vec<String> {
        let Some((number, rest)) = layer(name) else {
            return vec![name.to_owned()];
        };
        let targets = self.0.iter().enumerate();
        let targets = targets.filter(|(_, source)| **source == number);
        let targets = targets.map(|(target, _)| format!("layers.{target}.{rest}"));
        targets.collect()
    }
}

/// Layers from 2 on and the norm are of the second input.
#[derive(Debug)]
struct Halves;

impl Selection for Halves {
    fn input(&self, name: &str) -> Option<usize> {
        match layer(name) {
            Some((number, _)) => Some(usize::from(number >= 2)),
            None => Some(usize::from(name == "norm.w")),
        }
    }
}

/// The recipe of two models, with what is made of its nodes.
fn recipe(models: [PathBuf; 2], more: Vec<RecipeNode>) -> Recipe {
    let options = Options::default();
    let parameters = ["alpha=0.5".to_owned()];
    let recipe = merge_of("weighted_sum", None, models.to_vec(), &parameters, options);
    let mut recipe = recipe.expect("sound");
    recipe.nodes.truncate(2);
    recipe.nodes.extend(more);
    recipe
}

fn first(found: &Checkpoint, name: &str) -> f32 {
    tensor(found, name)[0]
}

#[test]
fn layers_are_stacked_repeated_and_numbered_anew() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let models = [network(folder.path(), 10.0), network(folder.path(), 20.0)];
    let rename = |layers: &[usize], model| RecipeNode::Route {
        route: Route::Rename(Rule(Arc::new(Layers(layers.to_vec())))),
        inputs: vec![NodeId::new(model)],
    };
    let stack = RecipeNode::Route {
        route: Route::Select(Rule(Arc::new(Halves))),
        inputs: vec![NodeId::new(2), NodeId::new(3)],
    };
    let more = vec![rename(&[0, 1, 1], 0), rename(&[0, 0, 1, 0], 1), stack];
    let output = folder.path().join("out.safetensors");
    run(recipe(models, more), &output, 64 << 20);
    let found = Checkpoint::open(&output).expect("sound");
    let values = [
        ("embed.w", 11.0),
        ("layers.0.w", 12.0),
        ("layers.1.w", 13.0),
        ("layers.2.w", 23.0),
        ("layers.3.w", 22.0),
        ("norm.w", 24.0),
    ];
    assert_eq!(found.tensors().len(), values.len());
    for (name, value) in values {
        assert_eq!(first(&found, name), value, "{name}");
    }
}

/// The second model's share grows with the layers; outside of them only the first takes part.
#[derive(Debug)]
struct Growing;

impl Schedule for Growing {
    fn parameters(&self, name: &str) -> Vec<(&'static str, ParameterValue)> {
        let share = layer(name).map_or(0.5, |(number, _)| number as f64);
        vec![("weight", ParameterValue::Numbers(vec![1.0 - share, share]))]
    }

    fn takes_part(&self, name: &str, position: usize) -> bool {
        position == 0 || layer(name).is_some()
    }
}

#[test]
fn parameters_and_models_differ_between_tensors() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let models = vec![network(folder.path(), 10.0), network(folder.path(), 20.0)];
    let merge = merge_of("linear", None, models, &[], Options::default());
    let mut recipe = merge.expect("sound");
    if let Some(RecipeNode::Merge { schedule, .. }) = recipe.nodes.last_mut() {
        *schedule = Some(Scheduled::Bound(Rule(Arc::new(Growing))));
    }
    let output = folder.path().join("out.safetensors");
    run(recipe, &output, 64 << 20);
    let found = Checkpoint::open(&output).expect("sound");
    for (name, value) in [
        ("embed.w", 11.0),
        ("layers.0.w", 12.0),
        ("layers.1.w", 23.0),
        ("norm.w", 14.0),
    ] {
        assert_eq!(first(&found, name), value, "{name}");
    }
}
