//! Whether there is a card of a merge.

/// Whether an output folder gets a card of the merge.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Card {
    /// Unless the output is to have no record ([`Metadata::None`](super::Metadata::None)) or
    /// nothing beside the models' files ([`SideFiles::Flat`](super::SideFiles::Flat)).
    #[default]
    Recorded,
    /// In any case.
    Always,
    /// In no case.
    Never,
}

impl Card {
    /// This, of a recipe that asks for a card itself.
    pub(crate) fn asked_for(self) -> Card {
        match self {
            Card::Never => Card::Never,
            _ => Card::Always,
        }
    }
}
