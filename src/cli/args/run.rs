//! Recipe files: `run`, and `plan`, which takes flags as well.

use std::path::PathBuf;

use super::heading::OUTPUT;
use super::{ConfigArgs, GivenArgs, MethodFileArgs, OptionArgs, ReportArgs, WorkArgs, YamlArgs};
use crate::cli::word;
use crate::method::Method;

/// A recipe file, and how it is merged.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct FileArgs {
    /// Recipe: a .mecha file, a YAML of mergekit, or - for standard input
    #[arg(value_name = "RECIPE")]
    pub(in crate::cli) recipe: PathBuf,

    #[command(flatten)]
    pub(in crate::cli) given: GivenArgs,

    #[command(flatten)]
    pub(in crate::cli) method_files: MethodFileArgs,

    #[command(flatten)]
    pub(in crate::cli) configs: ConfigArgs,

    #[command(flatten)]
    pub(in crate::cli) yaml: YamlArgs,

    #[command(flatten)]
    pub(in crate::cli) options: OptionArgs,
}

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct RunArgs {
    #[command(flatten)]
    pub(in crate::cli) recipe: FileArgs,

    /// Output, as -o takes it
    #[arg(
        value_name = "OUTPUT",
        required_unless_present_any = ["output", "intermediate_dir"]
    )]
    pub(in crate::cli) target: Option<PathBuf>,

    /// Output: a file (NAME.safetensors or NAME.sft) or a folder (NAME/, NAME without extension, or
    /// one that exists; .1-8B and the like are no extensions)
    #[arg(
        long,
        short = 'o',
        alias = "out-path",
        value_name = "PATH",
        conflicts_with = "target",
        help_heading = OUTPUT
    )]
    pub(in crate::cli) output: Option<PathBuf>,

    #[command(flatten)]
    pub(in crate::cli) work: WorkArgs,

    #[command(flatten)]
    pub(in crate::cli) report: ReportArgs,

    /// What mergekit calls not being quiet.
    #[arg(long, hide = true, conflicts_with = "quiet")]
    no_quiet: bool,
}

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct PlanArgs {
    /// Merge method; without it the recipe is a file
    #[arg(long, short = 'M', value_name = "METHOD", value_parser = word::method())]
    pub(in crate::cli) method: Option<&'static Method>,

    /// Base model, of methods that work on differences to one
    #[arg(long, short = 'b', value_name = "PATH", requires = "method")]
    pub(in crate::cli) base: Option<PathBuf>,

    /// Models; or without --method a recipe and, if you like, an output, as `wgmerge run` takes
    /// them
    #[arg(required = true, value_name = "MODEL or RECIPE")]
    pub(in crate::cli) models: Vec<PathBuf>,

    /// Set a parameter of the method
    #[arg(
        long = "parameter",
        short = 'p',
        value_name = "NAME=VALUE[,VALUE...]",
        requires = "method"
    )]
    pub(in crate::cli) parameters: Vec<String>,

    #[command(flatten)]
    pub(in crate::cli) given: GivenArgs,

    #[command(flatten)]
    pub(in crate::cli) method_files: MethodFileArgs,

    #[command(flatten)]
    pub(in crate::cli) configs: ConfigArgs,

    #[command(flatten)]
    pub(in crate::cli) yaml: YamlArgs,

    #[command(flatten)]
    pub(in crate::cli) options: OptionArgs,

    #[command(flatten)]
    pub(in crate::cli) work: WorkArgs,

    /// Output that the merge would have: decides whether it is a file or a folder [default:
    /// merged.safetensors]
    #[arg(long, short = 'o', value_name = "PATH")]
    pub(in crate::cli) output: Option<PathBuf>,

    /// Write to FILE, a page (.html) or JSON (.json), how the models differ before they are merged:
    /// each from the base or first model, and up to four task vectors from each other, by block and
    /// kind of tensor; from a sample of tensors, which is read
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) report: Option<PathBuf>,

    /// Print the plan as JSON
    #[arg(long)]
    pub(in crate::cli) json: bool,
}
