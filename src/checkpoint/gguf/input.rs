//! The header of a file of GGUF, read through a window.

use super::fault::{GgufError, Stop};
use crate::checkpoint::file::WeightFile;
use crate::checkpoint::header::HEADER_BYTES_MAX;

/// Bytes that are read at a time.
const BLOCK_BYTES: u64 = 64 << 10;
/// The longest text that is kept, in bytes.
const TEXT_BYTES_MAX: u64 = 4096;

/// A header that is read from its beginning on.
pub(super) struct Input<'f> {
    file: &'f WeightFile,
    /// The file's bytes from `from` on, as far as they were read.
    window: Vec<u8>,
    from: u64,
    at: u64,
}

impl<'f> Input<'f> {
    pub(super) fn new(file: &'f WeightFile) -> Input<'f> {
        Input {
            file,
            window: Vec::new(),
            from: 0,
            at: 0,
        }
    }

    /// How many bytes were taken.
    pub(super) fn at(&self) -> u64 {
        self.at
    }

    /// Where a header ends at the latest.
    fn end(&self) -> u64 {
        self.file.len.min(HEADER_BYTES_MAX)
    }

    /// Checks that so many things of a least size fit into what is left.
    pub(super) fn check_room(&self, what: &'static str, count: u64, each: u64) -> Result<(), Stop> {
        let left = self.file.len - self.at;
        match count.checked_mul(each) {
            Some(bytes) if bytes <= left => Ok(()),
            _ => Err(GgufError::Room { what, count, left }.into()),
        }
    }

    /// Passes over bytes.
    pub(super) fn skip(&mut self, count: u64) -> Result<(), Stop> {
        self.at = self.reach(count)?;
        Ok(())
    }

    /// The next bytes, a few.
    fn take(&mut self, count: u64) -> Result<&[u8], Stop> {
        let end = self.reach(count)?;
        let there = self.from + self.window.len() as u64;
        if self.at < self.from || end > there {
            let wanted = count.max(BLOCK_BYTES).min(self.file.len - self.at);
            self.window.resize(wanted as usize, 0);
            self.from = self.at;
            self.file.read_at(self.at, &mut self.window)?;
        }
        let begin = (self.at - self.from) as usize;
        self.at = end;
        Ok(&self.window[begin..][..count as usize])
    }

    /// Where so many bytes end.
    fn reach(&self, count: u64) -> Result<u64, Stop> {
        let end = self.at.checked_add(count).filter(|end| *end <= self.end());
        end.ok_or_else(|| {
            let (at, len) = (self.at, self.file.len);
            match self.end() == len {
                true => GgufError::Truncated { at, len }.into(),
                false => GgufError::TooLong { at }.into(),
            }
        })
    }

    /// A number of 4 bytes.
    pub(super) fn u32(&mut self) -> Result<u32, Stop> {
        let mut bytes = [0; 4];
        bytes.copy_from_slice(self.take(4)?);
        Ok(u32::from_le_bytes(bytes))
    }

    /// A number of 8 bytes.
    pub(super) fn u64(&mut self) -> Result<u64, Stop> {
        let mut bytes = [0; 8];
        bytes.copy_from_slice(self.take(8)?);
        Ok(u64::from_le_bytes(bytes))
    }

    /// A text that is kept.
    pub(super) fn text(&mut self, what: &'static str) -> Result<String, Stop> {
        let (at, bytes) = (self.at, self.u64()?);
        if bytes > TEXT_BYTES_MAX {
            let max = TEXT_BYTES_MAX;
            return Err(GgufError::Text {
                what,
                at,
                bytes,
                max,
            }
            .into());
        }
        let text = std::str::from_utf8(self.take(bytes)?);
        match text {
            Ok(text) => Ok(text.to_owned()),
            Err(_) => Err(GgufError::NotUtf8 { what, at }.into()),
        }
    }

    /// Passes over a text.
    pub(super) fn skip_text(&mut self) -> Result<(), Stop> {
        let bytes = self.u64()?;
        self.skip(bytes)
    }
}
