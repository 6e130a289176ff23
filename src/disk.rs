//! What a disk has room for.

use std::io;
use std::path::Path;

/// Bytes that the user may still write on the disk of a folder; None where that is not told.
///
/// # Errors
/// What the system says where it does not look at the folder.
#[cfg(unix)]
pub fn available_bytes(folder: &Path) -> io::Result<Option<u64>> {
    let space = rustix::fs::statvfs(folder)?;
    // Some network and user-space file systems do not count blocks and say that they have none.
    Ok((space.f_blocks > 0).then(|| space.f_bavail.saturating_mul(space.f_frsize)))
}

#[cfg(not(unix))]
#[expect(missing_docs, reason = "it is documented above")]
pub fn available_bytes(_folder: &Path) -> io::Result<Option<u64>> {
    Ok(None)
}
