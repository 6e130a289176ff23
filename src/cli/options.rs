//! What the arguments of a merge come to.

use std::path::{Path, PathBuf};

use super::args::{FitArgs, OptionArgs};
use super::failure::Failure;
use super::text;
use crate::keys::{self, Filter};
use crate::recipe::{BlockOption, Options};

/// The options that arguments give.
pub(super) fn options(args: &OptionArgs) -> Result<Options, Failure> {
    Ok(Options {
        compute: args.compute,
        seed: args.seed,
        block_weights: block_weights(args.block_weights.as_deref())?,
        strip_prefix: args.strip_prefix.clone(),
        ..fitted(&args.fit)?
    })
}

/// Those about what fits and what is written.
pub(super) fn fitted(args: &FitArgs) -> Result<Options, Failure> {
    let options = Options {
        dtype: args.dtype,
        missing: args.missing,
        shape: args.shape,
        experts: args.experts,
        on_nan: args.on_nan,
        on_overflow: args.on_overflow,
        filter: Filter::new(&args.include, &args.exclude)?,
        metadata: args.metadata,
        shard_bytes: args.max_shard_size,
        ..Options::default()
    };
    args.format.apply(options).map_err(Failure::input)
}

/// The files besides models that the arguments name: none of them may be written.
pub(super) fn read_besides<'p>(
    options: &'p OptionArgs,
    files: impl IntoIterator<Item = &'p PathBuf>,
    recipe: Option<&'p Path>,
) -> Vec<PathBuf> {
    let weights = options.block_weights.as_deref();
    let weights = weights.and_then(|weights| weights.strip_prefix('@'));
    let named = weights.map(Path::new).into_iter().chain(recipe);
    let files = files.into_iter().map(PathBuf::as_path);
    files.chain(named).map(Path::to_path_buf).collect()
}

/// Block weights as they are given, or from a file.
fn block_weights(given: Option<&str>) -> Result<Option<BlockOption>, Failure> {
    let Some(given) = given else {
        return Ok(None);
    };
    let text = match given.strip_prefix('@') {
        None => given.to_owned(),
        Some(file) => text::read(Path::new(file))?,
    };
    let weights = keys::blocks::parse(&text).map_err(|fault| Failure::input(fault.to_string()))?;
    Ok(Some(BlockOption { text, weights }))
}
