//! The bytes of a pickle, read through a window.

use super::fault::{Stop, TorchError};
use crate::checkpoint::file::WeightFile;

/// The longest pickle that is read, in bytes: twice what a hundred thousand tensors take.
const PICKLE_BYTES_MAX: u64 = 64 << 20;
/// Bytes that are read at a time.
const BLOCK_BYTES: u64 = 64 << 10;
/// The longest text that is kept, in bytes: twenty times the longest names of tensors.
pub(super) const TEXT_BYTES_MAX: usize = 4096;

/// A part of a file that is read from its beginning on.
pub(super) struct Input<'f> {
    file: &'f WeightFile,
    /// Where the part begins in the file.
    start: u64,
    /// Its length.
    len: u64,
    /// Its bytes from `from` on, as far as they were read.
    window: Vec<u8>,
    from: u64,
    at: u64,
}

impl<'f> Input<'f> {
    pub(super) fn new(file: &'f WeightFile, start: u64, len: u64) -> Input<'f> {
        Input {
            file,
            start,
            len,
            window: Vec::new(),
            from: 0,
            at: 0,
        }
    }

    /// How many bytes were taken.
    pub(super) fn at(&self) -> u64 {
        self.at
    }

    /// The next bytes, some few; None where the part ends before them.
    pub(super) fn take(&mut self, count: u64) -> Result<Option<&[u8]>, Stop> {
        let Some(end) = self.end(count)? else {
            return Ok(None);
        };
        self.reach(end)?;
        let begin = (self.at - self.from) as usize;
        self.at = end;
        Ok(Some(&self.window[begin..][..count as usize]))
    }

    /// Passes over the next bytes, however many; false where the part ends before them.
    pub(super) fn skip(&mut self, count: u64) -> Result<bool, Stop> {
        let end = self.end(count)?;
        self.at = end.unwrap_or(self.at);
        Ok(end.is_some())
    }

    /// The bytes up to the end of the line, which is left out; None where there is no end.
    pub(super) fn line(&mut self) -> Result<Option<&[u8]>, Stop> {
        let mut seen = 0;
        loop {
            // The window may end before the bytes that were passed over.
            self.reach(self.at)?;
            let begin = (self.at - self.from) as usize;
            let rest = &self.window[begin + seen..];
            let found = rest.iter().position(|byte| *byte == b'\n');
            seen += found.unwrap_or(rest.len());
            if seen > TEXT_BYTES_MAX {
                return Err(TorchError::TooMany {
                    max: TEXT_BYTES_MAX,
                    what: "bytes of one line",
                }
                .into());
            }
            if found.is_some() {
                self.at += seen as u64 + 1;
                return Ok(Some(&self.window[begin..][..seen]));
            }
            match self.end(seen as u64 + 1)? {
                Some(end) => self.reach(end)?,
                None => return Ok(None),
            }
        }
    }

    /// Where so many bytes end; None behind the part.
    fn end(&self, count: u64) -> Result<Option<u64>, Stop> {
        let end = self.at.saturating_add(count);
        if end > self.len {
            return Ok(None);
        }
        match end > PICKLE_BYTES_MAX {
            true => Err(TorchError::TooLong {
                max: PICKLE_BYTES_MAX,
            }
            .into()),
            false => Ok(Some(end)),
        }
    }

    /// Moves the window on until it reaches from the next byte to `end`.
    fn reach(&mut self, end: u64) -> Result<(), Stop> {
        let there = self.from + self.window.len() as u64;
        if self.at <= there && end <= there {
            return Ok(());
        }
        let taken = (self.at - self.from).min(self.window.len() as u64);
        self.window.drain(..taken as usize);
        self.from = self.at;
        let kept = self.window.len();
        let wanted = (end - self.from).max(BLOCK_BYTES).min(self.len - self.from);
        self.window.resize(wanted as usize, 0);
        let place = self.start + self.from + kept as u64;
        let read = self.file.read_at(place, &mut self.window[kept..]);
        if read.is_err() {
            self.window.truncate(kept);
        }
        Ok(read?)
    }
}
