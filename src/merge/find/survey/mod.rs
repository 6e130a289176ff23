//! Statistics in passes of their own: of tensors that do not fit a lane, and of whole models.
//!
//! Each pass reads the surveyed tensors in runs, all lanes at once, and gathers what they found;
//! between passes the selections narrow their windows. The result is the same as if the tensors had
//! lain in memory.

mod group;
mod largest;
mod pass;
mod search;
mod sums;
mod ties;
mod turns;

use pass::{Pass, Surveyed};

use super::Rows;
use crate::kernel::StatisticId;
use crate::merge::MergeError;
use crate::merge::lane::Lane;
use crate::merge::shared::Shared;
use crate::plan::{Level, OutputId, ProgramId};

/// Fills the rows of the surveyed jobs.
pub(in crate::merge) fn run<'a>(
    shared: &'a Shared<'a>,
    lanes: &mut [Lane<'a>],
    rows: &mut Rows<'a>,
) -> Result<(), MergeError> {
    let plan = shared.plan;
    let most = plan.classes.iter().map(|class| class.levels.len()).max();
    for level in 0..most.unwrap_or(0) {
        let sums = pass(shared, level, |level| level.sums.as_ref());
        sums::run(&sums, lanes, rows)?;
        let largest = pass(shared, level, |level| level.largest.as_ref());
        largest::run(&largest, lanes, rows)?;
    }
    Ok(())
}

/// The outputs of surveyed jobs that have a statistic of a kind in a level.
fn pass<'a>(
    shared: &'a Shared<'a>,
    level: usize,
    kind: impl Fn(&'a Level) -> Option<&'a (ProgramId, Vec<StatisticId>)>,
) -> Pass<'a> {
    let plan = shared.plan;
    let outputs = plan.survey.iter().flat_map(|&job| {
        let works = OutputId::all().zip(plan.jobs[job].outputs());
        works.map(move |(output, work)| (job, output, work.class))
    });
    let jobs = outputs.filter_map(|(job, output, class)| {
        let (program, statistics) = kind(plan.classes[class].levels.get(level)?)?;
        Some(Surveyed {
            job,
            output,
            program: *program,
            statistics,
        })
    });
    Pass {
        shared,
        jobs: jobs.collect(),
    }
}
