//! Runs of elements, and the windows of output that they are written in.

use crate::plan::{IndexVec, Job, JobId, Part};

/// A run of elements of one of the task's parts.
#[derive(Clone, Copy, Debug)]
pub(in crate::merge) struct Run {
    /// Which part.
    pub(in crate::merge) at: usize,
    /// The run's job, and the place of its elements in the tensor.
    pub(in crate::merge) part: Part,
    /// Byte offset of its output in the window.
    pub(in crate::merge) output: usize,
}

/// Cuts the parts into windows of at most `limit` bytes of output; each with its bytes.
pub(in crate::merge) fn windows(
    jobs: &IndexVec<JobId, Job>,
    parts: &[Part],
    limit: usize,
) -> Vec<(Vec<Run>, usize)> {
    let mut windows: Vec<(Vec<Run>, usize)> = vec![(Vec::new(), 0)];
    for (at, part) in parts.iter().enumerate() {
        let job = &jobs[part.job];
        let (unit, tile) = (job.unit_bytes(), job.grain());
        let mut skip = 0;
        while skip < part.len {
            let used = windows.last().map_or(0, |(_, used)| *used);
            let room = limit.saturating_sub(used) as u64 / unit;
            let rest = part.len - skip;
            let len = if rest <= room {
                rest
            } else {
                room / tile * tile
            };
            if len == 0 {
                windows.push((Vec::new(), 0));
                continue;
            }
            if let Some((runs, bytes)) = windows.last_mut() {
                let part = Part {
                    start: part.start + skip,
                    len,
                    ..*part
                };
                runs.push(Run {
                    at,
                    part,
                    output: *bytes,
                });
                *bytes += (len * unit) as usize;
            }
            skip += len;
        }
    }
    windows.retain(|(runs, _)| !runs.is_empty());
    windows
}
