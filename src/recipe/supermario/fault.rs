//! What supermario's arguments can be wrong in.

use std::path::PathBuf;

use crate::method::ParameterError;

/// Arguments of supermario that do not make a merge.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum SupermarioError {
    #[error(
        "p is {p}: it is the share of entries that is kept, and what is kept is divided by 1 - \
         p, so it must be at least 0 and below 1; the paper's drop rate is `wgmerge merge -M \
         dare_linear -p drop=...`"
    )]
    P { p: f64 },
    #[error("{base} is a folder and {second} is not: give two files or two folders")]
    FolderAndFile { base: PathBuf, second: PathBuf },
    #[error("{base} is a file and {second} a folder: give two files or two folders")]
    FileAndFolder { base: PathBuf, second: PathBuf },
    #[error(
        "{base}: there is no .safetensors file in it, and a base is read from such files alone"
    )]
    NoBase { base: PathBuf },
    #[error("{path} is not there")]
    Missing { path: PathBuf },
    #[error(
        "the output {output} is that of a file, as the base is one: its name must end in \
         .safetensors"
    )]
    NotAFile { output: PathBuf },
    #[error("{list}: cannot be read: {fault}")]
    Unreadable {
        list: PathBuf,
        fault: std::io::Error,
    },
    #[error("the output {output} exists already; --force replaces it")]
    Exists { output: PathBuf },
    #[error("{list}: {fault}")]
    Yaml { list: PathBuf, fault: String },
    #[error("{list}: there is no model in it: give the base first, then what is merged into it")]
    NoModels { list: PathBuf },
    #[error(
        "{list}: `density` of {model} is {density}: lambda is one divided by it, so it must be a \
         number other than 0"
    )]
    Density {
        list: PathBuf,
        model: String,
        density: f64,
    },
    #[error(
        "{list}: there is no density, so lambda is one divided by that of the command line, which \
         is {lambda}: it must be a number other than 0"
    )]
    Lambda { list: PathBuf, lambda: f64 },
    #[error(transparent)]
    Parameter(#[from] ParameterError),
}
