//! The files of an output folder that are not weights: what the recipe says, what comes along from
//! the reference model's folder, the card, and the indexes.

mod card;
mod companions;
mod config;
mod described;
mod dtype;
mod edit;
mod indexes;
mod quantised;
mod tied;

pub(super) use companions::find;
pub use companions::{Companion, Companions, LeftOut};

use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;

use self::described::Described;
use self::quantised::Settings;
use crate::checkpoint::{CARD, Checkpoint};
use crate::plan::{OutputId, Plan};
use crate::recipe::{Card, FolderRequest, Metadata, Options, Recipe, SideFiles};
use crate::report::Report;
use crate::sink::{Made, SideContent, SideFile};
use crate::vocabulary::LongText;

/// What a card takes, about: without its table and the recipe, and for each block of the table.
const CARD_BYTES: u64 = 16 << 10;
const BLOCKS: usize = 500;
const BLOCK_BYTES: u64 = 200;

/// Whether an output folder has a card.
pub(super) fn has_card(options: &Options) -> bool {
    match options.card {
        Card::Recorded => {
            options.metadata != Metadata::None && options.side_files != SideFiles::Flat
        }
        Card::Always => true,
        Card::Never => false,
    }
}

/// The card of an output of which that was found.
pub(super) fn card(
    recipe: &Recipe,
    checkpoints: &[Checkpoint],
    plan: &Plan,
    (output, found): (OutputId, &Report),
) -> String {
    card::text(&Described::new(recipe, checkpoints, plan), output, found)
}

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
    let settings = Settings::of(&described);
    let copied = copied.filter(|own| !(replaced(&own.name) || settings.drops(&own.name)));
    side.extend(copied.map(|companion| SideFile {
        content: described.content(companion),
        name: companion.name.clone(),
    }));
    side.extend(
        quantised::modelopt(&described).map(|(name, bytes)| SideFile {
            name: name.into(),
            content: SideContent::Bytes(bytes),
        }),
    );
    if has_card(&recipe.options) {
        let blocks = plan.jobs.len().min(BLOCKS) as u64;
        let recipe = plan.metadata(OutputId::FIRST).iter();
        let recipe: usize = recipe.map(|(_, value)| value.len()).sum();
        side.push(SideFile {
            name: CARD.into(),
            content: SideContent::Later {
                most: CARD_BYTES + blocks * BLOCK_BYTES + 2 * recipe as u64,
            },
        });
    }
    side.extend(indexes::of(described.reference(), plan));
    side
}

impl Made for LongText {
    fn write(&self, to: &mut dyn Write) -> io::Result<()> {
        LongText::write(self, to)
    }
}
