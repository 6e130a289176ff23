//! Statistics in passes of their own: of tensors that do not fit a lane, and of whole models.
//!
//! Each pass reads the surveyed tensors in runs, all lanes at once, and gathers what they found;
//! between passes the selections narrow their windows. The result is the same as if the tensors had
//! lain in memory.

mod group;
mod largest;
mod pass;
mod sums;

use pass::Pass;

use crate::kernel::Row;
use crate::merge::MergeError;
use crate::merge::lane::Lane;
use crate::merge::shared::Shared;
use crate::plan::{Action, Level};

/// Fills the rows of the surveyed jobs.
pub(in crate::merge) fn run<'a>(
    shared: &'a Shared<'a>,
    lanes: &mut [Lane<'a>],
    rows: &mut [Row],
) -> Result<(), MergeError> {
    let plan = shared.plan;
    let level_of = |job: usize, level: usize| match &plan.jobs[job].action {
        Action::Merge { class, .. } => plan.classes[*class].levels.get(level),
        Action::Copy(_) => None,
    };
    for level in 0.. {
        let jobs: Vec<(usize, &Level)> = plan
            .survey
            .iter()
            .filter_map(|&job| Some((job, level_of(job, level)?)))
            .collect();
        if jobs.is_empty() {
            return Ok(());
        }
        let sums = jobs
            .iter()
            .filter_map(|(job, level)| Some((*job, level.sums.as_ref()?)));
        sums::run(&Pass::new(shared, sums), lanes, rows)?;
        let largest = jobs
            .iter()
            .filter_map(|(job, level)| Some((*job, level.largest.as_ref()?)));
        largest::run(&Pass::new(shared, largest), lanes, rows)?;
    }
    Ok(())
}
