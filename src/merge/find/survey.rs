//! Statistics in passes of their own: of tensors that do not fit a lane, and of whole models.
//!
//! Each pass reads the surveyed tensors in parts, all lanes at once, and takes what they found in
//! the order of the parts. The result is the same as if the tensors had lain in memory.

use super::Rows;
use super::pass::{Pass, Reading, Sighting, look, settle};
use super::search::{Room, Search, Subject};
use crate::kernel::{BINS, Scope, Tally};
use crate::merge::MergeError;
use crate::merge::lane::Lane;
use crate::merge::shared::Shared;
use crate::plan::{Group, JobId, OutputId};

/// Statistics of an output of a tensor that one Program serves.
type Surveyed<'a> = (JobId, OutputId, &'a Group);

/// Fills the rows of the surveyed jobs.
pub(in crate::merge) fn run<'a>(
    shared: &'a Shared<'a>,
    lanes: &mut [Lane<'a>],
    rows: &mut Rows<'a>,
) -> Result<(), MergeError> {
    let plan = shared.plan;
    let most = plan.classes.iter().map(|class| class.rounds.len()).max();
    let room = plan.survey_room();
    for round in 0..most.unwrap_or(0) {
        let outputs = plan.survey.iter().flat_map(|&job| {
            let works = OutputId::all().zip(plan.jobs[job].outputs());
            works.map(move |(output, work)| (job, output, work.class))
        });
        let all = outputs.flat_map(|(job, output, class)| {
            let groups = plan.classes[class].rounds.get(round).into_iter().flatten();
            groups.map(move |group| (job, output, group))
        });
        let all: Vec<Surveyed<'a>> = all.collect();
        let mut rest = all.as_slice();
        while !rest.is_empty() {
            let (some, others) = rest.split_at(together(shared, rest, room));
            find(shared, lanes, rows, some, room)?;
            rest = others;
        }
    }
    Ok(())
}

/// How many are surveyed together: all of them where some statistic ranges over a whole model, else
/// as many as there is memory to count for.
fn together(shared: &Shared<'_>, all: &[Surveyed<'_>], room: usize) -> usize {
    let of = |&(job, output, _): &Surveyed<'_>| {
        let work = shared.plan.jobs[job].work(output);
        work.map_or(&[][..], |work| &work.statistics)
    };
    let is_global = |own: &Surveyed<'_>| of(own).iter().any(|own| own.scope != Scope::Tensor);
    if all.iter().any(is_global) {
        return all.len();
    }
    let grids = room / (size_of::<u64>() * (BINS + 1));
    let mut values = 0;
    let fits = all.iter().take_while(|(_, _, group)| {
        values += group.statistics.len();
        values <= grids
    });
    fits.count().max(1)
}

fn find<'a>(
    shared: &'a Shared<'a>,
    lanes: &mut [Lane<'a>],
    rows: &mut Rows<'a>,
    surveyed: &[Surveyed<'a>],
    bytes: usize,
) -> Result<(), MergeError> {
    let plan = shared.plan;
    let room = Room {
        bytes,
        collects: false,
    };
    let mut search = Search::new(plan, surveyed.iter().copied(), room);
    let reading = Survey { shared, rows };
    settle(shared, lanes, &mut search, &reading)?;
    shared.check_unchanged()?;
    for (number, (job, output, _)) in surveyed.iter().enumerate() {
        let found = search.found(number);
        search.subjects[number].fill(&found, rows.fill(*job, *output));
    }
    Ok(())
}

/// Tensors that all lanes read.
struct Survey<'s, 'a> {
    shared: &'a Shared<'a>,
    rows: &'s Rows<'a>,
}

impl<'a> Reading<'a, 'a> for Survey<'_, 'a> {
    fn elements(&self, subject: &Subject<'a>) -> u64 {
        self.shared.plan.survey_elements(subject.job)
    }

    fn begin(&self, pass: &Pass<'_, 'a>) -> Result<(), MergeError> {
        // What a pass found is only worth something if the next one sees the same.
        self.shared.check_unchanged()?;
        let jobs = &self.shared.plan.jobs;
        let bytes = pass.whole().map(|subject| jobs[subject.job].input_bytes());
        self.shared.progress.begin("survey", bytes.sum());
        Ok(())
    }

    fn see(
        &self,
        lane: &mut Lane<'a>,
        pass: &Pass<'_, 'a>,
        seen: &[Sighting],
        tallies: &mut [Tally],
    ) -> Result<(), MergeError> {
        let subject = pass.subject(&seen[0]);
        let row = self.rows.get(subject.job, subject.output);
        look(lane, subject, &seen[0], row, tallies)
    }
}
