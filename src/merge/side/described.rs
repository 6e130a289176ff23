//! The merge whose output a configuration is to describe.

use std::cell::OnceCell;

use serde_json::Value;

use crate::checkpoint::Checkpoint;
use crate::plan::Plan;
use crate::recipe::Recipe;

/// A longer file is no configuration of a model.
pub(super) const BYTES_MAX: u64 = 16 << 20;

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
    let bytes = std::fs::metadata(&path).ok()?.len();
    if !model.is_folder() || bytes > BYTES_MAX {
        return None;
    }
    serde_json::from_str(&std::fs::read_to_string(path).ok()?).ok()
}

/// Whether a name ends in another one, from a dot on.
pub(super) fn ends_in(name: &str, end: &str) -> bool {
    let before = name.strip_suffix(end);
    before.is_some_and(|before| before.is_empty() || before.ends_with('.'))
}
