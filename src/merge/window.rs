//! The merge of one task: windows of output, computed and written.

use super::buffer::{Buffer, PAGE};
use super::lane::Lane;
use super::{MergeError, chunked, whole};
use crate::kernel::{Row, TILE};
use crate::plan::{Action, Job, MemoryPlan, Part, Task};
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
    sinks: &[Sink],
) -> Result<(), MergeError> {
    let memory = &lane.shared.merge.plan().memory;
    let mut output = std::mem::take(&mut lane.output);
    let done = match memory.chunk_elements {
        Some(_) => {
            let rows = chunked::rows(lane, task, known)?;
            each_window(lane, task, &mut output, sinks, |lane, window, targets| {
                chunked::fill(lane, &rows, window, targets)
            })
        }
        None => {
            let inputs = whole::load(lane, task, known)?;
            // A device has one output only.
            each_window(lane, task, &mut output, sinks, |lane, window, targets| {
                whole::fill(lane, &inputs, window, targets[0])
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

/// Bytes of buffer that a window of one output takes, wherever in a page it begins.
pub(super) fn stride(memory: &MemoryPlan) -> usize {
    memory.output_bytes.next_multiple_of(PAGE) + PAGE
}

/// Has every window of a task filled for every output, and writes it.
fn each_window<'a>(
    lane: &mut Lane<'a>,
    task: &Task,
    output: &mut Buffer,
    sinks: &[Sink],
    fill: impl Fn(&mut Lane<'a>, &[Run], &mut [&mut [u8]]) -> Result<(), MergeError>,
) -> Result<(), MergeError> {
    let shared = lane.shared;
    let plan = shared.merge.plan();
    let stride = stride(&plan.memory);
    let files = plan.files.len() / plan.variants;
    for (window, bytes) in windows(&plan.jobs, &task.parts, plan.memory.output_bytes) {
        let first = window[0].part;
        let place = |job: usize| {
            let job = &plan.jobs[job];
            let offset = job.place.offset + first.start * unit_bytes(job);
            (job.place.file, offset)
        };
        let places: Vec<(usize, u64)> = plan.siblings(first.job).map(place).collect();
        let buffer = output.take(stride * plan.variants);
        let parts = buffer.chunks_exact_mut(stride).zip(&places);
        let mut targets: Vec<&mut [u8]> = parts
            .map(|(part, (file, offset))| {
                // Where the address equals the place in the file modulo a page, blocks go out
                // directly.
                let header = plan.files[*file].header.len() as u64;
                let shift = ((header + offset) % PAGE as u64) as usize;
                &mut part[shift..][..bytes]
            })
            .collect();
        fill(lane, &window, &mut targets)?;
        for ((sink, (file, offset)), target) in sinks.iter().zip(&places).zip(&targets) {
            shared
                .writing
                .during(|| sink.write(file % files, *offset, target))?;
            shared.progress.advance(bytes as u64);
        }
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
