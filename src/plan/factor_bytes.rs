//! What the factors of adapters take.

use super::job::Job;

/// What the factors of adapters take.
#[derive(Clone, Copy, Default)]
pub(super) struct FactorBytes {
    /// Of one delta at most.
    pub(super) one: u64,
    /// Of all deltas that one tensor reads, at most.
    pub(super) all: u64,
    /// While a delta is made ready, at most.
    pub(super) scratch: u64,
}

impl FactorBytes {
    pub(super) fn of(jobs: &[Job]) -> FactorBytes {
        let mut most = FactorBytes::default();
        for job in jobs {
            let mut all = 0;
            let inputs = job.inputs().iter();
            for factors in inputs.flat_map(|input| input.bytes.deltas()) {
                most.one = most.one.max(factors.held_bytes());
                most.scratch = most.scratch.max(factors.scratch_bytes());
                all += factors.held_bytes();
            }
            most.all = most.all.max(all);
        }
        most
    }
}
