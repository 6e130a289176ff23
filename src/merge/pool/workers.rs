//! The workers.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::merge::MergeError;

/// Lets the lanes do items `0..count`, each in the next free lane. The first error ends it.
pub(in crate::merge) fn run<L: Send>(
    cancel: &AtomicBool,
    lanes: &mut [L],
    count: usize,
    work: impl Fn(&mut L, usize) -> Result<(), MergeError> + Sync,
) -> Result<(), MergeError> {
    let next = AtomicUsize::new(0);
    let failed: Mutex<Option<MergeError>> = Mutex::new(None);
    let active = lanes.len().min(count);
    std::thread::scope(|scope| {
        for lane in &mut lanes[..active] {
            scope.spawn(|| {
                loop {
                    let item = next.fetch_add(1, Ordering::Relaxed);
                    if item >= count {
                        return;
                    }
                    let done = match cancel.load(Ordering::Relaxed) {
                        true => Err(MergeError::Interrupted),
                        false => work(lane, item),
                    };
                    if let Err(fault) = done {
                        next.store(count, Ordering::Relaxed);
                        let mut failed = failed.lock().unwrap_or_else(PoisonError::into_inner);
                        failed.get_or_insert(fault);
                        return;
                    }
                }
            });
        }
    });
    match failed.into_inner().unwrap_or_else(PoisonError::into_inner) {
        Some(fault) => Err(fault),
        None => Ok(()),
    }
}
