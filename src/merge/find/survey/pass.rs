//! The runs of surveyed tensors, and how all lanes read them.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::merge::MergeError;
use crate::merge::lane::{Lane, Loaded};
use crate::merge::pool::workers;
use crate::merge::shared::Shared;
use crate::plan::{Part, survey_parts};

/// A surveyed job in one level.
pub(super) struct Surveyed<'a> {
    pub(super) job: usize,
    pub(super) program: usize,
    pub(super) statistics: &'a [u16],
}

/// The jobs of one kind of statistic, and the runs they are read in.
pub(super) struct Pass<'a> {
    pub(super) shared: &'a Shared<'a>,
    pub(super) jobs: Vec<Surveyed<'a>>,
    /// The number of the job in `jobs`, and the run.
    pub(super) parts: Vec<(usize, Part)>,
}

impl<'a> Pass<'a> {
    pub(super) fn new(
        shared: &'a Shared<'a>,
        jobs: impl Iterator<Item = (usize, &'a (usize, Vec<u16>))>,
    ) -> Pass<'a> {
        let jobs = jobs
            .map(|(job, (program, statistics))| Surveyed {
                job,
                program: *program,
                statistics,
            })
            .collect();
        Pass::of(shared, jobs)
    }

    /// The jobs with the runs that they are read in.
    pub(super) fn of(shared: &'a Shared<'a>, jobs: Vec<Surveyed<'a>>) -> Pass<'a> {
        let plan = shared.plan;
        let parts = jobs
            .iter()
            .enumerate()
            .flat_map(|(at, surveyed)| {
                let parts = survey_parts(surveyed.job, &plan.jobs, &plan.memory);
                parts.into_iter().map(move |part| (at, part))
            })
            .collect();
        Pass {
            shared,
            jobs,
            parts,
        }
    }

    /// The order of the jobs in the output.
    pub(super) fn by_job(&self) -> impl Fn(usize, usize) -> bool {
        |a, b| self.jobs[a].job < self.jobs[b].job
    }

    pub(super) fn bytes(&self) -> u64 {
        let jobs = &self.shared.plan.jobs;
        self.jobs
            .iter()
            .map(|surveyed| jobs[surveyed.job].input_bytes())
            .sum()
    }

    /// Reads every run and hands it to `work` with its number.
    pub(super) fn each(
        &self,
        lanes: &mut [Lane<'a>],
        name: &str,
        work: impl Fn(&mut Lane<'a>, usize, &Surveyed<'a>, &Loaded, usize) -> Result<(), MergeError>
        + Sync,
    ) -> Result<(), MergeError> {
        self.shared.progress.begin(name, self.bytes());
        workers::run(
            self.shared.cancel,
            lanes,
            self.parts.len(),
            |a, b| self.parts[a].1.is_before(&self.parts[b].1),
            |lane, number| {
                let (at, part) = self.parts[number];
                let bytes = self.shared.arena_bytes(&part);
                let loaded = lane.load(&[part], bytes)?;
                self.shared
                    .permits
                    .with(|| work(lane, number, &self.jobs[at], &loaded[0], bytes))
            },
        )?;
        // What this pass found is only worth something if the next one sees the same.
        self.shared.check_unchanged()
    }
}

/// Locks whether or not another thread panicked: what is guarded are counts.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
