//! What can be wrong with the factors of adapters.

use super::Label;
use crate::figures::counted;

/// The adapters that are read.
pub(super) const READ: &str = "LoRA and LoKr of SD1 and SDXL in the names of kohya and LyCORIS";
/// What to do with others.
pub(super) const BAKE: &str = "bake others into their base with the tool that made them";

/// Factors that would be lost, or that would be merged as if they were weights.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum AdapterError {
    #[error(
        "{node} has {}, such as `{example}`, beside the factors of a LoRA or LoKr of {base}; \
         {kind} are not supported, and left out they would change the result",
        counted(*.count, "tensor")
    )]
    Stray {
        node: Label,
        base: String,
        count: usize,
        example: String,
        kind: String,
    },
    #[error(
        "{node} has {}, such as `{example}`, that can make no delta of {base} without what is not \
         there, such as `{missing}`: the adapter is incomplete, take the whole file",
        counted(*.count, "tensor")
    )]
    Half {
        node: Label,
        base: String,
        count: usize,
        example: String,
        missing: String,
    },
    #[error(
        "{node} would merge the factors of an adapter one by one: {model} is {adapter}, whose \
         factors make a difference together; {way}"
    )]
    Merged {
        node: Label,
        model: String,
        adapter: String,
        way: String,
    },
}

impl AdapterError {
    /// The line of the recipe's text at which it shows, where there is one.
    pub fn line(&self) -> Option<usize> {
        match self {
            AdapterError::Stray { node, .. }
            | AdapterError::Half { node, .. }
            | AdapterError::Merged { node, .. } => node.line(),
        }
    }
}
