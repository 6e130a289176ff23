//! The files of an output folder that are not weights: what comes along from the reference model's
//! folder, the card, and the indexes.

mod card;
mod companions;
mod config;
mod indexes;

pub(super) use companions::find;
pub use companions::{Companion, Companions, LeftOut};

use crate::checkpoint::Checkpoint;
use crate::plan::Plan;
use crate::recipe::{Metadata, Recipe};
use crate::sink::{SideContent, SideFile};

/// Everything beside the weights, indexes last.
pub(super) fn files(
    recipe: &Recipe,
    checkpoints: &[Checkpoint],
    companions: &Companions,
    plan: &Plan,
) -> Vec<SideFile> {
    let reference = &checkpoints[recipe.reference];
    let mut side: Vec<SideFile> = companions
        .copied
        .iter()
        .map(|companion| SideFile {
            content: config::content(companion, reference, &plan.files),
            name: companion.name.clone(),
        })
        .collect();
    if companions.has_card && recipe.options.metadata != Metadata::None {
        side.push(SideFile {
            name: companions::CARD.into(),
            content: SideContent::Bytes(card::text(recipe).into_bytes()),
        });
    }
    side.extend(indexes::of(reference, plan));
    side
}
