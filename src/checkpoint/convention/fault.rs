//! What can be wrong with a checkpoint of codes.

use std::path::PathBuf;

use super::coded::Convention;
use super::plain::Undecoded;
use crate::checkpoint::CheckpointError;
use crate::dtype::DType;

/// What can be wrong with a checkpoint of codes. The text is complete: it names file and key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConventionError {
    /// Codes that are not read.
    #[error(transparent)]
    Undecoded(#[from] Box<Undecoded>),
    /// An entry is absent that another needs.
    #[error(
        "{path}: `{key}` shows {}, and `{absent}`, which belongs to it, is not there; the file is \
         incomplete: download it again, or take the f16 or bf16 model that it was made from",
        .convention.name()
    )]
    Missing {
        /// The checkpoint.
        path: PathBuf,
        /// The entry that is there.
        key: String,
        /// Of what convention it is.
        convention: Convention,
        /// The entry that is not.
        absent: String,
    },
    /// An entry has another type or shape than the convention gives it.
    #[error(
        "{path}: `{}` is {} {:?}, and {} must have {expected} there, as `{}` is {} {:?}; the file \
         is damaged, or its settings and markers are of another file: download it again, or take \
         the f16 or bf16 model that it was made from",
        .entry.key, .entry.dtype, .entry.shape, .convention.name(),
        .beside.key, .beside.dtype, .beside.shape
    )]
    Mismatch {
        /// The checkpoint.
        path: PathBuf,
        /// Of what convention the entries are.
        convention: Convention,
        /// The entry that does not fit.
        entry: Box<Entry>,
        /// The entry that it should fit to.
        beside: Box<Entry>,
        /// What it should be.
        expected: String,
    },
    /// A description names a format that is not known.
    #[error(
        "{path}: `{key}` names the format `{format}` for layer `{layer}`, which wgmerge does not \
         know; it reads {known}: take the f16 or bf16 model that it was made from"
    )]
    Format {
        /// The checkpoint.
        path: PathBuf,
        /// Where the description stands.
        key: String,
        /// The layer that is described.
        layer: String,
        /// The format.
        format: String,
        /// Those that are known.
        known: String,
    },
    /// A description is no sound one.
    #[error(
        "{path}: `{key}` describes codes, and its text is no such description: {fault}; the file \
         is damaged: download it again, or take the f16 or bf16 model that it was made from"
    )]
    Description {
        /// The checkpoint.
        path: PathBuf,
        /// Where the description stands.
        key: String,
        /// What is wrong.
        fault: String,
    },
    /// Two conventions claim one entry.
    #[error(
        "{path}: `{key}` is stored as {} by `{first_by}`, and as {} by `{second_by}`; it cannot be \
         both: leave the entries of one of them out, or take the f16 or bf16 model that it was \
         made from",
        .first.name(), .second.name()
    )]
    Two {
        /// The checkpoint.
        path: PathBuf,
        /// The entry.
        key: String,
        /// One convention.
        first: Convention,
        /// The entry that shows it.
        first_by: String,
        /// The other convention.
        second: Convention,
        /// The entry that shows it.
        second_by: String,
    },
    /// The settings beside the file name another method.
    #[error(
        "{path}: `{key}` is stored as {} by the names of its entries, and {source_file} calls the \
         method `{method}`; put the settings there that belong to the weights, or take the f16 or \
         bf16 model that it was made from",
        .convention.name()
    )]
    Settings {
        /// The checkpoint.
        path: PathBuf,
        /// The codes.
        key: String,
        /// The convention that the names show.
        convention: Convention,
        /// The file of settings.
        source_file: &'static str,
        /// The method that it names.
        method: String,
    },
}

impl ConventionError {
    /// How a tensor is stored and what shows it, or what is wrong.
    pub fn what(&self) -> String {
        match self {
            ConventionError::Undecoded(undecoded) => undecoded.what(),
            other => other.to_string(),
        }
    }
}

/// An entry of a checkpoint, for messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its key.
    pub key: String,
    /// Its element type.
    pub dtype: DType,
    /// Its dimensions.
    pub shape: Vec<u64>,
}

/// Why recognition stopped.
#[derive(Debug)]
pub(super) enum Stop {
    /// The checkpoint could not be read.
    Read(Box<CheckpointError>),
    /// The checkpoint was read, and is not understood.
    Convention(Box<ConventionError>),
}

impl From<CheckpointError> for Stop {
    fn from(fault: CheckpointError) -> Stop {
        Stop::Read(Box::new(fault))
    }
}

impl From<ConventionError> for Stop {
    fn from(fault: ConventionError) -> Stop {
        Stop::Convention(Box::new(fault))
    }
}
