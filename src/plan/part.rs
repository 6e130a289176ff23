//! Pieces of work.

/// A run of elements of one job; of bytes, where the job is a copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// Which job.
    pub job: usize,
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
