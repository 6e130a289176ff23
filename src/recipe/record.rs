//! The record of a recipe that travels in the output's metadata.

use serde_json::{Map, Value as Json, json};

use super::{NodeId, Recipe, RecipeNode};
use crate::method::Value;

/// The recipe as JSON. It names models by file name, not by path, so that the output does not
/// depend on where the models lie.
pub fn record(recipe: &Recipe) -> Json {
    let nodes: Vec<Json> = recipe
        .nodes
        .iter()
        .map(|node| describe(recipe, node))
        .collect();
    let options = &recipe.options;
    let (include, exclude) = options.filter.patterns();
    json!({
        "wgmerge": env!("CARGO_PKG_VERSION"),
        "nodes": nodes,
        "compute": options.compute.name(),
        "dtype": options.dtype.word(),
        "seed": options.seed,
        "missing": options.missing.word(),
        "on_nan": options.on_nan.word(),
        "shape": options.shape.word(),
        "include": include,
        "exclude": exclude,
    })
}

fn describe(recipe: &Recipe, node: &RecipeNode) -> Json {
    match node {
        RecipeNode::Model(model) => {
            let path = &recipe.models[*model];
            let name = path.file_name().unwrap_or(path.as_os_str());
            json!({ "model": name.to_string_lossy() })
        }
        RecipeNode::Merge {
            method,
            base,
            models,
            parameters,
        } => {
            let values: Map<String, Json> = parameters
                .values()
                .into_iter()
                .map(|(name, value)| (name.to_owned(), plain(&value)))
                .collect();
            let ids: Vec<usize> = models.iter().map(|NodeId(id)| *id).collect();
            let mut merge = json!({ "merge": method.id, "models": ids, "parameters": values });
            if let Some(NodeId(base)) = base {
                merge["base"] = json!(base);
            }
            merge
        }
    }
}

fn plain(value: &Value) -> Json {
    match value {
        Value::Numbers(numbers) if numbers.len() == 1 => json!(numbers[0]),
        Value::Numbers(numbers) => json!(numbers),
        Value::Flag(flag) => json!(flag),
        Value::Word(word) => json!(word),
    }
}
