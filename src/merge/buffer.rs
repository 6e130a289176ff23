//! Buffers that begin on a page, so that their blocks can go past the page cache.

/// Bytes of a page, the alignment of direct writes.
pub(super) const PAGE: usize = 4096;

/// A reusable buffer whose first byte lies on a page boundary.
#[derive(Debug, Default)]
pub(super) struct Buffer {
    bytes: Vec<u8>,
    begin: usize,
}

impl Buffer {
    /// A buffer for at most `len` bytes. Pages that are never used cost no memory.
    pub(super) fn with_capacity(len: usize) -> Buffer {
        let mut buffer = Buffer::default();
        buffer.take(len);
        buffer
    }

    /// At least `len` bytes. What they hold is left from earlier use.
    pub(super) fn take(&mut self, len: usize) -> &mut [u8] {
        if self.bytes.len() < self.begin + len {
            // Dropped first, so that the old and the new buffer are never held together.
            self.bytes = Vec::new();
            self.bytes = vec![0; len + PAGE];
            self.begin = self.bytes.as_ptr().align_offset(PAGE);
        }
        &mut self.bytes[self.begin..][..len]
    }

    /// The first `len` bytes of what was taken last.
    pub(super) fn get(&self, len: usize) -> &[u8] {
        &self.bytes[self.begin..][..len]
    }
}
