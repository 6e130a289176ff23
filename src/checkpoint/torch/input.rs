//! The bytes of a pickle, read as far as they are needed.

use super::fault::{Stop, TorchError};
use crate::checkpoint::file::WeightFile;

/// The longest pickle that is read, in bytes: twice what a hundred thousand tensors take.
pub(super) const PICKLE_BYTES_MAX: usize = 64 << 20;
/// Bytes that are read at a time, at first.
const BLOCK_BYTES: usize = 64 << 10;

/// A part of a file that is read from its beginning on.
pub(super) struct Input<'f> {
    file: &'f WeightFile,
    /// Where the part begins in the file.
    start: u64,
    /// Its length.
    len: u64,
    bytes: Vec<u8>,
    at: usize,
}

impl<'f> Input<'f> {
    pub(super) fn new(file: &'f WeightFile, start: u64, len: u64) -> Input<'f> {
        let bytes = Vec::new();
        Input {
            file,
            start,
            len,
            bytes,
            at: 0,
        }
    }

    /// How many bytes were taken.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// The next bytes; None where the part ends before them.
    pub(super) fn take(&mut self, count: u64) -> Result<Option<&[u8]>, Stop> {
        let end = (self.at as u64).saturating_add(count);
        if end > self.len {
            return Ok(None);
        }
        self.reach(end)?;
        let taken = &self.bytes[self.at..end as usize];
        self.at = end as usize;
        Ok(Some(taken))
    }

    /// The bytes up to the end of the line, which is left out; None where there is no end.
    pub(super) fn line(&mut self) -> Result<Option<&[u8]>, Stop> {
        let mut from = self.at;
        loop {
            if let Some(len) = self.bytes[from..].iter().position(|byte| *byte == b'\n') {
                let line = self.at..from + len;
                self.at = line.end + 1;
                return Ok(Some(&self.bytes[line]));
            }
            from = self.bytes.len();
            if from as u64 >= self.len {
                return Ok(None);
            }
            self.reach(from as u64 + 1)?;
        }
    }

    /// Reads on until there are so many bytes, within the limit.
    fn reach(&mut self, end: u64) -> Result<(), Stop> {
        if end > PICKLE_BYTES_MAX as u64 {
            return Err(TorchError::TooLong {
                max: PICKLE_BYTES_MAX,
            }
            .into());
        }
        let there = self.bytes.len();
        if end as usize <= there {
            return Ok(());
        }
        let most = self.len.min(PICKLE_BYTES_MAX as u64) as usize;
        let block = BLOCK_BYTES.max(there);
        let wanted = (end as usize).max(there + block).min(most);
        self.bytes.resize(wanted, 0);
        let read = self
            .file
            .read_at(self.start + there as u64, &mut self.bytes[there..]);
        if read.is_err() {
            self.bytes.truncate(there);
        }
        Ok(read?)
    }
}
