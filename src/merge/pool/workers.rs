//! The workers.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use crate::merge::MergeError;

/// Lets the lanes do items `0..count`, each in the next free lane. An error ends it; but where the
/// values are at fault, the items that lie `before` the faulty one are still done, so that the
/// error is the first in that order whichever lane was faster. Where the system starts no further
/// thread, those that run and the caller's do the work.
pub(in crate::merge) fn run<L: Send>(
    cancel: &AtomicBool,
    lanes: &mut [L],
    count: usize,
    before: impl Fn(usize, usize) -> bool + Sync,
    work: impl Fn(&mut L, usize) -> Result<(), MergeError> + Sync,
) -> Result<(), MergeError> {
    let items = Items {
        cancel,
        next: AtomicUsize::new(0),
        count,
        before,
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
        .map_or(Ok(()), |failed| Err(failed.fault))
}

/// Items that are taken one by one.
struct Items<'a, B> {
    cancel: &'a AtomicBool,
    next: AtomicUsize,
    count: usize,
    before: B,
    failed: Mutex<Option<Failed>>,
}

/// The item whose error is told.
struct Failed {
    item: usize,
    fault: MergeError,
}

impl<B: Fn(usize, usize) -> bool> Items<'_, B> {
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
            if !self.is_wanted(item) {
                continue;
            }
            let done = match self.cancel.load(Ordering::Relaxed) {
                true => Err(MergeError::Interrupted),
                false => work(lane, item),
            };
            if let Err(fault) = done {
                self.fail(Failed { item, fault });
            }
        }
    }

    /// Whether what an item may end in would be told.
    fn is_wanted(&self, item: usize) -> bool {
        let failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        let known = failed.as_ref();
        known.is_none_or(|known| (self.before)(item, known.item))
    }

    fn fail(&self, new: Failed) {
        let of_values = new.fault.is_of_values();
        if !of_values {
            self.next.store(self.count, Ordering::Relaxed);
        }
        let mut failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        let is_first = |known: &Failed| match (known.fault.is_of_values(), of_values) {
            (true, true) => (self.before)(new.item, known.item),
            (known, _) => known,
        };
        if failed.as_ref().is_none_or(is_first) {
            *failed = Some(new);
        }
    }
}
