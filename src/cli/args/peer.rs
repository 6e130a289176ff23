//! Flags of mergekit that `run` takes, so that a command line of it works as it is.

use std::path::PathBuf;

use clap::{Arg, ArgAction, ArgMatches, Command};

use crate::cli::size;

/// Headings of the help.
const PEER: &str = "Recipes of mergekit";

/// How strictly a recipe of mergekit is read.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct LenientArgs {
    /// Pass over unknown keys of a recipe of mergekit, as mergekit does
    #[arg(long, help_heading = PEER)]
    pub(in crate::cli) lenient: bool,
}

/// How a recipe of mergekit is read and merged.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct YamlArgs {
    #[command(flatten)]
    pub(in crate::cli) lenient: LenientArgs,

    /// Write the merges that have a name into this folder, too
    #[arg(long, short = 'I', value_name = "DIR", help_heading = PEER)]
    pub(in crate::cli) intermediate_dir: Option<PathBuf>,

    /// Compute on a GPU of any maker, and on the CPU where there is none
    #[arg(
        long,
        conflicts_with = "device",
        overrides_with = "no_cuda",
        help_heading = PEER
    )]
    pub(in crate::cli) cuda: bool,

    #[arg(long, hide = true, overrides_with = "cuda")]
    no_cuda: bool,

    /// Same as --seed
    #[arg(long, value_name = "N", conflicts_with = "seed", help_heading = PEER)]
    pub(in crate::cli) random_seed: Option<u64>,

    /// Same as --threads
    #[arg(
        long,
        short = 'j',
        value_name = "N",
        value_parser = clap::value_parser!(u16).range(1..),
        conflicts_with = "threads",
        help_heading = PEER
    )]
    pub(in crate::cli) num_threads: Option<u16>,

    /// Same as --max-shard-size, with mergekit's units: 5B is 5 GB
    #[arg(
        long,
        value_name = "SIZE",
        value_parser = size::parse_shards,
        conflicts_with = "max_shard_size",
        help_heading = PEER
    )]
    pub(in crate::cli) out_shard_size: Option<u64>,

    /// Cut embeddings and heads to as many rows as all models have, whatever their tokens are
    ///
    /// Rows with one number are merged, though they may belong to different tokens. `tokenizer:` in
    /// the recipe brings rows into one order by their tokens instead.
    #[arg(long, overrides_with = "no_unsafe_truncate_embeddings", help_heading = PEER)]
    pub(in crate::cli) unsafe_truncate_embeddings: bool,

    #[arg(long, hide = true, overrides_with = "unsafe_truncate_embeddings")]
    no_unsafe_truncate_embeddings: bool,

    /// Same as --missing drop, as mergekit-pytorch has it
    #[arg(long, short = 'i', conflicts_with_all = ["missing", "tensor_union"], help_heading = PEER)]
    pub(in crate::cli) tensor_intersection: bool,

    /// Same as --missing skip, as mergekit-pytorch has it
    #[arg(long, short = 'u', conflicts_with = "missing", help_heading = PEER)]
    pub(in crate::cli) tensor_union: bool,

    /// Write no README.md and no mergekit_config.yml into the output's folder
    #[arg(long, overrides_with = "write_model_card", help_heading = PEER)]
    pub(in crate::cli) no_write_model_card: bool,

    #[arg(long, hide = true, overrides_with = "no_write_model_card")]
    write_model_card: bool,

    /// Leave the tokenizer's files out of the output's folder
    #[arg(long, overrides_with = "copy_tokenizer", help_heading = PEER)]
    pub(in crate::cli) no_copy_tokenizer: bool,

    #[arg(long, hide = true, overrides_with = "no_copy_tokenizer")]
    copy_tokenizer: bool,

    /// Build a mixture of experts that are all one model, which is to be trained
    #[arg(long = "i-understand-this-is-not-useful-without-training", help_heading = PEER)]
    pub(in crate::cli) alike: bool,

    #[command(flatten)]
    pub(in crate::cli) idle: IdleArgs,
}

/// A flag of mergekit that has no meaning here.
pub(in crate::cli) struct IdleFlag {
    /// Its name.
    pub name: &'static str,
    /// Its opposite; None of one that takes a value.
    pub opposite: Option<&'static str>,
    /// Why it has none.
    pub why: &'static str,
}

/// A flag that is given or not.
macro_rules! switch {
    ($name:literal, $why:literal $(,)?) => {
        IdleFlag {
            name: $name,
            opposite: Some(concat!("no-", $name)),
            why: $why,
        }
    };
}

const fn valued(name: &'static str, why: &'static str) -> IdleFlag {
    IdleFlag {
        name,
        opposite: None,
        why,
    }
}

/// The flags of mergekit that have no meaning here, each also as `--no-…` if it takes no value.
pub(in crate::cli) const IDLE: [IdleFlag; 17] = [
    switch!("low-cpu-memory", "--memory bounds what is held"),
    switch!("read-to-gpu", "--memory bounds what is held"),
    switch!("multi-gpu", "one GPU computes"),
    switch!("gpu-rich", "--memory bounds what is held"),
    switch!("async-write", "writing never waits for what is computed"),
    valued("write-threads", "--threads says how many threads there are"),
    switch!("lazy-unpickle", "tensors are always read one by one"),
    switch!(
        "clone-tensors",
        "a layer that is used twice is written twice",
    ),
    switch!("safe-serialization", "the output is always safetensors"),
    switch!("trust-remote-code", "nothing of a model is executed"),
    switch!(
        "allow-crimes",
        "what can be merged shows in the tensors' names and shapes, see --missing and --shape",
    ),
    switch!("lazy", "a merge that has a name is always made anew"),
    valued(
        "transformers-cache",
        "HF_HUB_CACHE says where downloads are kept",
    ),
    switch!("load-in-4bit", "no hidden states are computed"),
    switch!("load-in-8bit", "no hidden states are computed"),
    valued("lora-merge-cache", "nothing is kept between merges"),
    valued(
        "lora-merge-dtype",
        "adapters in references are not read yet",
    ),
];

/// The flags without a meaning that were given.
#[derive(Debug, Default)]
pub(in crate::cli) struct IdleArgs {
    /// What is to be said of each.
    pub(in crate::cli) notes: Vec<String>,
}

impl clap::Args for IdleArgs {
    fn augment_args(command: Command) -> Command {
        IDLE.iter().fold(command, |command, flag| {
            let own = Arg::new(flag.name).long(flag.name).hide(true);
            let Some(opposite) = flag.opposite else {
                return command.arg(own.num_args(1).value_name("VALUE"));
            };
            let no = Arg::new(opposite).long(opposite).hide(true);
            let own = own.action(ArgAction::SetTrue);
            command.arg(own).arg(no.action(ArgAction::SetTrue))
        })
    }

    fn augment_args_for_update(command: Command) -> Command {
        IdleArgs::augment_args(command)
    }
}

impl clap::FromArgMatches for IdleArgs {
    fn from_arg_matches(matches: &ArgMatches) -> Result<IdleArgs, clap::Error> {
        let mut notes = Vec::new();
        for flag in &IDLE {
            let given = |name: &&str| match flag.opposite {
                None => matches.contains_id(name),
                Some(_) => matches.get_flag(name),
            };
            let names = std::iter::once(flag.name).chain(flag.opposite);
            let given = names.filter(given);
            notes.extend(given.map(|name| format!("--{name} has no meaning here: {}", flag.why)));
        }
        Ok(IdleArgs { notes })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = IdleArgs::from_arg_matches(matches)?;
        Ok(())
    }
}
