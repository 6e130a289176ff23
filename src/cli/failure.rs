//! Why a command fails.

use serde::Serialize;

use crate::checkpoint::CheckpointError;
use crate::exec::cpu::UnknownLevel;
use crate::keys::FilterError;
use crate::merge::{DeviceError, MergeError};
use crate::plan::PlanError;
use crate::recipe::FlagError;

/// Why a command ended early, by the code it ends with.
#[derive(Debug)]
pub(super) enum Failure {
    /// Arguments, recipe or input are wrong: 2.
    Usage {
        /// What is wrong.
        message: String,
        /// Where to look for more.
        hint: Option<String>,
        /// The line of the recipe that says it, if there is one.
        line: Option<usize>,
    },
    /// The same, with the place in a recipe's text: 2.
    Shown {
        /// As a terminal shows it.
        shown: String,
        /// For programs.
        located: Located,
    },
    /// The run failed: 1.
    Run(String),
    /// The output would not hold the change: 4.
    Unproved(String),
    /// Models differ by more than a bound, or an output from what its inputs make: 3.
    Differs(String),
    /// The user stopped it, after so many outputs: 130.
    Interrupted(usize),
    /// Nobody reads the output any more, as when it is piped into `head`: 0.
    Closed,
}

/// A fault of a text, for programs.
#[derive(Debug, Serialize)]
pub(super) struct Located {
    /// What is wrong.
    pub(super) message: String,
    /// What to do about it.
    pub(super) hint: Option<String>,
    /// The text.
    pub(super) file: String,
    /// From 1.
    pub(super) line: usize,
    /// From 1, in characters.
    pub(super) column: usize,
}

impl Failure {
    /// An input that is wrong.
    pub(super) fn input(message: String) -> Failure {
        Failure::usage(&message, None)
    }

    /// The same, with where to look for more.
    pub(super) fn usage(fault: &impl ToString, hint: Option<String>) -> Failure {
        let message = fault.to_string();
        Failure::Usage {
            message,
            hint,
            line: None,
        }
    }

    /// What is wrong, in a line, where the command goes on.
    pub(super) fn told(&self) -> String {
        match self {
            Failure::Usage { message, .. }
            | Failure::Run(message)
            | Failure::Unproved(message)
            | Failure::Differs(message) => message.clone(),
            Failure::Shown { located, .. } => {
                let (line, column) = (located.line, located.column);
                format!("{}:{line}:{column}: {}", located.file, located.message)
            }
            Failure::Interrupted(_) | Failure::Closed => "interrupted".to_owned(),
        }
    }
}

impl From<MergeError> for Failure {
    fn from(fault: MergeError) -> Failure {
        let (hint, line) = match &fault {
            MergeError::Plan(plan) => (plan_hint(plan), plan.line()),
            _ => (None, None),
        };
        match fault {
            MergeError::Interrupted => Failure::Interrupted(0),
            MergeError::Unchanged { .. } | MergeError::Survival { .. } => {
                Failure::Unproved(fault.to_string())
            }
            fault if fault.is_usage() => Failure::Usage {
                message: fault.to_string(),
                hint,
                line,
            },
            fault => Failure::Run(fault.to_string()),
        }
    }
}

fn plan_hint(fault: &PlanError) -> Option<String> {
    match fault {
        PlanError::Keys { .. } | PlanError::Shapes { .. } | PlanError::Families { .. } => {
            Some("`wgmerge inspect PATH` lists the tensors of a model".to_owned())
        }
        _ => None,
    }
}

impl From<FlagError> for Failure {
    fn from(fault: FlagError) -> Failure {
        Failure::usage(&fault, None)
    }
}

impl From<CheckpointError> for Failure {
    fn from(fault: CheckpointError) -> Failure {
        Failure::usage(&fault, None)
    }
}

impl From<DeviceError> for Failure {
    fn from(fault: DeviceError) -> Failure {
        Failure::usage(&fault, None)
    }
}

impl From<FilterError> for Failure {
    fn from(fault: FilterError) -> Failure {
        Failure::usage(&fault, None)
    }
}

impl From<UnknownLevel> for Failure {
    fn from(fault: UnknownLevel) -> Failure {
        Failure::usage(&fault, None)
    }
}

/// Adds where to look for more to what is wrong with the use of a method.
pub(super) fn of_method(fault: FlagError, method: &str) -> Failure {
    let hint = format!("`wgmerge methods {method}` describes the method and its parameters");
    Failure::usage(&fault, Some(hint))
}
