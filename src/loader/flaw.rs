//! What can be wrong with an output that is loaded.

use std::path::PathBuf;

use crate::figures::counted;

/// What keeps an output from being looked at.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum LoaderError {
    #[error("{path}: {fault}")]
    Io {
        path: PathBuf,
        fault: std::io::Error,
    },
    #[error("{path}: holds no .safetensors file")]
    NoWeights { path: PathBuf },
    #[error("{path}: holds no hash")]
    NoSums { path: PathBuf },
    #[error("{path}: {text} is no line of `sha256sum`: 64 hexadecimal digits, and a name")]
    Sum { path: PathBuf, text: String },
}

/// Something that a program would stumble over that loads the output.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum Flaw {
    #[error("{file}: {fault}")]
    Structure { file: PathBuf, fault: String },
    #[error("{index}: {fault}")]
    Index { index: PathBuf, fault: String },
    #[error("{file}: holds tensor `{tensor}`, which the index {index} does not name")]
    Unnamed {
        file: PathBuf,
        index: PathBuf,
        tensor: String,
    },
    #[error("{file}: its SHA-256 is {found}, {what} is {wanted}")]
    Hash {
        file: PathBuf,
        what: String,
        found: String,
        wanted: String,
    },
    #[error(
        "{folder}: its weights are in {}, and no index says what is in which",
        counted(*files, "file")
    )]
    NoIndex { folder: PathBuf, files: usize },
    #[error("{file}: is not there, though a hash of it is given")]
    Absent { file: PathBuf },
    #[error("{file}: no hash of it is given")]
    NoHash { file: PathBuf },
    #[error(
        "{file}: tensor `{tensor}` is not finite at element {element}{}",
        more(*count)
    )]
    NonFinite {
        file: PathBuf,
        tensor: String,
        element: u64,
        count: u64,
    },
    #[error("{config}: is no JSON object: {fault}")]
    NoConfig { config: PathBuf, fault: String },
    #[error("{config}: says {says}, but {found}")]
    Config {
        config: PathBuf,
        says: String,
        found: String,
    },
}

/// How many elements there are besides the first.
fn more(count: u64) -> String {
    match count {
        0 | 1 => String::new(),
        count => format!(", of {} that are not", counted(count, "element")),
    }
}
