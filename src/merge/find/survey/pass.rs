//! The runs of surveyed tensors, and how all lanes read them.

use super::turns::Turns;
use crate::kernel::StatisticId;
use crate::merge::MergeError;
use crate::merge::lane::{Lane, Loaded};
use crate::merge::pool::workers;
use crate::merge::shared::Shared;
use crate::plan::{JobId, OutputId, Part, ProgramId, survey_parts};

/// An output of a surveyed job, in one level.
#[derive(Clone, Copy)]
pub(super) struct Surveyed<'a> {
    pub(super) job: JobId,
    pub(super) output: OutputId,
    pub(super) program: ProgramId,
    pub(super) statistics: &'a [StatisticId],
}

/// The jobs of one kind of statistic.
pub(super) struct Pass<'a> {
    pub(super) shared: &'a Shared<'a>,
    pub(super) jobs: Vec<Surveyed<'a>>,
}

/// A run of a surveyed job whose inputs lie in a lane's arena.
pub(super) struct Run<'r> {
    /// The number of the job in the pass.
    pub(super) at: usize,
    pub(super) loaded: &'r Loaded,
    pub(super) arena_bytes: usize,
}

impl<'a> Pass<'a> {
    /// The runs that the jobs are read in, each with the number of its job.
    pub(super) fn runs(&self) -> impl Iterator<Item = (usize, Part)> + Send + '_ {
        let plan = self.shared.plan;
        let jobs = self.jobs.iter().enumerate();
        jobs.flat_map(move |(at, surveyed)| {
            let parts = survey_parts(surveyed.job, &plan.jobs, &plan.memory);
            parts.map(move |part| (at, part))
        })
    }

    pub(super) fn bytes(&self) -> u64 {
        let jobs = &self.shared.plan.jobs;
        let jobs = self.jobs.iter().map(|surveyed| &jobs[surveyed.job]);
        jobs.map(|job| job.input_bytes()).sum()
    }

    /// Reads some runs and hands them to `work` with a permit to compute.
    pub(super) fn each(
        &self,
        lanes: &mut [Lane<'a>],
        runs: impl Iterator<Item = (usize, Part)> + Send,
        work: impl Fn(&mut Lane<'a>, &Run<'_>) -> Result<(), MergeError> + Sync,
    ) -> Result<(), MergeError> {
        let shared = self.shared;
        workers::run(
            shared.cancel,
            lanes,
            runs,
            is_before,
            |lane, _, &(at, part)| {
                let arena_bytes = shared.arena_bytes(&part);
                let loaded = lane.load(&[part], self.jobs[at].output, arena_bytes)?;
                let run = Run {
                    at,
                    loaded: &loaded[0],
                    arena_bytes,
                };
                shared.permits.with(|| work(lane, &run))
            },
        )?;
        // What this pass found is only worth something if the next one sees the same.
        shared.check_unchanged()
    }

    /// Reads some runs and hands them to `find`, which gets a permit to compute; then what it found
    /// to `take`, run by run in their order.
    pub(super) fn each_in_order<T>(
        &self,
        lanes: &mut [Lane<'a>],
        runs: impl Iterator<Item = (usize, Part)> + Send,
        find: impl Fn(&mut Lane<'a>, &Run<'_>) -> Result<T, MergeError> + Sync,
        take: impl Fn(&mut Lane<'a>, &Run<'_>, T) -> Result<(), MergeError> + Sync,
    ) -> Result<(), MergeError> {
        let shared = self.shared;
        let turns = Turns::new(shared.cancel);
        workers::run(
            shared.cancel,
            lanes,
            runs,
            is_before,
            |lane, number, &(at, part)| {
                let turn = turns.place(number);
                let arena_bytes = shared.arena_bytes(&part);
                let loaded = lane.load(&[part], self.jobs[at].output, arena_bytes)?;
                let run = Run {
                    at,
                    loaded: &loaded[0],
                    arena_bytes,
                };
                let found = shared.permits.with(|| find(lane, &run))?;
                turn.take(|| take(lane, &run, found))
            },
        )?;
        shared.check_unchanged()
    }
}

/// Whether a run lies before another in the output.
fn is_before((_, part): &(usize, Part), (_, other): &(usize, Part)) -> bool {
    part.is_before(other)
}
