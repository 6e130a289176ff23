//! The merge of a task on the CPU, chunk by chunk: what is read is used while it is in the cache.

use super::lane::Lane;
use super::window::{Run, unit_bytes};
use super::{MergeError, scan};
use crate::exec::Batch;
use crate::kernel::Row;
use crate::plan::{Action, Task};

/// The rows of a task's parts, with the statistics that this lane finds by itself.
pub(super) fn rows(
    lane: &mut Lane<'_>,
    task: &Task,
    known: &[Row],
) -> Result<Vec<Row>, MergeError> {
    let plan = lane.shared.merge.plan();
    let mut rows = Vec::with_capacity(task.parts.len());
    for part in &task.parts {
        let mut row = known[part.job].clone();
        if let Action::Merge {
            class,
            resident: true,
            ..
        } = &plan.jobs[part.job].action
        {
            scan::resolve(lane, &plan.classes[*class], *part, &mut row)?;
        }
        rows.push(row);
    }
    Ok(rows)
}

/// Computes a window.
pub(super) fn fill(
    lane: &mut Lane<'_>,
    rows: &[Row],
    window: &[Run],
    target: &mut [u8],
) -> Result<(), MergeError> {
    let plan = lane.shared.merge.plan();
    for run in window {
        let job = &plan.jobs[run.part.job];
        let unit = unit_bytes(job) as usize;
        match &job.action {
            Action::Copy(input) => {
                let bytes = &mut target[run.output..][..run.part.len as usize];
                lane.shared.read_copy(job, input, run.part.start, bytes)?;
            }
            Action::Merge { class, .. } => {
                let program = &plan.programs[plan.classes[*class].store];
                lane.stream(run.part, &rows[run.at], |engine, piece, arena| {
                    let mut piece = piece.clone();
                    piece.output = run.output + (piece.start - run.part.start) as usize * unit;
                    let batch = Batch {
                        program,
                        pieces: &[piece],
                    };
                    engine.store(&batch, arena, target)
                })?;
            }
        }
    }
    Ok(())
}
