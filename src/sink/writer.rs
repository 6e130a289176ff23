//! Positional writing, past the page cache where possible.
//!
//! A write is cut into an unaligned head, an aligned middle and an unaligned tail. The middle goes
//! through a descriptor opened with `O_DIRECT`, if its memory address is aligned too; the rest goes
//! through the page cache. Callers get the most out of it when they place a block so that its
//! address and its position in the file are equal modulo [`DIRECT_ALIGNMENT`].
//!
//! Mixing both ways in one file is safe here because no page is written both ways: a page that one
//! write covers whole lies in that write's middle, a page shared by neighbours (or by the header
//! and the first block) is a tail of the one and a head of the other, and so goes through the page
//! cache twice. This holds in any order and from many threads, as long as every byte is written
//! once. It needs the cut to be made at whole pages, which are larger than 4096 bytes on some
//! machines.

use std::fs::File;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};

/// What the memory address of a block has to be a multiple of, in bytes, to be written directly.
pub const DIRECT_ALIGNMENT: usize = 4096;

/// The way past the page cache, if there is one.
#[derive(Debug)]
pub(super) struct Writer {
    direct: Option<File>,
    /// Cleared when the system refuses a direct write for a reason of form (`EINVAL`).
    usable: AtomicBool,
    /// The cuts are made at multiples of this many bytes of the file.
    page_bytes: u64,
}

impl Writer {
    /// A writer past the page cache, as far as the system has one for `file`.
    pub(super) fn direct(file: &File) -> Self {
        #[cfg(target_os = "linux")]
        let (direct, page_bytes) = (
            super::linux::open_direct(file).ok(),
            super::linux::page_bytes().max(DIRECT_ALIGNMENT as u64),
        );
        #[cfg(not(target_os = "linux"))]
        let (direct, page_bytes) = {
            let _ = file;
            (None, DIRECT_ALIGNMENT as u64)
        };
        Self {
            usable: AtomicBool::new(direct.is_some()),
            direct,
            page_bytes,
        }
    }

    /// A writer through the page cache.
    pub(super) fn buffered() -> Self {
        Self {
            direct: None,
            usable: AtomicBool::new(false),
            page_bytes: DIRECT_ALIGNMENT as u64,
        }
    }

    /// Whether aligned blocks go past the page cache.
    pub(super) fn is_direct(&self) -> bool {
        self.usable.load(Ordering::Relaxed)
    }

    /// Puts all of `bytes` at `position` of the file behind `buffered`.
    pub(super) fn write(&self, buffered: &File, position: u64, bytes: &[u8]) -> io::Result<()> {
        let Some((start, end)) = self.middle(position, bytes) else {
            return write_all_at(buffered, position, bytes);
        };
        write_all_at(buffered, position, &bytes[..start])?;
        let done = start + self.write_direct(position + start as u64, &bytes[start..end])?;
        // Usually the tail alone; more where the system stopped taking direct writes.
        write_all_at(buffered, position + done as u64, &bytes[done..])
    }

    /// The part of `bytes` that may be written directly, as a range of indices.
    fn middle(&self, position: u64, bytes: &[u8]) -> Option<(usize, usize)> {
        if !self.is_direct() {
            return None;
        }
        let from = position.checked_next_multiple_of(self.page_bytes)?;
        let end = position + bytes.len() as u64;
        let to = end - end % self.page_bytes;
        if from >= to {
            return None;
        }
        let (start, end) = ((from - position) as usize, (to - position) as usize);
        let aligned = bytes[start..]
            .as_ptr()
            .addr()
            .is_multiple_of(DIRECT_ALIGNMENT);
        aligned.then_some((start, end))
    }

    /// Writes whole pages directly and returns how many bytes of them it got done. Less than all
    /// means that the rest has to go through the page cache, by the same thread, afterwards.
    fn write_direct(&self, position: u64, bytes: &[u8]) -> io::Result<usize> {
        let Some(direct) = &self.direct else {
            return Ok(0);
        };
        let mut done = 0;
        while done < bytes.len() {
            match write_at(direct, &bytes[done..], position + done as u64) {
                Ok(count) => {
                    // A short write may end anywhere; what is left has to begin at a page again.
                    let whole = count - count % self.page_bytes as usize;
                    if whole == 0 {
                        break;
                    }
                    done += whole;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::InvalidInput => {
                    self.usable.store(false, Ordering::Relaxed);
                    break;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(done)
    }
}

/// Writes all of `bytes` at `position`, however often the system stops short.
pub(super) fn write_all_at(file: &File, position: u64, bytes: &[u8]) -> io::Result<()> {
    let mut done = 0;
    while done < bytes.len() {
        match write_at(file, &bytes[done..], position + done as u64) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(count) => done += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

#[cfg(unix)]
fn write_at(file: &File, bytes: &[u8], position: u64) -> io::Result<usize> {
    std::os::unix::fs::FileExt::write_at(file, bytes, position)
}

#[cfg(windows)]
fn write_at(file: &File, bytes: &[u8], position: u64) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_write(file, bytes, position)
}
