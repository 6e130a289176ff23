//! The merge of one task: windows of output, computed and handed over.

use super::coded::Coder;
use super::put::Put;
use super::run::{Run, windows};
use super::{chunked, whole};
use crate::kernel::Row;
use crate::merge::MergeError;
use crate::merge::find::{Rows, flaw};
use crate::merge::lane::Lane;
use crate::merge::pool::Buffer;
use crate::plan::{Job, OutputId, PAGE_BYTES, Task};

/// Reads and computes a task and hands its windows over, for each output to what takes them.
pub(in crate::merge) fn run(
    lane: &mut Lane<'_>,
    task: &Task,
    known: &Rows<'_>,
    outputs: &[impl Put],
) -> Result<(), MergeError> {
    let jobs = task
        .parts
        .iter()
        .map(|part| &lane.shared.plan.jobs[part.job]);
    let staged = jobs.map(Job::stage_bytes).max().unwrap_or(0);
    let room = (staged > 0).then(|| lane.shared.room.take(staged));
    let mut output = std::mem::take(&mut lane.output);
    let done = merge(lane, task, known, &mut output, outputs);
    lane.output = output;
    if room.is_some() {
        lane.give_back();
        for part in &task.parts {
            let joints = lane.shared.plan.jobs[part.job].joints();
            lane.shared.joints.forget(joints);
        }
        drop(room);
    }
    done.map_err(|fault| flaw::first(lane, task.parts.iter().map(|part| part.job), fault))
}

fn merge(
    lane: &mut Lane<'_>,
    task: &Task,
    known: &Rows<'_>,
    output: &mut Buffer,
    outputs: &[impl Put],
) -> Result<(), MergeError> {
    match task.streams(&lane.shared.plan.jobs) {
        true => {
            let rows = chunked::rows(lane, task, known)?;
            let row = |at: usize, number: usize| &rows[at][number];
            each_window(
                lane,
                task,
                output,
                (outputs, &row),
                |lane, window, targets| chunked::fill(lane, &rows, window, targets),
            )
        }
        false => {
            let inputs = whole::load(lane, task, known)?;
            // A device has one output only.
            let row = |at: usize, _: usize| inputs.row(at);
            each_window(
                lane,
                task,
                output,
                (outputs, &row),
                |lane, window, targets| whole::fill(lane, &inputs, window, targets[0]),
            )
        }
    }
}

/// Has every window of a task filled for every output, and hands it over. The rows of parts, by
/// their numbers and those of outputs, say what is known of them.
fn each_window<'a, 'r>(
    lane: &mut Lane<'a>,
    task: &Task,
    output: &mut Buffer,
    (outputs, row): (&[impl Put], &dyn Fn(usize, usize) -> &'r Row),
    fill: impl Fn(&mut Lane<'a>, &[Run], &mut [&mut [u8]]) -> Result<(), MergeError>,
) -> Result<(), MergeError> {
    let shared = lane.shared;
    let plan = shared.plan;
    let stride = plan.memory.window_stride();
    for (window, bytes) in windows(&plan.jobs, &task.parts, plan.memory.output_bytes) {
        let first = window[0].part;
        let job = &plan.jobs[first.job];
        let file = job.place.file;
        let offset = job.place.offset + first.start * job.unit_bytes();
        let buffer = output.take(stride * plan.outputs);
        let headers = &plan.files[file].header_bytes;
        let parts = buffer.chunks_exact_mut(stride).zip(headers);
        let mut targets: Vec<&mut [u8]> = parts
            .map(|(part, header)| {
                // Where the address equals the place in the file modulo a page, blocks go out
                // directly.
                let shift = match job.is_entry() {
                    true => ((header + offset) % PAGE_BYTES) as usize,
                    false => 0,
                };
                &mut part[shift..][..bytes]
            })
            .collect();
        fill(lane, &window, &mut targets)?;
        if let Some(encoded) = job.encoded() {
            for (at, (own, target)) in outputs.iter().zip(&targets).enumerate() {
                let coder = Coder {
                    shared,
                    encoded,
                    run: &window[0],
                    output: OutputId::new(at),
                    row: row(window[0].at, at),
                };
                coder.put(target, &mut lane.staging, own)?;
            }
            continue;
        }
        for (own, target) in outputs.iter().zip(&targets) {
            shared
                .writing
                .during(|| own.put(&window, file, offset, target))?;
            shared.progress.advance(bytes as u64);
        }
    }
    Ok(())
}
