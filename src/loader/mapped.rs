//! A file in memory, as loaders map it.

use std::fs::File;
use std::path::Path;

use memmap2::Mmap;

use super::LoaderError;

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
