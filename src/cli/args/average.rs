//! The arguments of `wgmerge average`.

use std::path::PathBuf;

use super::heading::OUTPUT;
use super::{FitArgs, OutputArgs, WorkArgs};
use crate::recipe::average::Schedule;

/// Heading of the help.
const WEIGHTS: &str = "What counts how much";

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct AverageArgs {
    /// Checkpoints: .safetensors or PyTorch files (.bin, .pt, .pth, .ckpt), folders of them, or
    /// Hugging Face references
    #[arg(required = true, value_name = "CHECKPOINT")]
    pub(in crate::cli) checkpoints: Vec<PathBuf>,

    /// How weights follow from the order: uniform (1/n each), linear or minus-sqrt (what a learning
    /// rate that decays so amounts to, as in Megatron-LM and arXiv:2507.17634; for linear that is
    /// 1/n each too, for minus-sqrt the older count more), or ema:A (the exponential moving average
    /// that begins with the oldest and takes the share A of each one after it)
    #[arg(
        long,
        default_value = "uniform",
        value_name = "SCHEDULE",
        value_parser = schedule,
        help_heading = WEIGHTS
    )]
    pub(in crate::cli) schedule: Schedule,

    /// Weights in proportion to counts: a JSON object with a number for each checkpoint, by the
    /// name of its file or folder, or by its path as given
    #[arg(long, value_name = "FILE", conflicts_with = "schedule", help_heading = WEIGHTS)]
    pub(in crate::cli) weights: Option<PathBuf>,

    /// The order of the checkpoints, the oldest first
    #[arg(long, value_enum, default_value = "name", help_heading = WEIGHTS)]
    pub(in crate::cli) order: Order,

    /// Write an average of the last N checkpoints for each N, all from one reading: to the output
    /// with N in the place of {window} in its name, else beside it (OUT-window-N); older
    /// checkpoints are not read
    #[arg(long, value_name = "N,...", value_delimiter = ',', help_heading = OUTPUT)]
    pub(in crate::cli) windows: Vec<usize>,

    #[command(flatten)]
    pub(in crate::cli) fit: FitArgs,

    #[command(flatten)]
    pub(in crate::cli) work: WorkArgs,

    #[command(flatten)]
    pub(in crate::cli) output: OutputArgs,

    /// Show the plan and write nothing
    #[arg(long, help_heading = OUTPUT)]
    pub(in crate::cli) dry_run: bool,
}

/// The order of checkpoints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(in crate::cli) enum Order {
    /// By their names, numbers in them as numbers
    Name,
    /// As they are given
    Given,
}

fn schedule(text: &str) -> Result<Schedule, String> {
    Schedule::parse(text).ok_or_else(|| {
        let words = Schedule::WORDS.map(|(word, _)| word).join(", ");
        format!("a schedule is {words} or ema:A, with A above 0 and at most 1")
    })
}
