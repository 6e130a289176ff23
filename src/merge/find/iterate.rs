//! Statistics that an iteration finds in several passes over a tensor.

use super::statistics::of_job;
use crate::exec::{Batch, Executor};
use crate::kernel::{Row, Statistic, StatisticId};
use crate::merge::MergeError;
use crate::merge::lane::Lane;
use crate::plan::{OutputId, Part, ProgramId};

/// Passes over a whole tensor until the iteration ends, and fills in its scalars. `programs` write
/// the values that it sees.
pub(in crate::merge) fn run(
    lane: &mut Lane<'_>,
    programs: &[ProgramId],
    statistic: StatisticId,
    (part, output): (Part, OutputId),
    row: &mut Row,
) -> Result<(), MergeError> {
    let plan = lane.shared.plan;
    let of_job = of_job(lane.shared, part.job, output);
    let Statistic::Iterated { iterate, first, .. } = &of_job[statistic.index()] else {
        return Ok(());
    };
    let mut passes = (iterate.begin)(programs.len(), &iterate.parameters);
    let mut values: Vec<Vec<f32>> = vec![Vec::new(); programs.len()];
    loop {
        let seen = programs.iter().map(|&program| &plan.programs[program]);
        lane.stream((part, output), row, seen, |engine, piece, arena| {
            for (program, value) in programs.iter().zip(&mut values) {
                value.resize(piece.len, 0.0);
                let batch = Batch {
                    program: &plan.programs[*program],
                    pieces: std::slice::from_ref(piece),
                };
                let target = bytemuck::cast_slice_mut(value);
                engine.cpu.store(&batch, arena, target)?;
            }
            let seen: Vec<&[f32]> = values.iter().map(Vec::as_slice).collect();
            passes.take(&seen);
            Ok(())
        })?;
        if let Some(scalars) = passes.end() {
            let compute = plan.programs[programs[0]].compute();
            row.put(*first, scalars.into_iter().map(|x| compute.scalar(x)));
            return Ok(());
        }
    }
}
