//! The statistics of a tensor that a lane reads chunk by chunk.

use super::memo::{Memo, Sought};
use super::pass::{Pass, Reading, Sighting, look, settle};
use super::search::{Room, Search, Subject};
use crate::kernel::{Row, Tally};
use crate::merge::MergeError;
use crate::merge::lane::Lane;
use crate::plan::{OutputId, Part};

/// Fills a row of an output with the results of the statistics of a whole tensor. What was found
/// for another output is not looked for again.
pub(in crate::merge) fn resolve<'p>(
    lane: &mut Lane<'p>,
    (part, output): (Part, OutputId),
    row: &mut Row,
    memo: &mut Memo<'p>,
) -> Result<(), MergeError> {
    let shared = lane.shared;
    let plan = shared.plan;
    let Some(work) = plan.jobs[part.job].work(output) else {
        return Ok(());
    };
    let chunk = plan.chunk_of(&plan.jobs[part.job]);
    let room = Room {
        bytes: plan.memory.statistics_bytes,
        collects: true,
    };
    for group in plan.classes[work.class].rounds.iter().flatten() {
        let program = &plan.programs[group.program];
        let sought = Sought::of(group, program, work, row, part.len);
        let mut search = Search::new(plan, [(part.job, output, group)].into_iter(), room);
        let found = match memo.get(sought.as_ref()) {
            Some(found) => found,
            None => {
                let reading = Chunks { chunk, row };
                let lanes = std::slice::from_mut(lane);
                settle(shared, lanes, &mut search, &reading)?;
                search.found(0)
            }
        };
        search.subjects[0].fill(&found, row);
        memo.keep(sought, &found);
    }
    Ok(())
}

/// A tensor that is read chunk by chunk.
struct Chunks<'r> {
    chunk: u64,
    row: &'r Row,
}

impl<'a, 'p> Reading<'a, 'p> for Chunks<'_> {
    fn elements(&self, _: &Subject<'p>) -> u64 {
        self.chunk
    }

    fn see(
        &self,
        lane: &mut Lane<'a>,
        pass: &Pass<'_, 'p>,
        seen: &[Sighting],
        tallies: &mut [Tally],
    ) -> Result<(), MergeError> {
        look(lane, pass.subject(&seen[0]), &seen[0], self.row, tallies)
    }
}
