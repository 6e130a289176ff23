//! The card of a merge, where its base has one.

use std::collections::BTreeSet;

use serde_json::json;

use crate::checkpoint::recorded_name;
use crate::recipe::{ModelId, Recipe, RecipeNode};

/// A short README.md: what was merged, by what, and where the whole recipe stands. It says nothing
/// that recipe and inputs do not.
pub(super) fn text(recipe: &Recipe) -> String {
    let mut names: Vec<String> = Vec::new();
    for (_, path) in ModelId::all()
        .zip(&recipe.models)
        .filter(|(model, _)| recipe.takes(*model))
    {
        let name = recorded_name(path);
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let methods: BTreeSet<&str> = recipe
        .nodes
        .iter()
        .filter_map(|node| match node {
            RecipeNode::Merge { method, .. } => Some(method.id),
            _ => None,
        })
        .collect();
    let mut text = String::from("---\nbase_model:\n");
    for name in &names {
        // A JSON string is a YAML one, whatever is in it.
        text += &format!("- {}\n", json!(name));
    }
    text += "tags:\n- merge\n- wgmerge\n---\n\n# A merge\n\n";
    text += concat!("Made with wgmerge ", env!("CARGO_PKG_VERSION"));
    if !methods.is_empty() {
        let methods: Vec<String> = methods.iter().map(|id| format!("`{id}`")).collect();
        text += &format!(" by {}", methods.join(", "));
    }
    text += " from:\n\n";
    for name in &names {
        text += &format!("- {}\n", json!(name));
    }
    if let Some(own) = &recipe.text {
        // Longer than any run of these in the recipe.
        let fence = "`".repeat(longest_run(&own.text).max(2) + 1);
        text += &format!("\nThe recipe ({}):\n\n{fence}\n", own.dialect);
        text += own.text.trim_end();
        text += &format!("\n{fence}\n");
    }
    text += "\nThe metadata of the weight files holds the recipe (`wgmerge_recipe`). ";
    text += "The licences of these models apply.\n";
    text
}

/// The length of the longest run of backticks.
fn longest_run(text: &str) -> usize {
    let runs = text.split(|letter| letter != '`');
    runs.map(str::len).max().unwrap_or(0)
}
