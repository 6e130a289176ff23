//! mergekit's YAML: what is read, what is refused where, and the same numbers as mergekit.

mod bounds;
mod cases;
mod compare;
mod defects;
mod errors;
mod experts;
mod flags;
mod golden;
mod mixtures;
mod scratch;
mod stages;
mod statistics;
mod steps;
mod texts;
mod tokenizers;

use std::path::{Path, PathBuf};

use crate::support::command::{refuses, run as wgmerge, says as succeeds};

/// The folder of the cases that mergekit 0.1.5 computed.
fn data() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/mergekit-cases")
}
