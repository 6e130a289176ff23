//! Arguments of `wgmerge verify`.

use std::path::PathBuf;

use super::heading::{REPORT, WORK};
use super::{ConfigArgs, LimitArgs, MethodFileArgs};
use crate::merge::DeviceChoice;

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct VerifyArgs {
    /// What a merge wrote: a file or a folder
    #[arg(value_name = "OUTPUT")]
    pub(in crate::cli) output: PathBuf,

    /// Look for the inputs in DIR and the folders in it, by their names and else by what they hold;
    /// without it beside the output and here; may be given several times
    #[arg(long, value_name = "DIR", conflicts_with = "quick")]
    pub(in crate::cli) models: Vec<PathBuf>,

    /// Compute nothing: open the output as loaders do, by other code than what wrote it, and check
    /// its structure, its index, the hashes it records, that all numbers are finite, and types and
    /// shapes against config.json
    #[arg(long)]
    pub(in crate::cli) quick: bool,

    /// With --quick: check the hashes of FILE as well, in the form of `sha256sum`, which merge
    /// --hash prints
    #[arg(long, value_name = "FILE", requires = "quick")]
    pub(in crate::cli) hashes: Option<PathBuf>,

    #[command(flatten)]
    pub(in crate::cli) configs: ConfigArgs,

    #[command(flatten)]
    pub(in crate::cli) method_files: MethodFileArgs,

    /// auto (the best real GPU, else the CPU), cpu, gpu, gpu:NAME or gpu:NUMBER
    #[arg(long, default_value = "auto", value_name = "DEVICE", help_heading = WORK)]
    pub(in crate::cli) device: DeviceChoice,

    #[command(flatten)]
    pub(in crate::cli) limits: LimitArgs,

    /// Print what was found, or the error, as JSON on standard output
    #[arg(long, help_heading = REPORT)]
    pub(in crate::cli) json: bool,

    /// No progress and no notes, only errors and what was asked for
    #[arg(long, short = 'q', help_heading = REPORT)]
    pub(in crate::cli) quiet: bool,
}
