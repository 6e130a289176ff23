//! Files in memory: weights as loaders map them, texts as far as they may go.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use memmap2::Mmap;

use super::LoaderError;
use crate::figures::human;

/// A mapped file.
#[derive(Debug)]
pub(super) struct Mapped(Mmap);

impl Mapped {
    /// Maps a file.
    #[expect(
        unsafe_code,
        reason = "loaders map files, and this shows what they meet. Bytes are only read, and none \
            is trusted; a file that another program cuts short meanwhile ends the process"
    )]
    pub fn open(path: &Path) -> Result<Mapped, LoaderError> {
        let failed = |fault| LoaderError::Io {
            path: path.to_owned(),
            fault,
        };
        if !std::fs::metadata(path).map_err(failed)?.is_file() {
            return Err(failed(std::io::Error::other("it is no file")));
        }
        let file = File::open(path).map_err(failed)?;
        // SAFETY: the bytes are read as numbers of no meaning, so that one that changes is another
        // number.
        let mapped = unsafe { Mmap::map(&file) };
        Ok(Mapped(mapped.map_err(failed)?))
    }

    /// Its bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// Gives the memory back that some of its bytes take; they are read again where they are looked
    /// at again.
    #[cfg_attr(
        unix,
        expect(
            unsafe_code,
            reason = "memory that shows a file has nothing to lose: pages come back from the file"
        )
    )]
    pub fn release(&self, bytes: &[u8]) {
        #[cfg(unix)]
        {
            let start = bytes.as_ptr().addr() - self.0.as_ptr().addr();
            let advice = memmap2::UncheckedAdvice::DontNeed;
            // SAFETY: the map is of a file and is never written.
            let given = unsafe { self.0.unchecked_advise_range(advice, start, bytes.len()) };
            // Where the system does not take it, it takes the memory when it needs it.
            let _ = given;
        }
        #[cfg(not(unix))]
        let _ = bytes;
    }
}

/// Reads a file of at most so many bytes.
pub(super) fn read_some(path: &Path, bytes_max: u64) -> io::Result<Vec<u8>> {
    if !std::fs::metadata(path)?.is_file() {
        return Err(io::Error::other("it is no file"));
    }
    let mut text = Vec::new();
    File::open(path)?
        .take(bytes_max + 1)
        .read_to_end(&mut text)?;
    match text.len() as u64 > bytes_max {
        true => Err(io::Error::other(format!(
            "it is longer than {}",
            human(bytes_max)
        ))),
        false => Ok(text),
    }
}
