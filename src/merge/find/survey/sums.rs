//! Sums over surveyed tensors.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use super::pass::{Pass, lock};
use crate::exec::Batch;
use crate::kernel::Row;
use crate::merge::MergeError;
use crate::merge::find::statistics::{derive, of_job};
use crate::merge::lane::Lane;

/// Fills in the scalars that are derived from sums.
pub(super) fn run<'a>(
    pass: &Pass<'a>,
    lanes: &mut [Lane<'a>],
    rows: &mut [Row],
) -> Result<(), MergeError> {
    if pass.jobs.is_empty() {
        return Ok(());
    }
    let plan = pass.shared.plan;
    let partials: Mutex<BTreeMap<usize, Vec<f32>>> = Mutex::default();
    let known: &[Row] = rows;
    pass.each(
        lanes,
        "survey: sums",
        |lane, number, surveyed, loaded, bytes| {
            let piece = [loaded.piece(&known[surveyed.job])];
            let batch = Batch {
                program: &plan.programs[surveyed.program],
                pieces: &piece,
            };
            let arena = lane.arena.get(bytes);
            let upload = lane.engine.upload(arena);
            let own = upload
                .and_then(|()| lane.engine.sum(&batch, arena))
                .map_err(|fault| pass.shared.fault(fault, surveyed.job))?;
            lock(&partials).insert(number, own);
            Ok(())
        },
    )?;
    let partials = partials
        .into_inner()
        .unwrap_or_else(PoisonError::into_inner);
    for (at, surveyed) in pass.jobs.iter().enumerate() {
        let own: Vec<f32> = partials
            .iter()
            .filter(|(number, _)| pass.parts[**number].0 == at)
            .flat_map(|(_, own)| own.iter().copied())
            .collect();
        let program = &plan.programs[surveyed.program];
        let values = program.end().values().len();
        let of_job = of_job(pass.shared, surveyed.job);
        let row = &mut rows[surveyed.job];
        derive(
            of_job,
            surveyed.statistics,
            program.compute(),
            &own,
            values,
            row,
        );
    }
    Ok(())
}
