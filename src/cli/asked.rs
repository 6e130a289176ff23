//! What arguments say of a recipe file that is merged.

use std::path::{Path, PathBuf};

use super::args::{ConfigArgs, OptionArgs, YamlArgs};
use super::failure::Failure;

/// What arguments say of a recipe file.
pub(super) struct Asked<'a> {
    pub(super) file: &'a Path,
    /// Models for what it leaves open: NAME=PATH.
    pub(super) given: &'a [String],
    pub(super) configs: &'a ConfigArgs,
    pub(super) method_files: &'a [PathBuf],
    pub(super) yaml: &'a YamlArgs,
    pub(super) options: &'a OptionArgs,
    /// Where the result goes; None where there need not be one.
    pub(super) output: Option<&'a Path>,
    /// Bytes that the process may hold.
    pub(super) memory: u64,
    /// Whether notes are not said.
    pub(super) quiet: bool,
}

/// The error of a recipe with a result that is to go nowhere.
pub(super) fn no_output() -> Failure {
    let message = "the result has no place to go to; name it behind the recipe: \
                   `wgmerge run RECIPE OUTPUT`";
    Failure::input(message.to_owned())
}
