//! The card of a merge, where its base has one.

use std::collections::BTreeSet;

use serde_json::json;

use crate::checkpoint::recorded_name;
use crate::recipe::{Recipe, RecipeNode};

/// A short README.md: what was merged, by what, and where the whole recipe stands. It says nothing
/// that recipe and inputs do not.
pub(super) fn text(recipe: &Recipe) -> String {
    let mut names: Vec<String> = Vec::new();
    for path in &recipe.models {
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
    text += "Made with wgmerge";
    if !methods.is_empty() {
        let methods: Vec<String> = methods.iter().map(|id| format!("`{id}`")).collect();
        text += &format!(" by {}", methods.join(", "));
    }
    text += " from:\n\n";
    for name in &names {
        text += &format!("- {}\n", json!(name));
    }
    text += "\nThe metadata of the weight files holds the recipe (`wgmerge_recipe`). ";
    text += "The licences of these models apply.\n";
    text
}
