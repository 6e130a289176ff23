//! The definition of the command line. Help, completions and the manual are generated from it.

mod additions;
mod average;
mod convert;
mod diff;
pub(super) mod examples;
mod format;
mod generate;
mod heading;
mod mergeflux;
mod options;
mod peer;
mod run;
mod supermario;
mod verify;

use std::path::PathBuf;

use clap::{Parser, Subcommand};
use regex::Regex;

pub(super) use additions::AdditionArgs;
pub(super) use average::{AverageArgs, Order};
pub(super) use convert::ConvertArgs;
pub(super) use diff::DiffArgs;
pub(super) use format::FormatArgs;
pub(super) use generate::{CompletionsArgs, ManArgs};
pub(super) use mergeflux::{DeltaArgs, FluxArgs, MixArgs};
pub(super) use options::{FitArgs, LimitArgs, OptionArgs, OutputArgs, ReportArgs, WorkArgs};
pub(super) use peer::{LenientArgs, YamlArgs};
pub(super) use run::{PlanArgs, RunArgs};
pub(super) use supermario::{MarioArgs, SINGLE_HYPHEN, SupermarioArgs, SupermarioListArgs};
pub(super) use verify::VerifyArgs;

use super::{size, word};
use crate::merge::DeviceChoice;
use crate::method::Method;

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
    /// Merge checkpoints as a recipe file says
    #[command(alias = "mergekit-moe")]
    Run(RunArgs),
    /// Average checkpoints of one training run, or of federated clients
    ///
    /// Checkpoints are sorted by their names, with numbers in them as numbers, so that step-10
    /// comes after step-9 and the result does not depend on the order in which they are given. The
    /// last one is the newest: tensors that are not averaged (integers, truth values, what
    /// --exclude names) are its, and so is all that a folder holds besides tensors. Where other
    /// options speak of a base or a first model, it is meant. Sums are in f32; each checkpoint is
    /// read once, however many windows there are.
    ///
    /// The output's metadata lists the checkpoints of its window, the newest first, with weights
    /// and fingerprints: the SHA-256 of a file's header and of blocks spread over its data. With
    /// --hash the JSON of the report has the SHA-256 of each checkpoint's files too, which takes
    /// another reading of them.
    Average(AverageArgs),
    /// Average models as MergeFlux's mergeflux.py does, with the same flags
    Mergeflux(MixArgs),
    /// Merge task vectors as MergeFlux's mergeflux-delta.py does, with the same flags
    MergefluxDelta(DeltaArgs),
    /// Merge a model into another as safetensors-merge-supermario's merge.py does
    Supermario(SupermarioArgs),
    /// Merge the models of a list as safetensors-merge-supermario's hf_merge.py does
    SupermarioHf(SupermarioListArgs),
    /// Check, format or show a recipe file
    #[command(subcommand)]
    Recipe(RecipeCommand),
    /// Show what a merge would do: passes, memory, bytes and keys; writes nothing
    Plan(PlanArgs),
    /// List the tensors of a checkpoint, with statistics if wanted
    Inspect(InspectArgs),
    /// Show how two models differ, tensor by tensor and block by block; writes nothing
    ///
    /// Tensors are matched as a merge of both matches them: files, folders, mixed dtypes and other
    /// key formats. Numbers are those of elements, so that a block's are not means of its tensors':
    /// |a| and |b| are the roots of sums of squares, |b-a|/|a| is the relative change, the cosine
    /// is that of the angle between both, a sign conflict is the share of opposite signs among the
    /// elements that are zero in neither. Integers are compared by their bytes. Infinities and NaN
    /// are counted and left out. With --against the same is told of the task vectors A - BASE and
    /// B - BASE, with the overlap of their largest entries.
    Diff(DiffArgs),
    /// Check that an output is what its record says, byte by byte
    ///
    /// The record in the output's metadata has the recipe, the options, and the fingerprints of the
    /// inputs, which tell whether a file is the one that was merged, wherever it lies and whatever
    /// it is called: it is computed again, and compared instead of written. Device, memory and
    /// threads do not matter. What differs is named by file, tensor and element, and the exit code
    /// is 3. Nothing is written.
    Verify(VerifyArgs),
    /// Convert a checkpoint to another key format or dtype, or split it into shards
    Convert(ConvertArgs),
    /// List the model configs, or describe one
    Configs(ConfigsArgs),
    /// List the merge methods, find some by words, or describe one
    Methods(MethodsArgs),
    /// List what can compute, and check that it gives the same bytes as the CPU
    ///
    /// The environment variable WGMERGE_SIMD chooses the CPU's instruction set: baseline, avx2 or
    /// avx512. Without it the best is taken. The bytes of an output do not depend on it.
    Devices(DevicesArgs),
    /// Measure this machine's memory and disk, and each method against them
    Bench(BenchArgs),
    /// Print completions for a shell
    Completions(CompletionsArgs),
    /// Print the manual
    Man(ManArgs),
}

/// The user's model configs.
#[derive(Debug, clap::Args)]
pub(super) struct ConfigArgs {
    /// Model config of your own, in sd-mecha's YAML form; may be given several times
    #[arg(long = "config", value_name = "FILE")]
    pub(super) files: Vec<PathBuf>,
}

/// What a recipe leaves open.
#[derive(Debug, clap::Args)]
pub(super) struct GivenArgs {
    /// Model for a `parameter` line of a recipe of sd-mecha 0.0.x; may be given several times
    #[arg(id = "set", long, value_name = "NAME=PATH")]
    pub(super) models: Vec<String>,
}

/// The user's methods.
#[derive(Debug, clap::Args)]
pub(super) struct MethodFileArgs {
    /// Method of your own: a formula in WGSL, or a folder of such files; may be given several
    /// times. The environment variable WGMERGE_METHODS names files and folders too
    #[arg(id = "method_files", long = "method-file", value_name = "FILE")]
    pub(super) files: Vec<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(super) enum RecipeCommand {
    /// Check a recipe's text, methods, parameters and merge spaces, without its models
    Check(CheckArgs),
    /// Print a recipe in the form in which sd-mecha writes it
    Fmt(FmtArgs),
    /// Show a recipe's graph; that of a YAML of mergekit depends on its models' headers
    Show(ShowArgs),
}

#[derive(Debug, clap::Args)]
pub(super) struct TextArgs {
    /// Recipe: a .mecha file, a YAML of mergekit, or - for standard input
    #[arg(value_name = "RECIPE")]
    pub(super) recipe: PathBuf,
}

#[derive(Debug, clap::Args)]
pub(super) struct CheckArgs {
    #[command(flatten)]
    pub(super) text: TextArgs,

    #[command(flatten)]
    pub(super) lenient: LenientArgs,

    #[command(flatten)]
    pub(super) method_files: MethodFileArgs,

    #[command(flatten)]
    pub(super) configs: ConfigArgs,
}

#[derive(Debug, clap::Args)]
pub(super) struct FmtArgs {
    #[command(flatten)]
    pub(super) text: TextArgs,

    /// Write the file instead of printing
    #[arg(long, short = 'w')]
    pub(super) write: bool,
}

#[derive(Debug, clap::Args)]
pub(super) struct ShowArgs {
    #[command(flatten)]
    pub(super) text: TextArgs,

    /// The form of the graph
    #[arg(long, value_enum, default_value = "tree")]
    pub(super) r#as: Drawing,

    #[command(flatten)]
    pub(super) lenient: LenientArgs,

    #[command(flatten)]
    pub(super) method_files: MethodFileArgs,

    #[command(flatten)]
    pub(super) configs: ConfigArgs,
}

/// A form in which a graph is shown.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub(super) enum Drawing {
    /// An indented tree
    Tree,
    /// Graphviz
    Dot,
    /// Mermaid
    Mermaid,
}

/// What is merged and how.
#[derive(Debug, clap::Args)]
pub(super) struct RecipeArgs {
    /// Merge method; `wgmerge methods` describes them
    #[arg(long, short = 'M', value_name = "METHOD", value_parser = word::method())]
    pub(super) method: &'static Method,

    /// Base model, of methods that work on differences to one
    #[arg(long, short = 'b', value_name = "PATH")]
    pub(super) base: Option<PathBuf>,

    /// Models: .safetensors or PyTorch files (.bin, .pt, .pth, .ckpt), folders of them, or Hugging
    /// Face references
    #[arg(required = true, value_name = "MODEL")]
    pub(super) models: Vec<PathBuf>,

    /// Set a parameter of the method: one value for all models, or one per model; `wgmerge methods
    /// METHOD` lists its parameters
    #[arg(long = "parameter", short = 'p', value_name = "NAME=VALUE[,VALUE...]")]
    pub(super) parameters: Vec<String>,

    #[command(flatten)]
    pub(super) method_files: MethodFileArgs,

    #[command(flatten)]
    pub(super) options: OptionArgs,
}

#[derive(Debug, clap::Args)]
pub(super) struct MergeArgs {
    #[command(flatten)]
    pub(super) recipe: RecipeArgs,

    #[command(flatten)]
    pub(super) work: WorkArgs,

    #[command(flatten)]
    pub(super) output: OutputArgs,
}

#[derive(Debug, clap::Args)]
pub(super) struct InspectArgs {
    /// A .safetensors or PyTorch file (.bin, .pt, .pth, .ckpt), a folder of them, or a Hugging Face
    /// reference
    #[arg(value_name = "PATH")]
    pub(super) path: PathBuf,

    /// Read every tensor: norm, mean, least and greatest finite value, counts of NaN and infinities
    #[arg(long)]
    pub(super) stats: bool,

    /// With --stats: write all numbers to FILE, a page (.html) or JSON (.json); what is there is
    /// replaced, unless it is the model's
    #[arg(long, value_name = "FILE", requires = "stats")]
    pub(super) report: Option<PathBuf>,

    /// Only tensors whose name matches
    #[arg(long, value_name = "REGEX", value_parser = Regex::new)]
    pub(super) filter: Option<Regex>,

    #[command(flatten)]
    pub(super) configs: ConfigArgs,

    /// Print JSON
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, clap::Args)]
pub(super) struct ConfigsArgs {
    /// The model config to describe
    #[arg(value_name = "NAME")]
    pub(super) name: Option<String>,

    #[command(flatten)]
    pub(super) configs: ConfigArgs,

    /// Print JSON
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, clap::Args)]
pub(super) struct MethodsArgs {
    #[command(flatten)]
    pub(super) method_files: MethodFileArgs,

    /// The method to describe, or words to find methods by: in their names, also those that other
    /// tools have for them, in what they do and in their sources
    #[arg(value_name = "NAME|WORD", value_parser = word::any_method(), hide_possible_values = true)]
    pub(super) words: Vec<String>,

    /// Print JSON
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, clap::Args)]
pub(super) struct DevicesArgs {
    /// Print the devices as JSON
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, clap::Args)]
pub(super) struct BenchArgs {
    /// Folder in which the disk is measured, by a file without a name
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub(super) dir: PathBuf,

    /// Size of that file, from 1MiB to 64GiB
    #[arg(long, value_name = "SIZE", default_value = "256MiB", value_parser = size::parse_bench)]
    pub(super) bytes: u64,

    /// Threads that compute [default: all cores]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub(super) threads: Option<u16>,

    /// Device that is measured besides the CPU: auto, cpu, gpu, gpu:NAME or gpu:NUMBER
    #[arg(long, default_value = "auto", value_name = "DEVICE")]
    pub(super) device: DeviceChoice,

    /// Print JSON
    #[arg(long)]
    pub(super) json: bool,
}
