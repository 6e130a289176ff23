//! Where windows of output go: to a file, or beside one that is there.

use super::run::Run;
use crate::merge::MergeError;
use crate::plan::FileId;
use crate::sink::Sink;

/// What takes windows of output.
pub(in crate::merge) trait Put: Sync {
    /// Takes the runs of a window, whose bytes lie at `offset` of the data section of a file.
    fn put(
        &self,
        window: &[Run],
        file: FileId,
        offset: u64,
        bytes: &[u8],
    ) -> Result<(), MergeError>;
}

impl Put for Sink {
    fn put(
        &self,
        _window: &[Run],
        file: FileId,
        offset: u64,
        bytes: &[u8],
    ) -> Result<(), MergeError> {
        Ok(self.write(file.index(), offset, bytes)?)
    }
}
