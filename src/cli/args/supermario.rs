//! The arguments of safetensors-merge-supermario's scripts, and some of our own.

use std::path::PathBuf;

use super::{LimitArgs, ReportArgs};
use crate::merge::DeviceChoice;

/// Heading of what the scripts do not have.
const OURS: &str = "What supermario does not have";

/// The long options that its scripts spell with one hyphen.
pub(in crate::cli) const SINGLE_HYPHEN: [&str; 4] =
    ["lambda", "staging", "base_model", "staging_model"];

#[derive(Debug, clap::Args)]
#[command(args_override_self = true)]
pub(in crate::cli) struct SupermarioArgs {
    /// Base model: a .safetensors file, or a folder of them
    #[arg(value_name = "BASE")]
    pub(in crate::cli) base: PathBuf,

    /// Model that is merged into it, of the same kind
    #[arg(value_name = "SECOND")]
    pub(in crate::cli) second: PathBuf,

    /// Output, of the same kind; what is there is replaced
    #[arg(value_name = "OUT")]
    pub(in crate::cli) output: PathBuf,

    #[command(flatten)]
    pub(in crate::cli) mario: MarioArgs,
}

#[derive(Debug, clap::Args)]
#[command(args_override_self = true)]
pub(in crate::cli) struct SupermarioListArgs {
    /// List of models, the base first: a path per line, or mergekit's YAML, of which `weight` is p
    /// and `density` one divided by lambda
    #[arg(value_name = "LIST")]
    pub(in crate::cli) list: PathBuf,

    /// Output: a folder
    #[arg(value_name = "OUT")]
    pub(in crate::cli) output: PathBuf,

    #[command(flatten)]
    pub(in crate::cli) mario: MarioArgs,

    /// No meaning here: nothing is staged
    #[arg(long, aliases = ["staging_model", "base_model"], value_name = "FOLDER")]
    pub(in crate::cli) staging: Option<PathBuf>,

    /// Replace an existing output
    #[arg(long, help_heading = OURS)]
    pub(in crate::cli) force: bool,
}

/// What both scripts are told.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct MarioArgs {
    /// Share of entries that is KEPT and divided by 1 - p, not the drop rate of the paper, whose
    /// DARE is `wgmerge merge -M dare_linear`
    #[arg(
        short = 'p',
        default_value_t = 0.5,
        allow_negative_numbers = true,
        value_name = "P"
    )]
    pub(in crate::cli) p: f64,

    /// Factor of the difference; -lambda as well
    #[arg(
        long,
        default_value_t = 1.0,
        allow_negative_numbers = true,
        value_name = "LAMBDA"
    )]
    pub(in crate::cli) lambda: f64,

    /// Show the plan, and write nothing
    #[arg(long, visible_alias = "dry-run")]
    pub(in crate::cli) dry: bool,

    /// Seed of the masks
    #[arg(long, default_value_t = 0, help_heading = OURS)]
    pub(in crate::cli) seed: u64,

    /// auto (the best real GPU, else the CPU), cpu, gpu, gpu:NAME or gpu:NUMBER
    #[arg(long, default_value = "auto", value_name = "DEVICE", help_heading = OURS)]
    pub(in crate::cli) device: DeviceChoice,

    #[command(flatten)]
    pub(in crate::cli) limits: LimitArgs,

    #[command(flatten)]
    pub(in crate::cli) report: ReportArgs,
}
