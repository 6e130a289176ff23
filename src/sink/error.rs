//! What can go wrong while putting bytes on a disk, each with its path and the way out.

use std::io;
use std::path::{Path, PathBuf};

use crate::figures::binary;
use crate::files;

/// Why an output cannot be, or was not, written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SinkError {
    /// A name in the layout cannot be a file name.
    #[error("output name {name:?} {reason}")]
    BadName {
        /// The name as given.
        name: PathBuf,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The folder that is to hold the output is missing.
    #[error("{output}: its folder {folder} does not exist; create it first")]
    MissingFolder {
        /// The output as given.
        output: PathBuf,
        /// The missing folder.
        folder: PathBuf,
    },
    /// Something that is no folder stands where a folder is needed.
    #[error("{output}: {folder} is needed as a folder but is a file; choose another output path")]
    NotFolder {
        /// The output as given.
        output: PathBuf,
        /// The file in the way, which may be the output itself.
        folder: PathBuf,
    },
    /// A folder stands where one file is to go.
    #[error("{output} is a folder but the output is one file; give a file name inside it")]
    IsFolder {
        /// The file that was to be written.
        output: PathBuf,
    },
    /// A device, pipe or socket stands where a file is to go.
    #[error("{output} is not a regular file and is never replaced; choose another output path")]
    NotRegular {
        /// The path as given.
        output: PathBuf,
    },
    /// The output file exists and overwriting was not asked for.
    #[error("{output} already exists; choose another name or pass --force to overwrite it")]
    Exists {
        /// The existing file.
        output: PathBuf,
    },
    /// The output folder exists, holds something, and overwriting was not asked for.
    #[error(
        "{output} already exists and is not empty; choose another name or pass --force to replace \
         the model in it: its weights and indexes go, other files stay"
    )]
    NotEmpty {
        /// The existing folder.
        output: PathBuf,
    },
    /// Another merge is writing into the folder.
    #[error("{output}: another merge is writing into it; wait for it or choose another output")]
    Busy {
        /// The folder.
        output: PathBuf,
    },
    /// The folder holds weights that are no earlier output's.
    #[error(
        "{output} holds {file}, which a loader would read with the output; --force replaces the \
         weights of an earlier output alone, so move it away or choose another folder"
    )]
    Mixes {
        /// The folder.
        output: PathBuf,
        /// The file, relative to it.
        file: PathBuf,
    },
    /// The process may have fewer files open than a merge needs.
    #[error(
        "{output}: a merge needs at least {} open files, this process may have {limit}; raise the \
         limit (`ulimit -n`)",
        files::NEEDED
    )]
    TooManyFiles {
        /// The output.
        output: PathBuf,
        /// Files that the process may have open.
        limit: u64,
    },
    /// The files of a folder were replaced in part, and could not be put back.
    #[error(
        "{output}: {source}, and its old files could not be put back from {aside}; put them back \
         by hand or run the merge again with --force"
    )]
    HalfReplaced {
        /// The folder.
        output: PathBuf,
        /// Where the old files are.
        aside: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The user may not create files in the folder.
    #[error("{output}: cannot create files in {folder} ({source}); choose a writable folder")]
    NotWritable {
        /// The output as given.
        output: PathBuf,
        /// The folder that refuses.
        folder: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// What is at a path cannot be found out.
    #[error("cannot inspect {path}: {source}; choose another output path")]
    Unseen {
        /// The path.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A file that is to be copied along is not there.
    #[error("{origin}, to be copied to {name} in the output, is not a file")]
    NoOrigin {
        /// Where the copy was to be taken from.
        origin: PathBuf,
        /// Its relative name in the output.
        name: PathBuf,
    },
    /// A file that is to be copied along may not be read.
    #[error("{origin}, which is to be copied along, cannot be read: {source}; let it be read")]
    NotReadable {
        /// Where the copy was to be taken from.
        origin: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A file that is to be copied along changed.
    #[error("{origin} changed while it was copied to {name} in the output; run the merge again")]
    OriginChanged {
        /// Where the copy was taken from.
        origin: PathBuf,
        /// Its relative name in the output.
        name: PathBuf,
    },
    /// The disk is too full to begin.
    #[error(
        "{output}: needs {needed} bytes ({}) but {folder} has {available} bytes ({}) free; \
         free some space or choose another disk", binary(*needed), binary(*available)
    )]
    NoSpace {
        /// The output as given.
        output: PathBuf,
        /// The folder whose disk was asked.
        folder: PathBuf,
        /// Bytes that the whole output takes.
        needed: u64,
        /// Bytes that the user may still write there.
        available: u64,
    },
    /// The disk, or the user's quota on it, filled up during the merge.
    #[error(
        "{path}: the disk is full with {remaining} bytes ({}) of the output still to write; \
         free some space or choose another disk", binary(*remaining)
    )]
    DiskFull {
        /// The file that met the end of the disk, by its final name.
        path: PathBuf,
        /// Bytes of the whole output that were not written yet.
        remaining: u64,
    },
    /// Somebody else created the output after the check before the merge.
    #[error("{output} appeared while merging and was left alone; choose another name")]
    Appeared {
        /// The path that was free when the merge began.
        output: PathBuf,
    },
    /// The sink was finished too early; the caller is at fault, not the user.
    #[error("{path}: {written} of {expected} data bytes were written; nothing was published")]
    Incomplete {
        /// The file by its final name.
        path: PathBuf,
        /// Data bytes that arrived.
        written: u64,
        /// Data bytes that the layout announces.
        expected: u64,
    },
    /// Any other refusal of the system.
    #[error("cannot {operation} {path}: {source}")]
    Io {
        /// What was tried, as a verb.
        operation: &'static str,
        /// On which file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

impl SinkError {
    /// Wraps a refusal of the system; a full disk gets its own variant.
    pub(super) fn io(
        operation: &'static str,
        path: &Path,
        remaining: u64,
        source: io::Error,
    ) -> Self {
        let path = path.to_path_buf();
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                Self::DiskFull { path, remaining }
            }
            _ => Self::Io {
                operation,
                path,
                source,
            },
        }
    }
}
