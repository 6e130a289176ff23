//! Buffers that begin on a page, so that their blocks can go past the page cache.

use crate::exec::cpu::pages::{LARGE_PAGE, advise_large};
use crate::plan::PAGE_BYTES;

/// The alignment of direct writes.
const PAGE: usize = PAGE_BYTES as usize;

/// A reusable buffer whose first byte lies on a page boundary, of a large page if it has one.
#[derive(Debug, Default)]
pub(in crate::merge) struct Buffer {
    bytes: Vec<u8>,
    begin: usize,
}

impl Buffer {
    /// A buffer for at most `len` bytes. Pages that are never used cost no memory.
    pub(in crate::merge) fn with_capacity(len: usize) -> Buffer {
        let mut buffer = Buffer::default();
        buffer.take(len);
        buffer
    }

    /// At least `len` bytes. What they hold is left from earlier use.
    pub(in crate::merge) fn take(&mut self, len: usize) -> &mut [u8] {
        if self.bytes.len() < self.begin + len {
            // Dropped first, so that the old and the new buffer are never held together.
            self.bytes = Vec::new();
            let align = match len < LARGE_PAGE {
                true => PAGE,
                false => LARGE_PAGE,
            };
            self.bytes = vec![0; len + align];
            self.begin = self.bytes.as_ptr().align_offset(align);
            advise_large(&mut self.bytes[self.begin..][..len]);
        }
        &mut self.bytes[self.begin..][..len]
    }

    /// The first `len` bytes of what was taken last.
    pub(in crate::merge) fn get(&self, len: usize) -> &[u8] {
        &self.bytes[self.begin..][..len]
    }
}
