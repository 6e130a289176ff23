//! The system calls that only Linux has: unnamed files, reserved space, direct writes.
//!
//! An open file is reached again through `/proc/self/fd/N`, which works without privileges and
//! for a file that has no name.

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::path::Path;

use rustix::fs::{
    AtFlags, CWD, FallocateFlags, Mode, OFlags, RenameFlags, StatxAttributes, StatxFlags,
};
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

/// Whether an error says that the process, the disk or the user has no more of something.
pub(super) fn is_want(error: &io::Error) -> bool {
    let want = [Errno::MFILE, Errno::NFILE, Errno::NOSPC, Errno::DQUOT];
    Errno::from_io_error(error).is_some_and(|errno| want.contains(&errno))
}

/// Exchanges what two paths name, in one step.
pub(super) fn exchange(one: &Path, other: &Path) -> io::Result<()> {
    rename_with(one, other, RenameFlags::EXCHANGE)
}

/// Renames, unless the new name is taken.
pub(super) fn rename_new(from: &Path, to: &Path) -> io::Result<()> {
    rename_with(from, to, RenameFlags::NOREPLACE)
}

fn rename_with(from: &Path, to: &Path, flags: RenameFlags) -> io::Result<()> {
    let rename = || rustix::fs::renameat_with(CWD, from, CWD, to, flags);
    Ok(retry_on_intr(rename)?)
}

/// Whether something is mounted at a folder, as far as the system tells.
pub(super) fn is_mount(folder: &Path) -> bool {
    let found = rustix::fs::statx(CWD, folder, AtFlags::empty(), StatxFlags::BASIC_STATS);
    found.is_ok_and(|found| found.stx_attributes.contains(StatxAttributes::MOUNT_ROOT))
}

/// Whether a folder has attributes besides owner and access rights, such as access lists.
pub(super) fn has_attributes(folder: &Path) -> bool {
    let mut names = [0; 4096];
    match rustix::fs::listxattr(folder, &mut names) {
        Ok(length) => {
            let names = names[..length].split(|&byte| byte == 0);
            // What a security module sets by itself it sets for the new folder too.
            let mut names = names.filter(|name| !name.is_empty());
            names.any(|name| !name.starts_with(b"security."))
        }
        Err(error) => error == Errno::RANGE,
    }
}

/// Bytes of a page of the page cache, a power of two.
pub(super) fn page_bytes() -> u64 {
    rustix::param::page_size() as u64
}

fn proc_path(file: &File) -> String {
    format!("/proc/self/fd/{}", file.as_raw_fd())
}
