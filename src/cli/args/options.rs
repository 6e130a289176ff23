//! Options that several commands share.

use std::path::PathBuf;

use super::heading::{FIT, MERGE, OUTPUT, REPORT, WORK};
use super::{AdditionArgs, FormatArgs};
use crate::cli::{size, word};
use crate::kernel::Compute;
use crate::merge::{DeviceChoice, Proof};
use crate::recipe::{
    Card, Experts, Metadata, Missing, OnNan, OnOverflow, OutputDType, ShapePolicy, Sweep,
};

/// Which tensors are merged, how what does not fit is treated, and what the output looks like.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct FitArgs {
    /// Dtype of merged tensors (keep: that of the base, else of the first model)
    #[arg(
        long,
        default_value = OutputDType::default().word(),
        value_parser = word::output_dtype(),
        help_heading = MERGE
    )]
    pub(in crate::cli) dtype: OutputDType,

    #[command(flatten)]
    pub(in crate::cli) format: FormatArgs,

    /// What to do about a tensor that a model lacks
    #[arg(
        long,
        default_value = Missing::default().word(),
        value_parser = word::missing(),
        help_heading = FIT
    )]
    pub(in crate::cli) missing: Missing,

    /// What to do about a tensor whose shape is not the base's: cut it, fill it up with zeros, or
    /// keep what only some models have
    #[arg(
        long,
        default_value = ShapePolicy::default().word(),
        value_parser = word::shape(),
        help_heading = FIT
    )]
    pub(in crate::cli) shape: ShapePolicy,

    /// What a method looks at where all experts of a layer are stored as one tensor (such as
    /// mlp.experts.gate_up_proj): that tensor, or the matrix of each expert by itself
    #[arg(
        long,
        default_value = Experts::default().word(),
        value_parser = word::experts(),
        help_heading = MERGE
    )]
    pub(in crate::cli) experts: Experts,

    /// What to do about infinities and NaN in a model
    #[arg(
        long,
        default_value = OnNan::default().word(),
        value_parser = word::on_nan(),
        help_heading = FIT
    )]
    pub(in crate::cli) on_nan: OnNan,

    /// What to do about results that the output's dtype cannot hold
    #[arg(
        long,
        default_value = OnOverflow::default().word(),
        value_parser = word::on_overflow(),
        help_heading = FIT
    )]
    pub(in crate::cli) on_overflow: OnOverflow,

    /// Merge only tensors whose name matches; the rest is copied from the base or first model
    #[arg(long, value_name = "REGEX", help_heading = FIT)]
    pub(in crate::cli) include: Vec<String>,

    /// Copy tensors whose name matches instead of merging them
    #[arg(long, value_name = "REGEX", help_heading = FIT)]
    pub(in crate::cli) exclude: Vec<String>,

    /// What the output's metadata carries
    #[arg(
        long,
        default_value = Metadata::default().word(),
        value_parser = word::metadata(),
        help_heading = OUTPUT
    )]
    pub(in crate::cli) metadata: Metadata,

    /// Split the output into files of at most this size, with an index; the output is a folder
    /// [default: as the base or first model is split]
    #[arg(long, value_name = "SIZE", value_parser = size::parse, help_heading = OUTPUT)]
    pub(in crate::cli) max_shard_size: Option<u64>,
}

/// What else is computed of the models.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct OptionArgs {
    #[command(flatten)]
    pub(in crate::cli) fit: FitArgs,

    /// Working dtype: what every intermediate result is rounded to
    #[arg(
        long,
        default_value = Compute::default().name(),
        value_parser = word::compute(),
        help_heading = MERGE
    )]
    pub(in crate::cli) compute: Compute,

    /// Seed of random methods; recorded in the output
    #[arg(long, default_value_t = 0, help_heading = MERGE)]
    pub(in crate::cli) seed: u64,

    /// Ratio per block: supermerger's numbers or presets, BLOCK=RATIO,..., START..END along the
    /// depth, 'REGEX: START..END' or 'REGEX: [A, B, C]', or @FILE with any of these
    #[arg(long, value_name = "WEIGHTS", allow_hyphen_values = true, help_heading = MERGE)]
    pub(in crate::cli) block_weights: Option<String>,

    /// Write an output for each value of a parameter, from one reading of the inputs: the last
    /// merge that has it gets START, START+STEP, ... END, or each of a list
    #[arg(
        long,
        value_name = "NAME=START:END:STEP",
        value_parser = Sweep::parse,
        help_heading = MERGE
    )]
    pub(in crate::cli) sweep: Option<Sweep>,

    /// Leave PREFIX (such as `model.`) out of the names that begin with it, to compare the models:
    /// where the names themselves do not show it; may be given several times
    #[arg(long, value_name = "PREFIX", help_heading = FIT)]
    pub(in crate::cli) strip_prefix: Vec<String>,

    #[command(flatten)]
    pub(in crate::cli) additions: AdditionArgs,
}

/// Where and with what the work is done. The output's bytes do not depend on it.
#[derive(Clone, Debug, clap::Args)]
pub(in crate::cli) struct WorkArgs {
    /// auto (the best real GPU, else the CPU), cpu, gpu, gpu:NAME or gpu:NUMBER
    #[arg(long, default_value = "auto", value_name = "DEVICE", help_heading = WORK)]
    pub(in crate::cli) device: DeviceChoice,

    #[command(flatten)]
    pub(in crate::cli) limits: LimitArgs,

    /// Refuse an output, with exit code 4, that holds less than this share of the change from the
    /// base (or first model), as rounding leaves it: 1 is all of it
    #[arg(
        long,
        value_name = "SHARE",
        value_parser = share,
        conflicts_with = "no_prove",
        help_heading = WORK
    )]
    pub(in crate::cli) min_survival: Option<f64>,

    /// Measure of every value, not of one tile of 1024 in sixteen, how much of the change is in the
    /// output, and refuse, with exit code 4, an output that holds nothing of it
    #[arg(long, conflicts_with = "no_prove", help_heading = WORK)]
    pub(in crate::cli) prove: bool,

    /// Do not measure how much of the change is in the output
    #[arg(long, help_heading = WORK)]
    pub(in crate::cli) no_prove: bool,

    /// Replace an existing output, never an input; of a folder the weights and indexes of an
    /// earlier output go, other files stay
    #[arg(long, help_heading = OUTPUT)]
    pub(in crate::cli) force: bool,
}

impl WorkArgs {
    /// What is measured of the changes that are stored.
    pub(in crate::cli) fn proof(&self) -> Proof {
        match (self.prove || self.min_survival.is_some(), self.no_prove) {
            (true, _) => Proof::Full,
            (false, true) => Proof::None,
            (false, false) => Proof::Sample,
        }
    }
}

/// A share of a whole.
pub(super) fn share(text: &str) -> Result<f64, String> {
    let share = text.parse::<f64>().ok();
    let share = share.filter(|share| (0.0..=1.0).contains(share));
    share.ok_or_else(|| "a share is a number from 0 to 1".to_owned())
}

/// How much of the machine is used.
#[derive(Clone, Debug, clap::Args)]
pub(in crate::cli) struct LimitArgs {
    /// Bound on everything the process holds, on the host and on the device
    #[arg(
        long,
        default_value = "1GiB",
        value_name = "SIZE",
        value_parser = size::parse,
        help_heading = WORK
    )]
    pub(in crate::cli) memory: u64,

    /// Threads that compute [default: all cores]
    #[arg(
        long,
        value_name = "N",
        value_parser = clap::value_parser!(u16).range(1..),
        help_heading = WORK
    )]
    pub(in crate::cli) threads: Option<u16>,
}

/// Where the result goes, and what is said about it.
#[derive(Clone, Debug, clap::Args)]
pub(in crate::cli) struct OutputArgs {
    /// Output: a file (NAME.safetensors or NAME.sft) or a folder (NAME/, NAME without extension, or
    /// one that exists; .1-8B and the like are no extensions)
    #[arg(long, short = 'o', value_name = "PATH", help_heading = OUTPUT)]
    pub(in crate::cli) output: PathBuf,

    #[command(flatten)]
    pub(in crate::cli) report: ReportArgs,
}

impl ReportArgs {
    /// Whether an output has a card.
    pub(in crate::cli) fn card(&self, own: Card) -> Card {
        match (self.card, self.no_card) {
            (true, _) => Card::Always,
            (_, true) => Card::Never,
            _ => own,
        }
    }
}

/// What is said about a result.
#[derive(Clone, Debug, clap::Args)]
pub(in crate::cli) struct ReportArgs {
    /// Print the SHA-256 of each file of the output on standard output, as `sha256sum` does; with
    /// --json as part of it
    #[arg(long, help_heading = REPORT)]
    pub(in crate::cli) hash: bool,

    /// Print the report, or the error, as JSON on standard output
    #[arg(long, help_heading = REPORT)]
    pub(in crate::cli) json: bool,

    /// Write what was done to every tensor, and how much of its change survived, to FILE: a page
    /// (.html) or JSON (.json); of several outputs, side by side
    #[arg(id = "report_file", long = "report", value_name = "FILE", help_heading = REPORT)]
    pub(in crate::cli) file: Option<std::path::PathBuf>,

    /// Write a card of the merge, in Markdown: what was merged, how much of the change survived
    /// block by block, the recipe and its hash, licences as the models state them. Folders have
    /// one, README.md, unless --metadata none; of an output that is a file it is NAME.md beside it
    #[arg(long, help_heading = OUTPUT, overrides_with = "no_card")]
    pub(in crate::cli) card: bool,

    /// Write no card
    #[arg(long, help_heading = OUTPUT, overrides_with = "card")]
    pub(in crate::cli) no_card: bool,

    /// No progress, no notes and no report, only errors and what was asked for
    #[arg(long, short = 'q', help_heading = REPORT)]
    pub(in crate::cli) quiet: bool,

    /// Show the plan before the merge
    #[arg(
        long,
        short = 'v',
        conflicts_with = "quiet",
        overrides_with = "verbose",
        help_heading = REPORT
    )]
    pub(in crate::cli) verbose: bool,
}
