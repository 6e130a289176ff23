//! Large pages for large buffers.

/// Bytes of a large page, on most machines.
pub const LARGE_PAGE: usize = 2 << 20;

/// Asks the system to back the bytes, as far as they are whole large pages, by such: what is read
/// or written at a device's own pace is then found and pinned in a few steps. Where it cannot,
/// nothing changes.
pub fn advise_large(bytes: &mut [u8]) {
    let begin = bytes.as_ptr().align_offset(LARGE_PAGE);
    let Some(inner) = bytes.get_mut(begin..) else {
        return;
    };
    let len = inner.len() / LARGE_PAGE * LARGE_PAGE;
    if len == 0 {
        return;
    }
    #[cfg(target_os = "linux")]
    {
        use rustix::mm::{Advice, madvise};
        let address = inner.as_mut_ptr().cast();
        // SAFETY: the range lies in `bytes`; the advice changes no byte of it.
        let _ = unsafe { madvise(address, len, Advice::LinuxHugepage) };
    }
}

/// Freed blocks of at least so many bytes go back to the system.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const GIVEN_BACK: i32 = 4 << 20;

/// Has the allocator of the process give large blocks back when they are freed. That of GNU keeps
/// up to 64 MiB for every thread, once blocks of such sizes were freed, which no budget knows of.
/// Elsewhere nothing changes.
pub fn give_large_blocks_back() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    for parameter in [libc::M_MMAP_THRESHOLD, libc::M_TRIM_THRESHOLD] {
        // SAFETY: the call sets a number of the allocator, which locks what it changes.
        unsafe { libc::mallopt(parameter, GIVEN_BACK) };
    }
}
