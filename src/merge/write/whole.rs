//! The merge of a task on a device: the inputs lie in the arena as a whole and are uploaded once.

use super::run::Run;
use crate::exec::{Batch, ExecError, Piece, Results};
use crate::kernel::{Row, Tally};
use crate::merge::MergeError;
use crate::merge::find::Rows;
use crate::merge::find::loaded;
use crate::merge::lane::{Lane, Loaded};
use crate::plan::{Action, JobId, OutputId, ProgramId, Task};

/// A task whose inputs lie in the arena.
pub(in crate::merge) struct Inputs {
    loaded: Vec<Loaded>,
    rows: Vec<Row>,
    arena_bytes: usize,
}

impl Inputs {
    /// The row of a part.
    pub(super) fn row(&self, at: usize) -> &Row {
        &self.rows[at]
    }

    /// The rows of its parts.
    pub(super) fn into_rows(self) -> Vec<Row> {
        self.rows
    }
}

/// Reads and uploads a task's inputs, and finds the statistics of whole tensors among them.
pub(in crate::merge) fn load(
    lane: &mut Lane<'_>,
    task: &Task,
    known: &Rows<'_>,
) -> Result<Inputs, MergeError> {
    let arena_bytes = task.arena_bytes as usize;
    let loaded = lane.load(&task.parts, OutputId::FIRST, arena_bytes)?;
    let rows = resident_rows(lane, &loaded, known, arena_bytes)?;
    Ok(Inputs {
        loaded,
        rows,
        arena_bytes,
    })
}

/// The rows of the parts, with the statistics of those that lie in memory as whole tensors.
fn resident_rows(
    lane: &mut Lane<'_>,
    loaded: &[Loaded],
    known: &Rows<'_>,
    arena_bytes: usize,
) -> Result<Vec<Row>, MergeError> {
    let plan = lane.shared.plan;
    let mut rows: Vec<Row> = loaded
        .iter()
        .map(|part| known.get(part.part.job, OutputId::FIRST).clone())
        .collect();
    for (number, class) in plan.classes.numbered() {
        let members: Vec<usize> = (0..loaded.len())
            .filter(|&at| match &plan.jobs[loaded[at].part.job].action {
                Action::Merge {
                    outputs, resident, ..
                } => *resident && outputs[0].class == number,
                Action::Copy(_) | Action::Part => false,
            })
            .collect();
        if members.is_empty() {
            continue;
        }
        let parts: Vec<&Loaded> = members.iter().map(|&at| &loaded[at]).collect();
        let mut own: Vec<Row> = members.iter().map(|&at| rows[at].clone()).collect();
        loaded::resolve(lane, class, &parts, &mut own, arena_bytes)?;
        for (at, row) in members.into_iter().zip(own) {
            rows[at] = row;
        }
    }
    Ok(rows)
}

/// Computes a window.
pub(in crate::merge) fn fill(
    lane: &mut Lane<'_>,
    task: &Inputs,
    window: &[Run],
    target: &mut [u8],
) -> Result<(), MergeError> {
    let shared = lane.shared;
    let plan = shared.plan;
    let arena = lane.arena.get(task.arena_bytes);
    let mut batches: Vec<(ProgramId, Vec<(JobId, Piece<'_>)>)> = Vec::new();
    for run in window {
        let loaded = &task.loaded[run.at];
        let skip = run.part.start - loaded.part.start;
        match &plan.jobs[run.part.job].action {
            Action::Copy(_) => {
                let from = &arena[loaded.inputs[0] + skip as usize..][..run.part.len as usize];
                let target = &mut target[run.output..][..from.len()];
                shared.permits.with(|| target.copy_from_slice(from));
            }
            // It is in no task.
            Action::Part => {}
            Action::Merge { outputs, .. } => {
                let mut piece = loaded.piece_of(plan, &run.part, &task.rows[run.at]);
                piece.output = run.output;
                let program = plan.classes[outputs[0].class].store;
                match batches.iter_mut().find(|(known, _)| *known == program) {
                    Some((_, pieces)) => pieces.push((run.part.job, piece)),
                    None => batches.push((program, vec![(run.part.job, piece)])),
                }
            }
        }
    }
    let mut first: Option<(JobId, ExecError)> = None;
    for (program, members) in batches {
        let (jobs, pieces): (Vec<JobId>, Vec<Piece<'_>>) = members.into_iter().unzip();
        let batch = Batch {
            program: &plan.programs[program],
            pieces: &pieces,
        };
        let asked = pieces.iter().map(|_| batch.program.measured(shared.every));
        let mut asked: Vec<Tally> = asked.flatten().collect();
        let each = asked.len() / pieces.len().max(1);
        let mut results = Results {
            tallies: &mut asked,
            ..Results::storing(target)
        };
        match lane.engine.run(&batch, arena, &mut results) {
            Ok(()) => {
                shared.count(&results.overflows, |piece| (jobs[piece], OutputId::FIRST));
                for (piece, job) in pieces.iter().zip(&jobs).rev() {
                    let own = asked.split_off(asked.len() - each);
                    shared.note((*job, OutputId::FIRST), piece.len as u64, own);
                }
            }
            // Of faults in several tensors the first in the order of the output is told.
            Err(fault) => {
                let job = fault
                    .place()
                    .map_or_else(JobId::default, |(piece, _)| jobs[piece]);
                if first.as_ref().is_none_or(|(known, _)| job < *known) {
                    first = Some((job, fault));
                }
            }
        }
    }
    first.map_or(Ok(()), |(job, fault)| {
        Err(shared.fault(fault, (job, OutputId::FIRST)))
    })
}
