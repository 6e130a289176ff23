//! Small files that stand beside weights, read as a whole.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// A longer file is no configuration of a model.
pub const CONFIG_BYTES_MAX: u64 = 4 << 20;

/// Why a file beside weights is not read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BesideError {
    /// It is a pipe, a device, a folder or the like.
    #[error("it is not a regular file")]
    NotRegular,
    /// It is longer than any such file.
    #[error("it has {bytes} bytes, more than {max}, which no such file has")]
    TooLong {
        /// Its length.
        bytes: u64,
        /// The length at most.
        max: u64,
    },
    /// The system does not read it.
    #[error("{0}")]
    Io(#[from] io::Error),
}

impl BesideError {
    /// Whether there is no such file.
    pub fn is_absence(&self) -> bool {
        matches!(self, BesideError::Io(fault) if fault.kind() == io::ErrorKind::NotFound)
    }
}

/// The bytes of a file, as many as its length says: what the system makes while it is read has
/// none, and could be waited for without end.
///
/// # Errors
/// [`BesideError`] where it is not there, is no regular file or has more than `max` bytes.
pub fn read_beside(path: &Path, max: u64) -> Result<Vec<u8>, BesideError> {
    // Looked up before it is opened, because opening a pipe would wait for its writer.
    let found = std::fs::metadata(path)?;
    let bytes = found.len();
    match found.is_file() {
        false => return Err(BesideError::NotRegular),
        true if bytes > max => return Err(BesideError::TooLong { bytes, max }),
        true => {}
    }
    let mut read = Vec::new();
    File::open(path)?.take(bytes).read_to_end(&mut read)?;
    Ok(read)
}
