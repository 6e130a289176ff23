//! The arguments of `convert`.

use std::path::PathBuf;

use super::{AdditionArgs, ConfigArgs, FormatArgs, OutputArgs, WorkArgs};
use crate::cli::{size, word};
use crate::recipe::{OnOverflow, OutputDType};

/// What is converted to what.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct ConvertArgs {
    /// A .safetensors or PyTorch file (.bin, .pt, .pth, .ckpt), a folder of them, or a Hugging Face
    /// reference
    #[arg(value_name = "PATH")]
    pub(in crate::cli) path: PathBuf,

    /// Model config to convert the names to; `wgmerge configs` lists them
    #[arg(long, value_name = "CONFIG")]
    pub(in crate::cli) to: Option<String>,

    /// Model config of the input, where its names and shapes do not show it
    #[arg(long, value_name = "CONFIG")]
    pub(in crate::cli) from: Option<String>,

    /// Dtype of the output's floats; `keep` changes no bit
    #[arg(long, default_value = OutputDType::default().word(), value_parser = word::output_dtype())]
    pub(in crate::cli) dtype: OutputDType,

    #[command(flatten)]
    pub(in crate::cli) format: FormatArgs,

    /// Seed of --format-rounding stochastic; recorded in the output
    #[arg(long, default_value_t = 0)]
    pub(in crate::cli) seed: u64,

    /// What to do about numbers that the dtype cannot hold
    #[arg(
        long,
        default_value = OnOverflow::default().word(),
        value_parser = word::on_overflow()
    )]
    pub(in crate::cli) on_overflow: OnOverflow,

    /// Leave PREFIX out of the names that begin with it
    #[arg(long, value_name = "PREFIX")]
    pub(in crate::cli) strip_prefix: Option<String>,

    /// Put PREFIX before every name, or in the place of what --strip-prefix leaves out
    #[arg(long, value_name = "PREFIX")]
    pub(in crate::cli) add_prefix: Option<String>,

    #[command(flatten)]
    pub(in crate::cli) additions: AdditionArgs,

    /// Split the output into files of at most this size, with an index; the output is a folder
    #[arg(long, value_name = "SIZE", value_parser = size::parse)]
    pub(in crate::cli) max_shard_size: Option<u64>,

    #[command(flatten)]
    pub(in crate::cli) configs: ConfigArgs,

    #[command(flatten)]
    pub(in crate::cli) work: WorkArgs,

    #[command(flatten)]
    pub(in crate::cli) output: OutputArgs,
}
