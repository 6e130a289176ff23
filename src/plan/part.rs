//! The pieces that the work is cut into.

use super::JobId;

/// Parts of one task, so that tables and histograms stay small.
pub(super) const PARTS_MAX: usize = 64;

/// A run of elements of one job; of bytes, where the job is a copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// Which job.
    pub job: JobId,
    /// The first element, a multiple of [`TILE`](crate::kernel::TILE); the first byte of a copy.
    pub start: u64,
    /// Elements; bytes of a copy.
    pub len: u64,
}

impl Part {
    /// Whether it lies before another in the output.
    pub fn is_before(&self, other: &Part) -> bool {
        (self.job, self.start) < (other.job, other.start)
    }
}

/// Work that a lane does in one go. Its output is one run of bytes of one file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Task {
    /// What is done, in the order of the output.
    pub parts: Vec<Part>,
    /// Bytes of arena that its inputs would take as a whole.
    pub arena_bytes: u64,
    /// Bytes of output.
    pub output_bytes: u64,
}

/// How much there is to do, and the most that is done at once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Measure {
    /// Tasks of the merge.
    pub(super) tasks: usize,
    /// Bytes of inputs of a task at most.
    pub(super) arena_bytes: u64,
    /// Bytes of output of a task at most.
    pub(super) output_bytes: u64,
    /// Runs that surveyed tensors are read in.
    pub(super) survey_runs: usize,
    /// Bytes of inputs of such a run at most.
    pub(super) survey_bytes: u64,
}
