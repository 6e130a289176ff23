//! What MergeFlux's flags can be wrong in.

use crate::figures::counted;
use crate::method::ParameterError;

/// Flags of MergeFlux that do not make a merge.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum MergeFluxError {
    #[error(
        "--{flag} has {} for {}: give one for each model",
        counted(*.given, "value"),
        counted(*.models, "model")
    )]
    Count {
        flag: &'static str,
        given: usize,
        models: usize,
    },
    #[error("--{flag} {} add up to {sum}, and must to 1", list(.ratios))]
    Sum {
        flag: &'static str,
        ratios: Vec<f64>,
        sum: f64,
    },
    #[error("--density is no number")]
    Density,
    #[error(
        "--scope model is of the largest entries, which --prune_method {prune} does not look for: \
         leave one of them out"
    )]
    Scope { prune: &'static str },
    #[error(transparent)]
    Parameter(#[from] ParameterError),
}

fn list(ratios: &[f64]) -> String {
    let texts: Vec<String> = ratios.iter().map(f64::to_string).collect();
    texts.join(" ")
}
