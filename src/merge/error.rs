//! What can go wrong with a merge, gathered.

use std::path::PathBuf;

use crate::checkpoint::CheckpointError;
use crate::plan::PlanError;
use crate::sink::SinkError;

use super::device::DeviceError;
use super::inputs::InputError;
use super::target::OutputError;

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
    /// The output's name is neither that of a file nor that of a folder.
    #[error(transparent)]
    Output(#[from] OutputError),
    /// The output would touch an input.
    #[error(transparent)]
    Input(#[from] InputError),
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
            | MergeError::Output(_)
            | MergeError::Input(_)
            | MergeError::NonFinite { .. } => true,
            MergeError::Sink(fault) => !matches!(
                fault,
                SinkError::Appeared { .. }
                    | SinkError::DiskFull { .. }
                    | SinkError::HalfReplaced { .. }
                    | SinkError::Incomplete { .. }
                    | SinkError::Io { .. }
                    | SinkError::OriginChanged { .. }
            ),
            MergeError::Contradiction { .. }
            | MergeError::Interrupted
            | MergeError::Internal(_) => false,
        }
    }
}
