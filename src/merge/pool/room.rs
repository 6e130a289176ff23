//! Memory that lanes take turns to use.

use std::sync::{Condvar, Mutex, PoisonError};

/// Bytes for what lanes hold of whole tensors. A lane asks for those of one tensor at a time, and
/// none for more than there is, so that everybody who asks is given them in the end.
#[derive(Debug)]
pub(in crate::merge) struct Room {
    free: Mutex<u64>,
    freed: Condvar,
}

impl Room {
    pub(in crate::merge) fn new(bytes: u64) -> Room {
        Room {
            free: Mutex::new(bytes),
            freed: Condvar::new(),
        }
    }

    /// Takes bytes once they are free, until what is returned is dropped.
    pub(in crate::merge) fn take(&self, bytes: u64) -> Taken<'_> {
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        while *free < bytes {
            free = self
                .freed
                .wait(free)
                .unwrap_or_else(PoisonError::into_inner);
        }
        *free -= bytes;
        Taken { room: self, bytes }
    }
}

/// Bytes that a lane has.
#[derive(Debug)]
pub(in crate::merge) struct Taken<'a> {
    room: &'a Room,
    bytes: u64,
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        let free = &self.room.free;
        *free.lock().unwrap_or_else(PoisonError::into_inner) += self.bytes;
        self.room.freed.notify_all();
    }
}
