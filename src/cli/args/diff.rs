//! Arguments of `wgmerge diff`.

use std::path::PathBuf;

use super::heading::{FIT, REPORT, WORK};
use super::options::share;
use super::{ConfigArgs, LimitArgs};
use crate::merge::DeviceChoice;

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct DiffArgs {
    /// The model that changes are counted from: a .safetensors or PyTorch file, a folder of them,
    /// or a Hugging Face reference
    #[arg(value_name = "A")]
    pub(in crate::cli) a: PathBuf,

    /// The model that it is compared with
    #[arg(value_name = "B")]
    pub(in crate::cli) b: PathBuf,

    /// Compare what A and B changed in BASE: their task vectors to it
    #[arg(long, value_name = "BASE")]
    pub(in crate::cli) against: Option<PathBuf>,

    /// With --against: the share of each task vector's entries, tensor by tensor, that count as its
    /// largest, of which the overlap is told; 0 leaves it out and saves a reading
    #[arg(long, value_name = "SHARE", default_value_t = 0.2, value_parser = share)]
    pub(in crate::cli) density: f64,

    /// Exit with status 3 where the relative change of a tensor is above X, and where a tensor is
    /// missing in a model, of another shape or, where bytes are compared, not the same
    #[arg(long, value_name = "X", value_parser = bound)]
    pub(in crate::cli) fail_above: Option<f64>,

    /// Leave PREFIX (such as `model.`) out of the names that begin with it, to compare the models:
    /// where the names themselves do not show it; may be given several times
    #[arg(long, value_name = "PREFIX", help_heading = FIT)]
    pub(in crate::cli) strip_prefix: Vec<String>,

    #[command(flatten)]
    pub(in crate::cli) configs: ConfigArgs,

    /// auto (the best real GPU, else the CPU), cpu, gpu, gpu:NAME or gpu:NUMBER
    #[arg(long, default_value = "auto", value_name = "DEVICE", help_heading = WORK)]
    pub(in crate::cli) device: DeviceChoice,

    #[command(flatten)]
    pub(in crate::cli) limits: LimitArgs,

    /// Write all numbers, of every tensor, to FILE: a page (.html) or JSON (.json); a report that
    /// is there is replaced, and nothing else
    #[arg(long, value_name = "FILE", help_heading = REPORT)]
    pub(in crate::cli) report: Option<PathBuf>,

    /// Print all numbers, or the error, as JSON on standard output
    #[arg(long, help_heading = REPORT)]
    pub(in crate::cli) json: bool,

    /// No progress and no notes, only errors and what was asked for
    #[arg(long, short = 'q', help_heading = REPORT)]
    pub(in crate::cli) quiet: bool,
}

fn bound(text: &str) -> Result<f64, String> {
    let bound = text.parse::<f64>().map_err(|fault| fault.to_string())?;
    match bound >= 0.0 && bound.is_finite() {
        true => Ok(bound),
        false => Err("a bound is a number from 0 on".to_owned()),
    }
}
