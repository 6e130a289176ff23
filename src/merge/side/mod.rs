//! The files of an output folder that are not weights: what the recipe says, what comes along from
//! the reference model's folder, the card, and the indexes.

mod card;
mod companions;
mod config;
mod described;
mod dtype;
mod edit;
mod indexes;
mod tied;

pub(super) use companions::{CARD, find};
pub use companions::{Companion, Companions, LeftOut};

use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;

use self::described::Described;
use crate::checkpoint::Checkpoint;
use crate::plan::Plan;
use crate::recipe::{Card, FolderRequest, Metadata, Recipe};
use crate::sink::{Made, SideContent, SideFile};
use crate::vocabulary::LongText;

/// Everything beside the weights, indexes last.
pub(super) fn files(
    recipe: &Recipe,
    checkpoints: &[Checkpoint],
    companions: &Companions,
    plan: &Plan,
) -> Vec<SideFile> {
    let described = Described::new(recipe, checkpoints, plan);
    let none = FolderRequest::default();
    let folder = recipe.folder.as_deref().unwrap_or(&none);
    let text = |name: PathBuf, text: String| SideFile {
        name,
        content: SideContent::Bytes(text.into_bytes()),
    };
    let mut side: Vec<SideFile> = folder
        .texts
        .iter()
        .map(|own| SideFile {
            name: own.name.clone(),
            content: SideContent::Made {
                bytes: own.text.bytes(),
                text: Arc::clone(&own.text) as _,
            },
        })
        .collect();
    let replaced = |name: &PathBuf| {
        let is_text = folder.texts.iter().any(|own| own.name == *name);
        is_text || folder.left_out.contains(name)
    };
    let copied = companions.copied.iter();
    let copied = copied.filter(|companion| !replaced(&companion.name));
    side.extend(copied.map(|companion| SideFile {
        content: described.content(companion),
        name: companion.name.clone(),
    }));
    let has_card = match folder.card {
        Card::AsReference => companions.has_card && recipe.options.metadata != Metadata::None,
        Card::Always => true,
        Card::Never => false,
    };
    if has_card {
        side.push(text(companions::CARD.into(), card::text(recipe)));
    }
    side.extend(indexes::of(described.reference(), plan));
    side
}

impl Made for LongText {
    fn write(&self, to: &mut dyn Write) -> io::Result<()> {
        LongText::write(self, to)
    }
}
