//! The card of a merge.

use std::collections::BTreeSet;

use serde_json::json;
use sha2::{Digest, Sha256};

use super::described::Described;
use crate::checkpoint::recorded_name;
use crate::figures::hex;
use crate::method::ParameterValue;
use crate::plan::OutputId;
use crate::recipe::{ModelId, NodeId, RECORD, Recipe, RecipeNode, record};
use crate::report::{Report, markdown, markdown_cell};

/// Merges of a recipe that are listed.
const MERGES: usize = 100;
/// Characters of a licence that are shown: some models state the whole text.
const LICENCE: usize = 100;
/// Bytes of a recipe that the card shows.
const RECIPE: usize = 64 << 10;

/// A README.md: what was merged by what, how much of the change is in the output, and the recipe.
/// It says nothing that does not follow from recipe and inputs.
pub(in crate::merge) fn text(own: &Described<'_>, output: OutputId, found: &Report) -> String {
    let recipe = own.recipe;
    let models = models(own);
    let mut text = head(&models);
    let methods = methods(recipe);
    text += if methods.is_empty() {
        "# A conversion"
    } else {
        "# A merge"
    };
    text += concat!("\n\nMade with wgmerge ", env!("CARGO_PKG_VERSION"));
    if !methods.is_empty() {
        let methods: Vec<String> = methods.iter().map(|id| format!("`{id}`")).collect();
        text += &format!(" by {}", methods.join(", "));
    }
    text += " from:\n\n| model | licence | fingerprint |\n|---|---|---|\n";
    for model in &models {
        let licence = match model.licences.is_empty() {
            true => "not stated".to_owned(),
            false => markdown_cell(&shortened(&model.licences.join(", "))),
        };
        let name = markdown_cell(&model.name);
        text += &format!("| {name} | {licence} | {} |\n", model.fingerprint);
    }
    text += "\nThe licences of these models apply.\n";
    text += &merges(recipe);
    if let Some(table) = markdown(found) {
        text += &format!("\n## What changed\n\n{}\n{table}", explained(found));
    }
    text + &the_recipe(own, output)
}

/// What the table is about.
fn explained(found: &Report) -> String {
    let mut text = String::from(
        "Of the change from the base, or from the first model: its norm as it was computed \
         (intended) and in the bytes that were written (kept), the share that is present \
         (survival), and the elements that were changed.\n",
    );
    for (number, note) in found.notes.iter().enumerate() {
        // A list begins behind an empty line.
        let gap = if number == 0 { "\n" } else { "" };
        text += &format!("{gap}- {}\n", markdown_cell(note));
    }
    text
}

/// A model with what it states.
struct Model {
    name: String,
    licences: Vec<String>,
    fingerprint: String,
}

/// The models of which something is in the output; those of one name and content once.
fn models(own: &Described<'_>) -> Vec<Model> {
    let mut models: Vec<Model> = Vec::new();
    for (model, checkpoint) in ModelId::all().zip(own.checkpoints) {
        let name = recorded_name(&own.recipe.models[model.index()]);
        let fingerprint = checkpoint.fingerprint().unwrap_or_default();
        let known = |own: &Model| (&own.name, &own.fingerprint) == (&name, &fingerprint);
        if own.recipe.takes(model) && !models.iter().any(known) {
            models.push(Model {
                licences: checkpoint.licences(),
                name,
                fingerprint,
            });
        }
    }
    models
}

/// The head that the hub reads. A JSON string is a YAML one, whatever is in it.
fn head(models: &[Model]) -> String {
    let mut text = String::from("---\nbase_model:\n");
    let mut known: BTreeSet<&str> = BTreeSet::new();
    for model in models {
        if known.insert(&model.name) {
            text += &format!("- {}\n", json!(model.name));
        }
    }
    // One for all, or none: which of several applies is not ours to say.
    let licences: BTreeSet<&[String]> = models.iter().map(|own| own.licences.as_slice()).collect();
    if let Some([licence]) = licences.first().filter(|_| licences.len() == 1) {
        text += &format!("license: {}\n", json!(licence));
    }
    text + "tags:\n- merge\n- wgmerge\n---\n\n"
}

fn methods(recipe: &Recipe) -> BTreeSet<&str> {
    let methods = recipe.nodes.iter().filter_map(|node| match node {
        RecipeNode::Merge { method, .. } => Some(method.id),
        _ => None,
    });
    methods.collect()
}

/// Every merge of the recipe with its parameters.
fn merges(recipe: &Recipe) -> String {
    let mut rows = Vec::new();
    for (number, node) in recipe.nodes.iter().enumerate() {
        let RecipeNode::Merge {
            method,
            base,
            models,
            parameters,
            given,
            schedule,
        } = node
        else {
            continue;
        };
        let base = base.map_or_else(String::new, |base| called(recipe, base));
        let models: Vec<String> = models.iter().map(|own| called(recipe, *own)).collect();
        let values = parameters.values().into_iter();
        let mut told: Vec<String> = values
            .map(|(name, value)| format!("{name} {}", written(&value)))
            .collect();
        told.extend(
            given
                .iter()
                .map(|(name, id)| format!("{name} of {}", called(recipe, *id))),
        );
        if schedule.is_some() {
            told.push("by blocks or names, as the recipe says".to_owned());
        }
        let cells = [base, models.join(", "), told.join("; ")].map(|own| markdown_cell(&own));
        rows.push(format!(
            "| {} | `{}` | {} |\n",
            number + 1,
            method.id,
            cells.join(" | ")
        ));
    }
    if rows.is_empty() {
        return String::new();
    }
    let mut text = String::from(
        "\n## Merges\n\n| node | method | base | models | parameters |\n|---:|---|---|---|---|\n",
    );
    rows.iter().take(MERGES).for_each(|row| text += row);
    if let Some(more) = rows.len().checked_sub(MERGES).filter(|more| *more > 0) {
        text += &format!("\n{more} more are in the recipe.\n");
    }
    text
}

/// A node as the table names it.
fn called(recipe: &Recipe, node: NodeId) -> String {
    match &recipe.nodes[node.index()] {
        RecipeNode::Model { model, .. } => recorded_name(&recipe.models[model.index()]),
        _ => format!("node {}", node.index() + 1),
    }
}

fn written(value: &ParameterValue) -> String {
    match value {
        ParameterValue::Numbers(numbers) => {
            let numbers: Vec<String> = numbers.iter().map(f64::to_string).collect();
            numbers.join(", ")
        }
        ParameterValue::Flag(flag) => flag.to_string(),
        ParameterValue::Word(word) => word.clone(),
    }
}

/// The recipe as it was written, or as the metadata records it, and its hash.
fn the_recipe(own: &Described<'_>, output: OutputId) -> String {
    let (kind, shown) = match &own.recipe.text {
        Some(text) => (text.dialect, text.text.trim_end().to_owned()),
        None => ("json", format!("{:#}", record(own.recipe))),
    };
    let mut text = format!("\n## Recipe ({kind})\n\n");
    if shown.len() <= RECIPE {
        // Longer than any run of these in the recipe.
        let fence = "`".repeat(longest_run(&shown).max(2) + 1);
        text += &format!("{fence}\n{shown}\n{fence}\n\n");
    }
    let mut metadata = own.plan.metadata(output).iter();
    match metadata.find(|(name, _)| name == RECORD) {
        Some((_, recorded)) => {
            let hash = hex(&Sha256::digest(recorded));
            text + &format!(
                "The metadata of the weight files holds it with the fingerprints of the models \
                 (`{RECORD}`, whose SHA-256 is `{hash}`).\n"
            )
        }
        None => {
            let hash = hex(&Sha256::digest(&shown));
            text + &format!("Its SHA-256 is `{hash}`.\n")
        }
    }
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(LICENCE) {
        None => text.to_owned(),
        Some((at, _)) => format!("{}…", &text[..at]),
    }
}

/// The length of the longest run of backticks.
fn longest_run(text: &str) -> usize {
    let runs = text.split(|letter| letter != '`');
    runs.map(str::len).max().unwrap_or(0)
}
