//! Whether a model's head is its embedding. A loader that believes so ignores a head that is
//! stored, so a merge that has one of its own must not say it.

use serde_json::{Value, json};

use super::described::Described;
use super::edit::{self, Object, set};
use crate::checkpoint::Checkpoint;
use crate::vocabulary::is_head;

/// The field of a configuration.
const FIELD: &str = "tie_word_embeddings";

/// Whether a model uses its embedding as its head.
fn is_tied((model, config): (&Checkpoint, &Option<Value>)) -> bool {
    let stored = model.tensors().keys().any(|name| is_head(name));
    let said = config.as_ref().and_then(|config| {
        let inner = config.get("text_config").and_then(|text| text.get(FIELD));
        config.get(FIELD).or(inner).and_then(Value::as_bool)
    });
    said.unwrap_or(!stored)
}

/// What the output's configuration must say, where the reference model's says something else: the
/// output has a head, and not every model took its embedding for it; or it has none, and a model
/// took its embedding for it.
pub(super) fn change(described: &Described<'_>) -> Option<bool> {
    let has_head = described.plan.jobs.iter().any(|job| is_head(&job.key));
    let models = described.checkpoints.iter();
    let tied: Vec<bool> = models
        .zip(described.configurations())
        .map(is_tied)
        .collect();
    match (tied[described.recipe.reference.index()], has_head) {
        (true, true) => tied.contains(&false).then_some(false),
        (false, false) => tied.contains(&true).then_some(true),
        _ => None,
    }
}

/// Writes it into an object; the outermost gets the field where it has none.
pub(super) fn write(object: &mut Object, tied: bool, is_outermost: bool) -> bool {
    if object.contains_key(FIELD) || !is_outermost {
        return set(object, FIELD, &json!(tied));
    }
    match edit::raw(&json!(tied)) {
        Some(raw) => object.insert(FIELD.to_owned(), raw).is_none(),
        None => false,
    }
}
