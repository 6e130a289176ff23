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
