//! Exit codes and the printing of errors.

use std::process::ExitCode;

use crate::keys::FilterError;
use crate::merge::MergeError;
use crate::recipe::FlagError;

/// Why a command failed, by the code it ends with.
#[derive(Debug)]
pub(super) enum Failure {
    /// Arguments, recipe or input are wrong: 2.
    Usage(String),
    /// The run failed: 1.
    Run(String),
    /// The user stopped it: 130.
    Interrupted,
}

impl From<MergeError> for Failure {
    fn from(fault: MergeError) -> Failure {
        match fault {
            MergeError::Interrupted => Failure::Interrupted,
            fault if fault.is_usage() => Failure::Usage(fault.to_string()),
            fault => Failure::Run(fault.to_string()),
        }
    }
}

impl From<FlagError> for Failure {
    fn from(fault: FlagError) -> Failure {
        Failure::Usage(fault.to_string())
    }
}

impl From<FilterError> for Failure {
    fn from(fault: FilterError) -> Failure {
        Failure::Usage(fault.to_string())
    }
}

impl From<std::io::Error> for Failure {
    fn from(fault: std::io::Error) -> Failure {
        Failure::Run(fault.to_string())
    }
}

/// Prints a failure and gives the exit code.
pub(super) fn code(result: Result<(), Failure>) -> ExitCode {
    let (code, message) = match result {
        Ok(()) => return ExitCode::SUCCESS,
        Err(Failure::Usage(message)) => (2, message),
        Err(Failure::Run(message)) => (1, message),
        Err(Failure::Interrupted) => (130, "interrupted; nothing was written".to_owned()),
    };
    eprintln!("error: {message}");
    ExitCode::from(code)
}
