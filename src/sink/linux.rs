//! The system calls that only Linux has: unnamed files, reserved space, direct writes.
//!
//! An open file is reached again through `/proc/self/fd/N`, which works without privileges and
//! for a file that has no name.

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::path::Path;

use rustix::fs::{AtFlags, CWD, FallocateFlags, Mode, OFlags};
use rustix::io::{Errno, retry_on_intr};

/// Opens a file without a name in `folder`, provided that it can be given one later.
pub(super) fn open_unnamed(folder: &Path) -> io::Result<File> {
    let flags = OFlags::TMPFILE | OFlags::WRONLY | OFlags::CLOEXEC;
    let mode = Mode::from_raw_mode(0o666);
    let file = File::from(retry_on_intr(|| rustix::fs::open(folder, flags, mode))?);
    // A container may lack /proc: better known now than after the merge.
    std::fs::metadata(proc_path(&file))?;
    Ok(file)
}

/// Gives an unnamed file the name `path`, which must be free.
pub(super) fn link(file: &File, path: &Path) -> io::Result<()> {
    let from = proc_path(file);
    let follow = AtFlags::SYMLINK_FOLLOW;
    Ok(retry_on_intr(|| {
        rustix::fs::linkat(CWD, from.as_str(), CWD, path, follow)
    })?)
}

/// Claims `bytes` of disk. A file system that cannot do that is no error; a full one is.
pub(super) fn allocate(file: &File, bytes: u64) -> io::Result<()> {
    let claim = || rustix::fs::fallocate(file, FallocateFlags::empty(), 0, bytes);
    match retry_on_intr(claim) {
        Ok(()) | Err(Errno::OPNOTSUPP | Errno::NOSYS) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// A second descriptor of the same file that writes past the page cache.
pub(super) fn open_direct(file: &File) -> io::Result<File> {
    let flags = OFlags::DIRECT | OFlags::WRONLY | OFlags::CLOEXEC;
    let path = proc_path(file);
    let open = || rustix::fs::open(path.as_str(), flags, Mode::empty());
    Ok(File::from(retry_on_intr(open)?))
}

/// Bytes of a page of the page cache, a power of two.
pub(super) fn page_bytes() -> u64 {
    rustix::param::page_size() as u64
}

fn proc_path(file: &File) -> String {
    format!("/proc/self/fd/{}", file.as_raw_fd())
}
