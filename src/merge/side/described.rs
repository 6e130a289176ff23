//! The merge whose output a configuration is to describe.

use std::cell::OnceCell;

use serde_json::Value;

use crate::checkpoint::{CONFIG_BYTES_MAX, Checkpoint, read_beside};
use crate::plan::Plan;
use crate::recipe::Recipe;

/// The merge whose output a configuration is to describe.
pub(super) struct Described<'m> {
    pub(super) recipe: &'m Recipe,
    pub(super) checkpoints: &'m [Checkpoint],
    pub(super) plan: &'m Plan,
    /// The models' configurations, once something asks for them.
    configurations: OnceCell<Vec<Option<Value>>>,
}

impl<'m> Described<'m> {
    pub(super) fn new(
        recipe: &'m Recipe,
        checkpoints: &'m [Checkpoint],
        plan: &'m Plan,
    ) -> Described<'m> {
        Described {
            recipe,
            checkpoints,
            plan,
            configurations: OnceCell::new(),
        }
    }

    /// The configuration of each model's folder, where it has one.
    pub(super) fn configurations(&self) -> &[Option<Value>] {
        self.configurations
            .get_or_init(|| self.checkpoints.iter().map(configuration).collect())
    }

    pub(super) fn reference(&self) -> &'m Checkpoint {
        &self.checkpoints[self.recipe.reference.index()]
    }
}

/// The configuration of a model's folder.
fn configuration(model: &Checkpoint) -> Option<Value> {
    let path = model.path().join("config.json");
    if !model.is_folder() {
        return None;
    }
    serde_json::from_slice(&read_beside(&path, CONFIG_BYTES_MAX).ok()?).ok()
}
