//! What can go wrong with a merge, gathered.

use std::path::PathBuf;

use crate::checkpoint::CheckpointError;
use crate::dtype::{Float, codec};
use crate::plan::PlanError;
use crate::recipe::SweepError;
use crate::recipe::average::AverageError;
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
    /// The sweep cannot be made of the recipe.
    #[error(transparent)]
    Sweep(#[from] SweepError),
    /// The average cannot be made.
    #[error(transparent)]
    Average(#[from] AverageError),
    /// Checkpoints of one run store a tensor in different types.
    #[error(
        "{model}: tensor `{key}` is {found}, that of {reference} is {expected}; --dtype f32, or \
         another, says what the average is stored in"
    )]
    Types {
        /// The model.
        model: String,
        /// The model it is compared with.
        reference: String,
        /// The tensor.
        key: String,
        /// Its type and shape.
        found: String,
        /// Those of the other model's.
        expected: String,
    },
    /// The output would touch an input.
    #[error(transparent)]
    Input(#[from] InputError),
    /// Nothing of what was computed is in an output.
    #[error(
        "{output}: nothing of the change survives: each of its {values} values is stored as the \
         one of {reference}, because the changes are below half a step of {float}; nothing was \
         written; --dtype f32 keeps them, and without --prove it is written as it is"
    )]
    Unchanged {
        /// The output.
        output: PathBuf,
        /// What it would equal.
        reference: PathBuf,
        /// Elements that were computed.
        values: u64,
        /// The type that they are stored in.
        float: String,
    },
    /// Too little of what was computed is in an output.
    #[error(
        "{output}: {found:.4} of the change survives, less than the {wanted} of --min-survival: \
         most is lost in {tensor}; nothing was written; --dtype f32 keeps it"
    )]
    Survival {
        /// The output.
        output: PathBuf,
        /// The share that it holds.
        found: f64,
        /// The least that it should.
        wanted: f64,
        /// The tensor that lost most.
        tensor: String,
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
    /// A value that an operation on several tensors cannot take.
    #[error(
        "{model}: tensor `{key}` is not finite at element {element}: to {purpose} the tensors of \
         its layer, all of their values must be; --on-nan does not help here"
    )]
    Unfit {
        /// The model.
        model: PathBuf,
        /// The tensor.
        key: String,
        /// The element's index.
        element: u64,
        /// What is done.
        purpose: &'static str,
    },
    /// Two passes over a tensor saw different values.
    #[error(
        "two readings of tensor `{key}` do not agree: an input was changed during the run, or \
         memory or device are faulty; nothing was written, leave the inputs alone and try again"
    )]
    Contradiction {
        /// The tensor.
        key: String,
    },
    /// A model holds a number beyond f32, in which merges compute.
    #[error(
        "{model}: tensor `{key}` is {value:e} at element {element}, beyond f32, in which merges \
         compute; --on-overflow saturate or keep lets it count as an infinity, unless --on-nan \
         replaces those"
    )]
    Beyond {
        /// The model.
        model: PathBuf,
        /// The tensor.
        key: String,
        /// The element's index.
        element: u64,
        /// The number.
        value: f64,
    },
    /// A result is beyond the type that it is stored in.
    #[error("{}", overflow_text(.key, *.element, *.value, *.float, *.variant))]
    Overflow {
        /// The tensor.
        key: String,
        /// The element's index.
        element: u64,
        /// The result, before it is rounded to the type.
        value: f32,
        /// The type.
        float: Float,
        /// Which of several outputs, from 1; None where there is only one.
        variant: Option<usize>,
    },
    /// A result that is to be stored as codes is infinite or NaN, which would spoil the scale of
    /// its neighbours.
    #[error(
        "`{key}` is {value} at element {element}, and {format} has no scale for that: \
         --on-nan zero or base replaces what a model holds, --format bf16 keeps it, \
         --on-overflow keep writes it into the codes"
    )]
    Uncoded {
        /// The tensor.
        key: String,
        /// The element's index.
        element: u64,
        /// The result.
        value: f32,
        /// The format.
        format: String,
    },
    /// The user stopped it.
    #[error("interrupted; nothing was written")]
    Interrupted,
    /// A device failed in a way the CPU could not make up for.
    #[error("the merge failed: {0}")]
    Internal(String),
}

impl MergeError {
    /// Whether a value of an input is at fault.
    pub(super) fn is_of_input(&self) -> bool {
        matches!(
            self,
            MergeError::NonFinite { .. } | MergeError::Beyond { .. }
        )
    }

    /// Whether the values are at fault, of inputs or results.
    pub(super) fn is_of_values(&self) -> bool {
        self.is_of_input()
            || matches!(
                self,
                MergeError::Overflow { .. } | MergeError::Uncoded { .. }
            )
    }

    /// Whether the fault lies in what was asked for, which another try does not mend, rather than
    /// in the run or the state of the machine.
    pub fn is_usage(&self) -> bool {
        match self {
            MergeError::Checkpoint(fault) => !fault.is_change(),
            MergeError::Plan(_)
            | MergeError::Device(_)
            | MergeError::Output(_)
            | MergeError::Sweep(_)
            | MergeError::Average(_)
            | MergeError::Types { .. }
            | MergeError::Unchanged { .. }
            | MergeError::Survival { .. }
            | MergeError::Input(_)
            | MergeError::NonFinite { .. }
            | MergeError::Unfit { .. }
            | MergeError::Beyond { .. }
            | MergeError::Uncoded { .. }
            | MergeError::Overflow { .. } => true,
            MergeError::Sink(fault) => !matches!(
                fault,
                SinkError::Appeared { .. }
                    | SinkError::Busy { .. }
                    | SinkError::DiskFull { .. }
                    | SinkError::HalfReplaced { .. }
                    | SinkError::Incomplete { .. }
                    | SinkError::Io { .. }
                    | SinkError::NoSpace { .. }
                    | SinkError::OriginChanged { .. }
            ),
            MergeError::Contradiction { .. }
            | MergeError::Interrupted
            | MergeError::Internal(_) => false,
        }
    }
}

fn overflow_text(
    key: &str,
    element: u64,
    value: f32,
    float: Float,
    variant: Option<usize>,
) -> String {
    let largest = codec::encode(float, codec::limit(float));
    let largest = f32::from_bits(codec::decode(float, largest));
    let (number, largest) = (short(value), short(largest));
    let of = variant.map_or_else(String::new, |variant| {
        format!(" in output {variant} of several")
    });
    let what = match value.is_nan() {
        true => "is the difference or product of numbers beyond f32 and becomes NaN".to_owned(),
        false => format!("becomes {number}, beyond what {float} holds (up to {largest})"),
    };
    let saturate = match value.is_nan() {
        true => String::new(),
        false => format!("--on-overflow saturate writes {largest} with its sign, "),
    };
    let wider = match float {
        Float::F64 | Float::F32 => "",
        Float::BF16 => "--dtype f32 holds more, ",
        _ => "--dtype bf16 or f32 holds more, ",
    };
    format!(
        "tensor `{key}`{of}: element {element} {what}; {wider}{saturate}--on-overflow keep writes \
         what rounding gives"
    )
}

/// A number in as few characters as tell it.
fn short(value: f32) -> String {
    match value.abs() < 1e6 {
        true => value.to_string(),
        false => format!("{value:e}"),
    }
}
