//! The definition of the command line. Help, completions and the manual are generated from it.

use std::path::PathBuf;

use clap::{Parser, Subcommand, builder::PossibleValuesParser};

use super::size;
use crate::merge::DeviceChoice;
use crate::method::METHODS;
use crate::recipe::{Metadata, Missing, OnNan};

/// Merges neural-network checkpoints on any GPU or CPU, with the same bytes, in bounded memory.
#[derive(Debug, Parser)]
#[command(
    name = "wgmerge",
    version,
    about,
    max_term_width = 100,
    propagate_version = true
)]
pub(super) struct Args {
    #[command(subcommand)]
    pub(super) command: Command,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Merge checkpoints by one method
    Merge(MergeArgs),
    /// Show what a merge would do: passes, batches, memory, bytes and keys; writes nothing
    Plan(PlanArgs),
}

/// What is merged and how.
#[derive(Debug, clap::Args)]
pub(super) struct RecipeArgs {
    /// Merge method; `wgmerge methods` describes them
    #[arg(long, short = 'M', value_name = "METHOD", value_parser = PossibleValuesParser::new(METHODS.iter().map(|method| method.id)))]
    pub(super) method: String,

    /// Base model, of methods that work on differences to one
    #[arg(long, short = 'b', value_name = "PATH")]
    pub(super) base: Option<PathBuf>,

    /// Models: .safetensors files or folders of them
    #[arg(required = true, value_name = "MODEL")]
    pub(super) models: Vec<PathBuf>,

    /// Set a parameter of the method: one value for all models, or one per model
    #[arg(long = "parameter", short = 'p', value_name = "NAME=VALUE[,VALUE...]")]
    pub(super) parameters: Vec<String>,

    /// Dtype of merged tensors (keep: that of the base, else of the first model)
    #[arg(long, default_value = "keep", value_parser = ["keep", "f32", "f16", "bf16", "f8_e4m3", "f8_e5m2", "f64"])]
    pub(super) dtype: String,

    /// Working dtype: what every intermediate result is rounded to
    #[arg(long, default_value = "f32", value_parser = ["f32", "bf16", "f16"])]
    pub(super) compute: String,

    /// Seed of random methods; recorded in the output
    #[arg(long, default_value_t = 0)]
    pub(super) seed: u64,

    /// What to do about a tensor that a model lacks
    #[arg(long, default_value = "error", value_parser = PossibleValuesParser::new(Missing::WORDS))]
    pub(super) missing: String,

    /// What to do about infinities and NaN in a model
    #[arg(long, default_value = "error", value_parser = PossibleValuesParser::new(OnNan::WORDS))]
    pub(super) on_nan: String,

    /// Merge only tensors whose name matches; the rest is copied from the base or first model
    #[arg(long, value_name = "REGEX")]
    pub(super) include: Vec<String>,

    /// Copy tensors whose name matches instead of merging them
    #[arg(long, value_name = "REGEX")]
    pub(super) exclude: Vec<String>,

    /// What the output's metadata carries
    #[arg(long, default_value = "recipe", value_parser = PossibleValuesParser::new(Metadata::WORDS))]
    pub(super) metadata: String,

    /// Split the output into files of at most this size, with an index; the output is a folder
    #[arg(long, value_name = "SIZE", value_parser = size::parse)]
    pub(super) max_shard_size: Option<u64>,
}

/// Where and with what the work is done. The output's bytes do not depend on it.
#[derive(Debug, clap::Args)]
pub(super) struct WorkArgs {
    /// auto (the best real GPU, else the CPU), cpu, gpu, gpu:NAME or gpu:NUMBER
    #[arg(long, default_value = "auto", value_name = "DEVICE")]
    pub(super) device: DeviceChoice,

    /// Bound on everything the process holds, on the host and on the device
    #[arg(long, default_value = "1GiB", value_name = "SIZE", value_parser = size::parse)]
    pub(super) memory: u64,

    /// Threads that compute [default: all cores]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub(super) threads: Option<u16>,

    /// Replace an existing output (never an input)
    #[arg(long)]
    pub(super) force: bool,
}

#[derive(Debug, clap::Args)]
pub(super) struct MergeArgs {
    #[command(flatten)]
    pub(super) recipe: RecipeArgs,

    #[command(flatten)]
    pub(super) work: WorkArgs,

    /// Output: a .safetensors file, or a folder
    #[arg(long, short = 'o', value_name = "PATH")]
    pub(super) output: PathBuf,

    /// Print the SHA-256 of the output in the report
    #[arg(long)]
    pub(super) hash: bool,

    /// Print the report as JSON on standard output
    #[arg(long)]
    pub(super) json: bool,

    /// No progress and no report, only errors
    #[arg(long, short = 'q')]
    pub(super) quiet: bool,

    /// More detail
    #[arg(long, short = 'v')]
    pub(super) verbose: bool,
}

#[derive(Debug, clap::Args)]
pub(super) struct PlanArgs {
    #[command(flatten)]
    pub(super) recipe: RecipeArgs,

    #[command(flatten)]
    pub(super) work: WorkArgs,

    /// Output that the merge would have: decides whether it is a file or a folder
    #[arg(
        long,
        short = 'o',
        value_name = "PATH",
        default_value = "merged.safetensors"
    )]
    pub(super) output: PathBuf,

    /// Print the plan as JSON
    #[arg(long)]
    pub(super) json: bool,
}
