//! The front door of comparisons: two models, and a base or none.

use std::path::PathBuf;

use super::flags::merge_with;
use super::{FlagError, Metadata, Missing, OnNan, Options, Recipe};
use crate::method::{COMPARE, ParameterValue};

/// The recipe of a comparison of a with b. Its tensors are those that all models have; none of them
/// is stored. With a base their task vectors to it are compared, and of these the largest entries
/// at a density, where that is not 0.
///
/// # Errors
/// Where the density is no share.
pub fn comparison_of(
    base: Option<PathBuf>,
    [a, b]: [PathBuf; 2],
    density: f64,
    options: Options,
) -> Result<Recipe, FlagError> {
    let options = Options {
        compares: true,
        missing: Missing::Drop,
        on_nan: OnNan::Keep,
        metadata: Metadata::None,
        ..options
    };
    let density = ("density".to_owned(), ParameterValue::Numbers(vec![density]));
    merge_with(&COMPARE, base, vec![a, b], &[density], options)
}
