//! The workers.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use crate::merge::MergeError;

/// Lets the lanes do items `0..count`, each in the next free lane. The first error ends it. Where
/// the system starts no further thread, those that run and the caller's do the work.
pub(in crate::merge) fn run<L: Send>(
    cancel: &AtomicBool,
    lanes: &mut [L],
    count: usize,
    work: impl Fn(&mut L, usize) -> Result<(), MergeError> + Sync,
) -> Result<(), MergeError> {
    let items = Items {
        cancel,
        next: AtomicUsize::new(0),
        count,
        failed: Mutex::default(),
    };
    let active = lanes.len().min(count);
    if let Some((own, others)) = lanes[..active].split_first_mut() {
        thread::scope(|scope| {
            for lane in others {
                let started =
                    thread::Builder::new().spawn_scoped(scope, || items.work_off(lane, &work));
                if started.is_err() {
                    break;
                }
            }
            items.work_off(own, &work);
        });
    }
    let failed = items.failed.into_inner();
    failed
        .unwrap_or_else(PoisonError::into_inner)
        .map_or(Ok(()), Err)
}

/// Items that are taken one by one.
struct Items<'a> {
    cancel: &'a AtomicBool,
    next: AtomicUsize,
    count: usize,
    failed: Mutex<Option<MergeError>>,
}

impl Items<'_> {
    /// Does items until there are none.
    fn work_off<L>(
        &self,
        lane: &mut L,
        work: &(impl Fn(&mut L, usize) -> Result<(), MergeError> + Sync),
    ) {
        loop {
            let item = self.next.fetch_add(1, Ordering::Relaxed);
            if item >= self.count {
                return;
            }
            let done = match self.cancel.load(Ordering::Relaxed) {
                true => Err(MergeError::Interrupted),
                false => work(lane, item),
            };
            if let Err(fault) = done {
                self.next.store(self.count, Ordering::Relaxed);
                let mut failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
                failed.get_or_insert(fault);
                return;
            }
        }
    }
}
