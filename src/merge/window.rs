//! The merge of one task: output windows computed and written.

use super::lane::{Lane, Loaded};
use super::statistics;
use super::{MergeError, buffer::PAGE};
use crate::exec::{Batch, Piece};
use crate::kernel::Row;
use crate::plan::{Action, Job, Part, Task};
use crate::sink::Sink;

/// Reads, computes and writes a task.
pub(super) fn run(
    lane: &mut Lane<'_>,
    task: &Task,
    known: &[Row],
    sink: &Sink,
) -> Result<(), MergeError> {
    let shared = lane.shared;
    let plan = shared.merge.plan();
    let arena_bytes = task.arena_bytes as usize;
    let loaded = lane.load(&task.parts, arena_bytes)?;
    let rows = shared.permits.with(|| {
        let arena = lane.arena.get(arena_bytes);
        lane.engine
            .upload(arena)
            .map_err(|fault| shared.fault(fault, 0))?;
        resident_rows(lane, &loaded, known, arena_bytes)
    })?;
    let mut output = std::mem::take(&mut lane.output);
    let mut done = Ok(());
    for window in windows(&plan.jobs, &loaded, plan.memory.output_bytes) {
        done = write_window(
            lane,
            &mut output,
            &loaded,
            &rows,
            &window,
            arena_bytes,
            sink,
        );
        if done.is_err() {
            break;
        }
    }
    lane.output = output;
    done
}

/// The rows of the parts, with the statistics of those that lie in memory as whole tensors.
fn resident_rows(
    lane: &mut Lane<'_>,
    loaded: &[Loaded],
    known: &[Row],
    arena_bytes: usize,
) -> Result<Vec<Row>, MergeError> {
    let plan = lane.shared.merge.plan();
    let mut rows: Vec<Row> = loaded
        .iter()
        .map(|part| known[part.part.job].clone())
        .collect();
    for (number, class) in plan.classes.iter().enumerate() {
        let members: Vec<usize> = (0..loaded.len())
            .filter(|&at| match &plan.jobs[loaded[at].part.job].action {
                Action::Merge {
                    class, resident, ..
                } => *resident && *class == number,
                Action::Copy(_) => false,
            })
            .collect();
        if members.is_empty() {
            continue;
        }
        let parts: Vec<&Loaded> = members.iter().map(|&at| &loaded[at]).collect();
        let mut own: Vec<Row> = members.iter().map(|&at| rows[at].clone()).collect();
        statistics::resolve(lane, class, &parts, &mut own, arena_bytes)?;
        for (at, row) in members.into_iter().zip(own) {
            rows[at] = row;
        }
    }
    Ok(rows)
}

/// A run of elements of a loaded part.
#[derive(Clone, Copy, Debug)]
struct Run {
    at: usize,
    /// Elements from the part's first.
    skip: u64,
    len: u64,
}

/// Bytes of the output that one element makes; of a copy, one byte makes one.
fn unit_bytes(job: &Job) -> u64 {
    match &job.action {
        Action::Copy(_) => 1,
        Action::Merge { float, .. } => float.bytes() as u64,
    }
}

/// Cuts the parts into windows of at most `limit` bytes of output.
fn windows(jobs: &[Job], loaded: &[Loaded], limit: usize) -> Vec<Vec<Run>> {
    let tile = crate::kernel::TILE as u64;
    let mut windows = vec![Vec::new()];
    let mut room = limit as u64;
    for (at, loaded) in loaded.iter().enumerate() {
        let Part { job, len, .. } = loaded.part;
        let unit = unit_bytes(&jobs[job]);
        let mut skip = 0;
        while skip < len {
            let rest = len - skip;
            let fit = if rest * unit <= room {
                rest
            } else {
                room / unit / tile * tile
            };
            if fit == 0 {
                windows.push(Vec::new());
                room = limit as u64;
                continue;
            }
            if let Some(window) = windows.last_mut() {
                window.push(Run { at, skip, len: fit });
            }
            room -= fit * unit;
            skip += fit;
        }
    }
    windows.retain(|window| !window.is_empty());
    windows
}

fn write_window(
    lane: &mut Lane<'_>,
    output: &mut super::buffer::Buffer,
    loaded: &[Loaded],
    rows: &[Row],
    window: &[Run],
    arena_bytes: usize,
    sink: &Sink,
) -> Result<(), MergeError> {
    let shared = lane.shared;
    let plan = shared.merge.plan();
    let job = |run: &Run| &plan.jobs[loaded[run.at].part.job];
    let bytes: u64 = window
        .iter()
        .map(|run| run.len * unit_bytes(job(run)))
        .sum();
    let first = &window[0];
    let place = job(first).place;
    let skipped = (loaded[first.at].part.start + first.skip) * unit_bytes(job(first));
    let offset = place.offset + skipped;
    // Where the address equals the place in the file modulo a page, blocks go out directly.
    let header = plan.files[place.file].header.len() as u64;
    let shift = ((header + offset) % PAGE as u64) as usize;
    let buffer = output.take(plan.memory.output_bytes + PAGE);
    let target = &mut buffer[shift..][..bytes as usize];
    let arena = lane.arena.get(arena_bytes);
    shared.permits.with(|| -> Result<(), MergeError> {
        let mut at = 0;
        let mut batches: Vec<(usize, Vec<(usize, Piece<'_>)>)> = Vec::new();
        for run in window {
            let part = &loaded[run.at];
            let bytes = (run.len * unit_bytes(job(run))) as usize;
            match &job(run).action {
                Action::Copy(_) => {
                    let from = part.inputs[0] + run.skip as usize;
                    target[at..at + bytes].copy_from_slice(&arena[from..from + bytes]);
                }
                Action::Merge { class, inputs, .. } => {
                    let mut piece = part.piece(&rows[run.at]);
                    piece.start += run.skip;
                    piece.len = run.len as usize;
                    piece.output = at;
                    for (offset, input) in piece.inputs.iter_mut().zip(inputs) {
                        let element = input.as_ref().map_or(0, |input| input.element_bytes);
                        *offset += (run.skip * element) as usize;
                    }
                    let program = plan.classes[*class].store;
                    match batches.iter_mut().find(|(known, _)| *known == program) {
                        Some((_, pieces)) => pieces.push((part.part.job, piece)),
                        None => batches.push((program, vec![(part.part.job, piece)])),
                    }
                }
            }
            at += bytes;
        }
        for (program, members) in batches {
            let (jobs, pieces): (Vec<usize>, Vec<Piece<'_>>) = members.into_iter().unzip();
            let batch = Batch {
                program: &plan.programs[program],
                pieces: &pieces,
            };
            let stored = lane.engine.store(&batch, arena, target);
            stored.map_err(|fault| shared.fault_at(fault, |piece| jobs[piece]))?;
        }
        Ok(())
    })?;
    shared
        .writing
        .during(|| sink.write(place.file, offset, target))?;
    shared.progress.advance(bytes);
    Ok(())
}
