//! Work on a list, in several threads.

use std::thread;

/// Works on equal shares of `items`, each of at least `least` of them and each in a thread of its
/// own: in at most so many `threads`, as far as the system starts them. Returns what they gave, in
/// order.
pub(crate) fn in_shares<'i, T: Sync, R: Send>(
    items: &'i [T],
    (threads, least): (usize, usize),
    work: impl Fn(&'i [T]) -> R + Sync,
) -> Vec<R> {
    let threads = threads.min(items.len().div_ceil(least)).max(1);
    if threads == 1 {
        return vec![work(items)];
    }
    let shares = items.chunks(items.len().div_ceil(threads).max(1));
    let work = &work;
    thread::scope(|scope| {
        let workers: Vec<_> = shares
            .map(|share| {
                let started = thread::Builder::new().spawn_scoped(scope, move || work(share));
                // What no thread does is done here.
                started.map_err(|_| work(share))
            })
            .collect();
        let results = workers.into_iter().map(|worker| match worker {
            Err(result) => result,
            Ok(worker) => match worker.join() {
                Ok(result) => result,
                Err(panic) => std::panic::resume_unwind(panic),
            },
        });
        results.collect()
    })
}
