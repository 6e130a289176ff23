//! Sums over surveyed tensors.

use std::sync::{Mutex, PoisonError};

use super::pass::Pass;
use super::turns::lock;
use crate::exec::Batch;
use crate::merge::MergeError;
use crate::merge::find::Rows;
use crate::merge::find::statistics::{Totals, of_job};
use crate::merge::lane::Lane;

/// Fills in the scalars that are derived from sums.
pub(super) fn run<'a>(
    pass: &Pass<'a>,
    lanes: &mut [Lane<'a>],
    rows: &mut Rows<'a>,
) -> Result<(), MergeError> {
    if pass.jobs.is_empty() {
        return Ok(());
    }
    let shared = pass.shared;
    let plan = shared.plan;
    let values = |at: usize| plan.programs[pass.jobs[at].program].end().values().len();
    let totals = (0..pass.jobs.len()).map(|at| Totals::new(values(at)));
    let totals: Mutex<Vec<Totals>> = Mutex::new(totals.collect());
    let known: &Rows<'_> = rows;
    shared.progress.begin("survey: sums", pass.bytes());
    pass.each_in_order(
        lanes,
        pass.runs(),
        |lane, run| {
            let surveyed = &pass.jobs[run.at];
            let piece = [run.loaded.piece(known.get(surveyed.job, surveyed.output))];
            let batch = Batch {
                program: &plan.programs[surveyed.program],
                pieces: &piece,
            };
            let arena = lane.arena.get(run.arena_bytes);
            let upload = lane.engine.upload(arena);
            upload
                .and_then(|()| lane.engine.sum(&batch, arena))
                .map_err(|fault| shared.fault(fault, (surveyed.job, surveyed.output)))
        },
        |_, run, partials| {
            lock(&totals)[run.at].add(&partials);
            Ok(())
        },
    )?;
    let totals = totals.into_inner().unwrap_or_else(PoisonError::into_inner);
    for (surveyed, totals) in pass.jobs.iter().zip(totals) {
        let of_job = of_job(shared, surveyed.job, surveyed.output);
        let compute = plan.programs[surveyed.program].compute();
        let row = rows.fill(surveyed.job, surveyed.output);
        totals.derive(of_job, surveyed.statistics, compute, row);
    }
    Ok(())
}
