//! What the work is cut into: see the room's head.

use super::job::Job;
use super::{IndexVec, JobId};

/// Parts of one task, so that tables and histograms stay small.
pub(super) const PARTS_MAX: usize = 64;

/// Elements of one job that follow each other; bytes, where the job is a copy.
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

/// Work that a lane does in one go. Its output is bytes of one file that follow each other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Task {
    /// What is done, in the order of the output.
    pub parts: Vec<Part>,
    /// Bytes of arena that its inputs would take as a whole.
    pub arena_bytes: u64,
    /// Bytes of output.
    pub output_bytes: u64,
}

impl Task {
    /// Whether its jobs [stream](Job::streams): all do, or none.
    pub fn streams(&self, jobs: &IndexVec<JobId, Job>) -> bool {
        self.parts.iter().all(|part| jobs[part.job].streams)
    }
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
    /// Parts that surveyed tensors are read in.
    pub(super) survey_parts: usize,
    /// Bytes of inputs of such a part at most.
    pub(super) survey_bytes: u64,
}
