//! The workers.

use std::iter::Enumerate;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use crate::merge::MergeError;

/// Lets the lanes do items, which are numbered and handed out in order, each to the next free lane.
/// An error ends it; but where the values are at fault, the items that lie `before` the faulty one
/// are still done, so that the error is the first in that order whichever lane was faster. Where
/// the system starts no further thread, those that run and the caller's do the work.
pub(in crate::merge) fn run<L: Send, T: Send>(
    cancel: &AtomicBool,
    lanes: &mut [L],
    items: impl Iterator<Item = T> + Send,
    before: impl Fn(&T, &T) -> bool + Sync,
    work: impl Fn(&mut L, usize, &T) -> Result<(), MergeError> + Sync,
) -> Result<(), MergeError> {
    let items = Items {
        cancel,
        left: Mutex::new(items.enumerate()),
        ended: AtomicBool::new(false),
        before,
        failed: Mutex::default(),
    };
    if let Some((own, others)) = lanes.split_first_mut() {
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
struct Items<'a, I: Iterator, B> {
    cancel: &'a AtomicBool,
    left: Mutex<Enumerate<I>>,
    ended: AtomicBool,
    before: B,
    failed: Mutex<Option<Failed<I::Item>>>,
}

/// The item whose error is told.
struct Failed<T> {
    item: T,
    fault: MergeError,
}

impl<I: Iterator, B: Fn(&I::Item, &I::Item) -> bool> Items<'_, I, B> {
    /// Does items until there are none.
    fn work_off<L>(
        &self,
        lane: &mut L,
        work: &(impl Fn(&mut L, usize, &I::Item) -> Result<(), MergeError> + Sync),
    ) {
        while !self.ended.load(Ordering::Relaxed) {
            let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
            let next = left.next();
            drop(left);
            let Some((number, item)) = next else { return };
            if !self.is_wanted(&item) {
                continue;
            }
            let done = match self.cancel.load(Ordering::Relaxed) {
                true => Err(MergeError::Interrupted),
                false => work(lane, number, &item),
            };
            if let Err(fault) = done {
                self.fail(Failed { item, fault });
            }
        }
    }

    /// Whether what an item may end in would be told.
    fn is_wanted(&self, item: &I::Item) -> bool {
        let failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        let known = failed.as_ref();
        known.is_none_or(|known| (self.before)(item, &known.item))
    }

    fn fail(&self, new: Failed<I::Item>) {
        let of_values = new.fault.is_of_values();
        if !of_values {
            self.ended.store(true, Ordering::Relaxed);
        }
        let mut failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        let is_first = |known: &Failed<I::Item>| match (known.fault.is_of_values(), of_values) {
            (true, true) => (self.before)(&new.item, &known.item),
            (known, _) => known,
        };
        if failed.as_ref().is_none_or(is_first) {
            *failed = Some(new);
        }
    }
}
