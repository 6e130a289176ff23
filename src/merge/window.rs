//! The merge of one task: windows of output, computed and written.

use super::buffer::{Buffer, PAGE};
use super::lane::Lane;
use super::{MergeError, chunked, whole};
use crate::kernel::{Row, TILE};
use crate::plan::{Action, Job, Part, Task};
use crate::sink::Sink;

/// A run of elements of one of the task's parts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Run {
    /// Which part.
    pub(super) at: usize,
    /// The run's job, and the place of its elements in the tensor.
    pub(super) part: Part,
    /// Byte offset of its output in the window.
    pub(super) output: usize,
}

/// Reads, computes and writes a task.
pub(super) fn run(
    lane: &mut Lane<'_>,
    task: &Task,
    known: &[Row],
    sink: &Sink,
) -> Result<(), MergeError> {
    let memory = &lane.shared.merge.plan().memory;
    let mut output = std::mem::take(&mut lane.output);
    let done = match memory.chunk_elements {
        Some(_) => {
            let rows = chunked::rows(lane, task, known)?;
            each_window(lane, task, &mut output, sink, |lane, window, target| {
                chunked::fill(lane, &rows, window, target)
            })
        }
        None => {
            let inputs = whole::load(lane, task, known)?;
            each_window(lane, task, &mut output, sink, |lane, window, target| {
                whole::fill(lane, &inputs, window, target)
            })
        }
    };
    lane.output = output;
    done
}

/// Bytes of the output that one element makes; of a copy, one byte makes one.
pub(super) fn unit_bytes(job: &Job) -> u64 {
    match &job.action {
        Action::Copy(_) => 1,
        Action::Merge { float, .. } => float.bytes() as u64,
    }
}

/// Has every window of a task filled, and writes it.
fn each_window<'a>(
    lane: &mut Lane<'a>,
    task: &Task,
    output: &mut Buffer,
    sink: &Sink,
    fill: impl Fn(&mut Lane<'a>, &[Run], &mut [u8]) -> Result<(), MergeError>,
) -> Result<(), MergeError> {
    let shared = lane.shared;
    let plan = shared.merge.plan();
    for (window, bytes) in windows(&plan.jobs, &task.parts, plan.memory.output_bytes) {
        let first = window[0].part;
        let job = &plan.jobs[first.job];
        let offset = job.place.offset + first.start * unit_bytes(job);
        // Where the address equals the place in the file modulo a page, blocks go out directly.
        let header = plan.files[job.place.file].header.len() as u64;
        let shift = ((header + offset) % PAGE as u64) as usize;
        let buffer = output.take(plan.memory.output_bytes + PAGE);
        let target = &mut buffer[shift..][..bytes];
        fill(lane, &window, target)?;
        shared
            .writing
            .during(|| sink.write(job.place.file, offset, target))?;
        shared.progress.advance(bytes as u64);
    }
    Ok(())
}

/// Cuts the parts into windows of at most `limit` bytes of output; each with its bytes.
fn windows(jobs: &[Job], parts: &[Part], limit: usize) -> Vec<(Vec<Run>, usize)> {
    let tile = TILE as u64;
    let mut windows: Vec<(Vec<Run>, usize)> = vec![(Vec::new(), 0)];
    for (at, part) in parts.iter().enumerate() {
        let unit = unit_bytes(&jobs[part.job]);
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
