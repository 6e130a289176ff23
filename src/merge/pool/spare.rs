//! Buffers that are used for a moment, and again by whoever comes next.

use std::sync::{Mutex, PoisonError};

/// Buffers that nobody uses. There are as many as were ever used at once.
#[derive(Debug, Default)]
pub(in crate::merge) struct Spare {
    free: Mutex<Vec<Vec<u8>>>,
}

impl Spare {
    /// A buffer of so many bytes, whatever they are.
    pub(in crate::merge) fn take(&self, len: usize) -> Vec<u8> {
        let mut buffer = {
            let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
            free.pop().unwrap_or_default()
        };
        if buffer.capacity() < len {
            // Its bytes need not be moved.
            buffer.clear();
        }
        buffer.resize(len, 0);
        buffer
    }

    /// Gives a buffer back.
    pub(in crate::merge) fn give(&self, buffer: Vec<u8>) {
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        free.push(buffer);
    }
}
