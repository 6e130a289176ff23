//! Work on a list, on all processors.

/// Works on equal runs of `items`, each of at least `least` of them and each in a thread of its
/// own. Returns what they gave, in order.
pub(crate) fn in_runs<'i, T: Sync, R: Send>(
    items: &'i [T],
    least: usize,
    work: impl Fn(&'i [T]) -> R + Sync,
) -> Vec<R> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let threads = threads.min(items.len().div_ceil(least)).max(1);
    let runs = items.chunks(items.len().div_ceil(threads).max(1));
    std::thread::scope(|scope| {
        let workers: Vec<_> = runs.map(|run| scope.spawn(|| work(run))).collect();
        let results = workers.into_iter().map(|worker| match worker.join() {
            Ok(result) => result,
            Err(panic) => std::panic::resume_unwind(panic),
        });
        results.collect()
    })
}
