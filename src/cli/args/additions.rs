//! What is done to the result in one word.

use std::path::PathBuf;

use crate::recipe::{Lora, Pattern};

/// Headings of the help.
const RESULT: &str = "What is done to the result";

/// Bounds, adapters, another VAE, tensors to leave out: short for routes of a recipe.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct AdditionArgs {
    /// Keep each element of a merge between those of its first two models; where one of them lacks
    /// the tensor, it is the other's
    #[arg(long, help_heading = RESULT)]
    pub(in crate::cli) clip: bool,

    /// Add a LoRA or LoKr to the result, times STRENGTH [default: 1]; may be given several times
    #[arg(long, value_name = "FILE[:STRENGTH]", help_heading = RESULT)]
    pub(in crate::cli) lora: Vec<Lora>,

    /// Put the VAE of this file (a VAE alone, or a model that has one) in the place of the result's
    #[arg(long, value_name = "FILE", help_heading = RESULT)]
    pub(in crate::cli) vae: Option<PathBuf>,

    /// Leave out a component of the model config, such as `ema`, or else the tensors whose names
    /// match; may be given several times
    #[arg(long, value_name = "COMPONENT|REGEX", value_parser = Pattern::new, help_heading = RESULT)]
    pub(in crate::cli) drop: Vec<Pattern>,
}
