//! What the lanes of a merge share: the permits to compute, and what they hold of `--threads`.

// The room is private, and what a permit promises shows from nowhere else.
#[path = "../src/merge/pool/permits.rs"]
mod permits;

#[cfg(target_os = "linux")]
mod threads;

mod stages;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use permits::Permits;

/// How many of `threads` threads work at the same time at most, as `work` lets them.
fn most_at_once(threads: usize, work: impl Fn(&dyn Fn()) + Sync) -> usize {
    let (now, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let busy = || {
        most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        std::thread::sleep(Duration::from_millis(2));
        now.fetch_sub(1, Ordering::SeqCst);
    };
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| (0..10).for_each(|_| work(&busy)));
        }
    });
    most.into_inner()
}

#[test]
fn no_more_threads_compute_than_there_are_permits() {
    for threads in [1, 2, 3] {
        let permits = Permits::new(threads);
        assert_eq!(most_at_once(8, |busy| permits.with(busy)), threads);
    }
    assert_eq!(Permits::new(0).with(|| 7), 7);
}

#[test]
fn a_permit_comes_back_however_the_work_ends() {
    let permits = Permits::new(1);
    let ended = catch_unwind(AssertUnwindSafe(|| permits.with(|| panic!("on purpose"))));
    assert!(ended.is_err());
    assert_eq!(permits.with(|| 7), 7);
}

#[test]
#[cfg(debug_assertions)]
fn who_holds_a_permit_asks_for_no_other() {
    let permits = Permits::new(2);
    let nested = || permits.with(|| permits.with(|| ()));
    assert!(catch_unwind(AssertUnwindSafe(nested)).is_err());
    assert_eq!(permits.with(|| 7), 7);
}
