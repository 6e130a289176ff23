//! The merge of a task on the CPU, chunk by chunk: what is read is used while it is in the cache,
//! and for all outputs.

use super::run::Run;
use crate::exec::{Batch, ExecError, Results};
use crate::kernel::{Program, Row, SlotId, Tally};
use crate::merge::MergeError;
use crate::merge::find::{Memo, Rows, tensor};
use crate::merge::lane::{self, Lane};
use crate::merge::read::read_copy;
use crate::plan::{Action, OutputId, Task};

/// For each part of a task the rows of all outputs, with the statistics that this lane finds by
/// itself.
pub(in crate::merge) fn rows(
    lane: &mut Lane<'_>,
    task: &Task,
    known: &Rows<'_>,
) -> Result<Vec<Vec<Row>>, MergeError> {
    let plan = lane.shared.plan;
    let mut rows = Vec::with_capacity(task.parts.len());
    for part in &task.parts {
        let job = &plan.jobs[part.job];
        let mut own = Vec::with_capacity(plan.outputs);
        let mut memo = Memo::default();
        for (output, _) in OutputId::all().zip(job.outputs()) {
            let mut row = known.get(part.job, output).clone();
            if let Action::Merge { resident: true, .. } = &job.action {
                tensor::resolve(lane, (*part, output), &mut row, &mut memo)?;
            }
            own.push(row);
        }
        // The other parts' inputs come before the merge of this one.
        lane.forget();
        rows.push(own);
    }
    Ok(rows)
}

/// Computes a window of every output.
pub(in crate::merge) fn fill(
    lane: &mut Lane<'_>,
    rows: &[Vec<Row>],
    window: &[Run],
    targets: &mut [&mut [u8]],
) -> Result<(), MergeError> {
    let shared = lane.shared;
    let plan = shared.plan;
    for run in window {
        let job = &plan.jobs[run.part.job];
        let unit = job.unit_bytes() as usize;
        if let Action::Copy(input) = &job.action {
            let range = run.output..run.output + run.part.len as usize;
            if let Some((first, others)) = targets.split_first_mut() {
                let bytes = &mut first[range.clone()];
                read_copy(shared, job, input, run.part.start, bytes)?;
                for other in others {
                    other[range.clone()].copy_from_slice(bytes);
                }
            }
            continue;
        }
        let works = job.outputs().iter();
        let programs = works.map(|work| &plan.programs[plan.classes[work.class].store]);
        let programs: Vec<&Program> = programs.collect();
        let reads = programs.iter().map(|program| lane::slots([*program]));
        let reads: Vec<(OutputId, Vec<SlotId>)> = OutputId::all().zip(reads).collect();
        let asked = programs
            .iter()
            .map(|program| program.measured(shared.every));
        let mut asked: Vec<Vec<Tally>> = asked.collect();
        lane.stream_group(run.part, &reads, &rows[run.at], |engine, pieces, arena| {
            let outputs = targets.iter_mut().zip(&programs).zip(pieces);
            let outputs = outputs.zip(&mut asked);
            let mut first: Option<ExecError> = None;
            for (number, (((target, program), piece), asked)) in outputs.enumerate() {
                let mut piece = piece.clone();
                piece.output = run.output + (piece.start - run.part.start) as usize * unit;
                let batch = Batch {
                    program,
                    pieces: &[piece],
                };
                let mut results = Results {
                    tallies: asked,
                    ..Results::storing(target)
                };
                match engine.run(&batch, arena, &mut results) {
                    Ok(()) => shared.count(&results.overflows, |_| (run.part.job, reads[number].0)),
                    // Of faults in several outputs the one at the lowest element is told.
                    Err(fault) => {
                        let element = |fault: &ExecError| fault.place().map(|(_, element)| element);
                        let known = first.as_ref().map(element);
                        if known.is_none_or(|known| element(&fault) < known) {
                            first = Some(fault.of_piece(number));
                        }
                    }
                }
            }
            first.map_or(Ok(()), Err)
        })?;
        for (asked, (output, _)) in asked.into_iter().zip(&reads) {
            shared.note((run.part.job, *output), run.part.len, asked);
        }
    }
    Ok(())
}
