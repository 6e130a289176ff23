//! The flags of MergeFlux's scripts, and some of our own.

use std::path::PathBuf;

use clap::ArgAction;

use super::{LimitArgs, ReportArgs};
use crate::cli::word;
use crate::merge::DeviceChoice;
use crate::recipe::mergeflux::{BlockOrder, DeltaMerge, Election, Precision, Prune, TrimScope};

/// Heading of what the scripts do not have.
const OURS: &str = "What MergeFlux does not have";

#[derive(Debug, clap::Args)]
#[command(infer_long_args = true, args_override_self = true)]
pub(in crate::cli) struct MixArgs {
    /// Models to merge
    #[arg(
        long,
        required = true,
        num_args = 1..,
        action = ArgAction::Set,
        value_name = "MODEL"
    )]
    pub(in crate::cli) models: Vec<PathBuf>,

    /// Ratios of what is in no block, one for each model, 1 in sum [default: equal ones]
    #[arg(
        long = "base_ratios",
        alias = "base-ratios",
        num_args = 1..,
        action = ArgAction::Set,
        allow_negative_numbers = true,
        value_name = "RATIO"
    )]
    pub(in crate::cli) base_ratios: Option<Vec<f64>>,

    /// Ratios up to the first block of the transition [default: the base ratios]
    #[arg(
        long = "start_ratios",
        alias = "start-ratios",
        num_args = 1..,
        action = ArgAction::Set,
        allow_negative_numbers = true,
        value_name = "RATIO"
    )]
    pub(in crate::cli) start_ratios: Option<Vec<f64>>,

    /// Ratios from the last block of the transition on [default: the base ratios]
    #[arg(
        long = "end_ratios",
        alias = "end-ratios",
        num_args = 1..,
        action = ArgAction::Set,
        allow_negative_numbers = true,
        value_name = "RATIO"
    )]
    pub(in crate::cli) end_ratios: Option<Vec<f64>>,

    /// First block of the transition [default: the first that a model has]
    #[arg(
        long = "start_block",
        alias = "start-block",
        allow_negative_numbers = true,
        value_name = "BLOCK"
    )]
    pub(in crate::cli) start_block: Option<i64>,

    /// Last block of the transition [default: the last that a model has]
    #[arg(
        long = "end_block",
        alias = "end-block",
        allow_negative_numbers = true,
        value_name = "BLOCK"
    )]
    pub(in crate::cli) end_block: Option<i64>,

    #[command(flatten)]
    pub(in crate::cli) flux: FluxArgs,

    /// What counts as the number of a block
    #[arg(
        long = "block_order",
        alias = "block-order",
        default_value = "flux",
        value_parser = word::block_order(),
        help_heading = OURS
    )]
    pub(in crate::cli) block_order: BlockOrder,
}

#[derive(Debug, clap::Args)]
#[command(infer_long_args = true, args_override_self = true)]
pub(in crate::cli) struct DeltaArgs {
    /// Base model
    #[arg(long = "base_model", alias = "base-model", value_name = "MODEL")]
    pub(in crate::cli) base_model: PathBuf,

    /// Models to merge into the base
    #[arg(
        long,
        required = true,
        num_args = 1..,
        action = ArgAction::Set,
        value_name = "MODEL"
    )]
    pub(in crate::cli) models: Vec<PathBuf>,

    /// What each difference to the base loses
    #[arg(
        long = "prune_method",
        alias = "prune-method",
        default_value = Prune::default().word(),
        value_parser = word::prune()
    )]
    pub(in crate::cli) prune_method: Prune,

    /// How the differences become one
    #[arg(
        long = "merge_method",
        alias = "merge-method",
        default_value = DeltaMerge::default().word(),
        value_parser = word::delta_merge()
    )]
    pub(in crate::cli) merge_method: DeltaMerge,

    /// Share of entries that `magnitude` and `random` keep
    #[arg(
        long,
        default_value_t = 0.5,
        allow_negative_numbers = true,
        value_name = "SHARE"
    )]
    pub(in crate::cli) density: f64,

    /// Factors of the differences, one for each model [default: 1 each]
    #[arg(
        long = "task_weights",
        alias = "task-weights",
        num_args = 1..,
        action = ArgAction::Set,
        allow_negative_numbers = true,
        value_name = "WEIGHT"
    )]
    pub(in crate::cli) task_weights: Option<Vec<f64>>,

    /// How `disjoint_merge` elects signs
    #[arg(
        long = "majority_sign_method",
        alias = "majority-sign-method",
        default_value = Election::default().word(),
        value_parser = word::election()
    )]
    pub(in crate::cli) majority_sign_method: Election,

    #[command(flatten)]
    pub(in crate::cli) flux: FluxArgs,

    /// Factor of the merged difference
    #[arg(long, default_value_t = 1.0, allow_negative_numbers = true, help_heading = OURS)]
    pub(in crate::cli) lambda: f64,

    /// Over what `magnitude` seeks the largest entries
    #[arg(
        long,
        default_value = TrimScope::default().word(),
        value_parser = word::trim_scope(),
        help_heading = OURS
    )]
    pub(in crate::cli) scope: TrimScope,

    /// Seed of `random`
    #[arg(long, default_value_t = 0, help_heading = OURS)]
    pub(in crate::cli) seed: u64,
}

/// What both scripts are told.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct FluxArgs {
    /// Output; `.safetensors` is put behind a name that lacks it, and what is there is replaced
    #[arg(long, value_name = "PATH")]
    pub(in crate::cli) output: PathBuf,

    /// cuda (the best GPU of any maker, else the CPU), cpu, or a device as `wgmerge merge` takes it
    /// [default: cuda]
    #[arg(long, value_parser = device, value_name = "DEVICE")]
    pub(in crate::cli) device: Option<DeviceChoice>,

    /// Working dtype: what every intermediate result is rounded to
    #[arg(
        long,
        default_value = Precision::Float.word(),
        value_parser = word::precision()
    )]
    pub(in crate::cli) precision: Precision,

    /// Dtype of the output
    #[arg(
        long = "saving_precision",
        alias = "saving-precision",
        default_value = Precision::Bf16.word(),
        value_parser = word::precision()
    )]
    pub(in crate::cli) saving_precision: Precision,

    /// Write the merge's parameters to the output's metadata
    #[arg(long = "save-metadata", alias = "save_metadata")]
    pub(in crate::cli) save_metadata: bool,

    /// Leave the names as the first model has them, instead of taking `model.diffusion_model.` off
    #[arg(long = "keep-prefix", alias = "keep_prefix", help_heading = OURS)]
    pub(in crate::cli) keep_prefix: bool,

    /// Show the plan, and write nothing
    #[arg(long, visible_alias = "dry-run", help_heading = OURS)]
    pub(in crate::cli) dry: bool,

    #[command(flatten)]
    pub(in crate::cli) limits: LimitArgs,

    #[command(flatten)]
    pub(in crate::cli) report: ReportArgs,
}

/// The scripts' words for devices, and ours.
fn device(text: &str) -> Result<DeviceChoice, String> {
    match text {
        "cuda" => Ok(DeviceChoice::Auto),
        _ => {
            let choice = text.parse();
            choice.map_err(|fault: String| fault.replacen("auto", "cuda, auto", 1))
        }
    }
}
