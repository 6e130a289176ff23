//! The files of an output folder that are not weights: what the recipe says, what comes along from
//! the reference model's folder, the card, and the indexes.

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
    let (texts, left_out) = match &recipe.folder {
        Some(folder) => (&folder.texts[..], &folder.left_out[..]),
        None => (&[][..], &[][..]),
    };
    let texts = texts.iter().map(|own| SideFile {
        name: own.name.clone(),
        content: SideContent::Bytes(own.text.clone().into_bytes()),
    });
    let mut side: Vec<SideFile> = texts.collect();
    let comes = |companion: &&Companion| {
        let is_text = side.iter().any(|own| own.name == companion.name);
        !is_text && !left_out.contains(&companion.name)
    };
    let copied = companions.copied.iter().filter(comes);
    let copied = copied.map(|companion| SideFile {
        content: config::content(companion, reference, &plan.files),
        name: companion.name.clone(),
    });
    let copied: Vec<SideFile> = copied.collect();
    side.extend(copied);
    if companions.has_card && recipe.options.metadata != Metadata::None {
        side.push(SideFile {
            name: companions::CARD.into(),
            content: SideContent::Bytes(card::text(recipe).into_bytes()),
        });
    }
    side.extend(indexes::of(reference, plan));
    side
}
