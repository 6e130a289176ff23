//! The record of a recipe that travels in the output's metadata.

use serde_json::{Map, Value as Json, json};

use super::{
    Constant, Experts, Form, LiteralEntry, Omitted, Recipe, RecipeNode, Route, Rule, Scheduled,
};
use crate::checkpoint::recorded_name;
use crate::method::{ParameterValue, Space, text_of};

/// The recipe as JSON. It names models by file name, not by path, so that the output does not
/// depend on where the models lie; those of the Hugging Face cache by repository and commit.
pub fn record(recipe: &Recipe) -> Json {
    let nodes: Vec<Json> = recipe
        .nodes
        .iter()
        .map(|node| describe(recipe, node))
        .collect();
    let options = &recipe.options;
    let (include, exclude) = options.filter.patterns();
    let mut value = json!({
        "wgmerge": env!("CARGO_PKG_VERSION"),
        "nodes": nodes,
        "compute": options.compute.name(),
        "dtype": options.dtype.word(),
        "seed": options.seed,
        "missing": options.missing.word(),
        "on_nan": options.on_nan.word(),
        "on_overflow": options.on_overflow.word(),
        "shape": options.shape.word(),
        "include": include,
        "exclude": exclude,
        "block_weights": options.block_weights.as_ref().map(|blocks| &blocks.text),
    });
    if let Some(text) = &recipe.text {
        value[text.dialect] = json!(text.text);
    }
    let texts = method_texts(recipe);
    if !texts.is_empty() {
        value["methods"] = json!(texts);
    }
    if options.experts != Experts::default() {
        value["experts"] = json!(options.experts.word());
    }
    if !options.strip_prefix.is_empty() {
        value["strip_prefix"] = json!(options.strip_prefix);
    }
    value
}

/// The files' texts of methods that are not built in.
fn method_texts(recipe: &Recipe) -> Map<String, Json> {
    let methods = recipe.nodes.iter().filter_map(|node| match node {
        RecipeNode::Merge { method, .. } => Some(*method),
        _ => None,
    });
    methods
        .filter_map(|method| Some((method.id.to_owned(), json!(text_of(method)?))))
        .collect()
}

fn describe(recipe: &Recipe, node: &RecipeNode) -> Json {
    match node {
        RecipeNode::Model { model, form, space } => {
            let mut value = json!({ "model": recorded_name(&recipe.models[model.index()]) });
            set_form(&mut value, form);
            if *space != Space::Weight {
                value["space"] = json!(space.word());
            }
            value
        }
        RecipeNode::Literal { entries, form, .. } => {
            let entries: Map<String, Json> = entries
                .iter()
                .map(|(name, entry)| (name.clone(), entry_json(entry)))
                .collect();
            let mut value = json!({ "literal": entries });
            set_form(&mut value, form);
            value
        }
        RecipeNode::Route { route, inputs } => {
            let ids: Vec<usize> = inputs.iter().map(|id| id.index()).collect();
            let mut value = json!({ "route": route.id(), "inputs": ids });
            match route {
                Route::Cast(Some(float)) => value["dtype"] = json!(float.name()),
                Route::Whole(dtype) => value["dtype"] = json!(dtype.torch_name()),
                Route::PickComponent(name) | Route::OmitComponent(name) => {
                    value["component"] = json!(name);
                }
                Route::OmitNonFinite(omitted) if *omitted != Omitted::ALL => {
                    value["mandatory"] = json!(omitted.mandatory);
                    value["optional"] = json!(omitted.optional);
                }
                Route::OmitMatching(pattern) => value["pattern"] = json!(pattern.as_str()),
                _ => {}
            }
            value
        }
        RecipeNode::Merge {
            method,
            base,
            models,
            parameters,
            given,
            schedule,
        } => {
            let values: Map<String, Json> = parameters
                .values()
                .into_iter()
                .map(|(name, value)| (name.to_owned(), plain(&value)))
                .collect();
            let ids: Vec<usize> = models.iter().map(|id| id.index()).collect();
            let mut merge = json!({ "merge": method.id, "models": ids, "parameters": values });
            if let Some(base) = base {
                merge["base"] = json!(base.index());
            }
            if !given.is_empty() {
                let given = given
                    .iter()
                    .map(|(name, id)| ((*name).to_owned(), json!(id.index())));
                merge["given"] = given.collect::<Map<String, Json>>().into();
            }
            match schedule {
                None => {}
                Some(Scheduled::Bound(Rule(schedule))) => merge["scheduled"] = schedule.record(),
                Some(Scheduled::Open(_)) => merge["scheduled"] = json!(true),
            }
            merge
        }
    }
}

fn plain(value: &ParameterValue) -> Json {
    match value {
        ParameterValue::Numbers(numbers) if numbers.len() == 1 => json!(numbers[0]),
        ParameterValue::Numbers(numbers) => json!(numbers),
        ParameterValue::Flag(flag) => json!(flag),
        ParameterValue::Word(word) => json!(word),
    }
}

/// The form, where it is not the own names of the file.
fn set_form(value: &mut Json, form: &Form) {
    match form {
        Form::Own => {}
        Form::Inferred => value["form"] = json!("inferred"),
        Form::Singleton => value["form"] = json!("singleton"),
        Form::Config(config) => value["form"] = json!(config),
    }
}

fn entry_json(entry: &LiteralEntry) -> Json {
    match entry {
        LiteralEntry::Node(id) => json!({ "node": id.index() }),
        LiteralEntry::Constant(Constant::Null) => Json::Null,
        LiteralEntry::Constant(Constant::Flag(flag)) => json!(flag),
        LiteralEntry::Constant(Constant::Number(number)) => json!(number),
        LiteralEntry::Constant(Constant::Text(text)) => json!(text),
    }
}
