//! What can go wrong with a merge, gathered.

use std::path::PathBuf;

use crate::checkpoint::CheckpointError;
use crate::plan::PlanError;
use crate::sink::SinkError;

use super::device::DeviceError;

/// A merge that was refused or failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MergeError {
    /// A model cannot be read.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The merge cannot be planned.
    #[error(transparent)]
    Plan(#[from] Box<PlanError>),
    /// The output cannot be written.
    #[error(transparent)]
    Sink(#[from] SinkError),
    /// The device cannot be used.
    #[error(transparent)]
    Device(#[from] DeviceError),
    /// The output would overwrite a model.
    #[error(
        "the output {output} is the model {model}: inputs are never written, give another output"
    )]
    OutputIsInput {
        /// The output.
        output: PathBuf,
        /// The model.
        model: PathBuf,
    },
    /// A model holds an infinity or NaN.
    #[error(
        "{model}: tensor `{key}` is not finite at element {element}; --on-nan keep, zero or base \
         says what to do with such values"
    )]
    NonFinite {
        /// The model.
        model: PathBuf,
        /// The tensor.
        key: String,
        /// The element's index.
        element: u64,
    },
    /// Two passes over a tensor saw different values.
    #[error(
        "two readings of tensor `{key}` do not agree: an input was changed during the run, or memory \
         or device are faulty; nothing was written, leave the inputs alone and try again"
    )]
    Contradiction {
        /// The tensor.
        key: String,
    },
    /// The user stopped it.
    #[error("interrupted; nothing was written")]
    Interrupted,
    /// A device failed in a way the CPU could not make up for.
    #[error("the merge failed: {0}")]
    Internal(String),
}

impl MergeError {
    /// Whether the fault lies in what was asked for, rather than in the run.
    pub fn is_usage(&self) -> bool {
        match self {
            MergeError::Checkpoint(_)
            | MergeError::Plan(_)
            | MergeError::Device(_)
            | MergeError::OutputIsInput { .. }
            | MergeError::NonFinite { .. } => true,
            MergeError::Sink(fault) => !matches!(
                fault,
                SinkError::DiskFull { .. } | SinkError::Io { .. } | SinkError::Incomplete { .. }
            ),
            MergeError::Contradiction { .. }
            | MergeError::Interrupted
            | MergeError::Internal(_) => false,
        }
    }
}
