//! Statistics in passes of their own: of tensors that do not fit a lane, and of whole models.
//!
//! Each pass reads the surveyed tensors in runs, all lanes at once, and gathers what they found;
//! between passes the selections narrow their windows. The result is the same as if the tensors had
//! lain in memory.

mod group;
mod largest;
mod sums;

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::lane::{Lane, Loaded};
use super::{MergeError, Shared, lanes};
use crate::kernel::Row;
use crate::plan::{Action, Level, Part, survey_parts};

/// Fills the rows of the surveyed jobs.
pub(super) fn run<'a>(
    shared: &'a Shared<'a>,
    lanes: &mut [Lane<'a>],
    rows: &mut [Row],
) -> Result<(), MergeError> {
    let plan = shared.merge.plan();
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

/// A surveyed job in one level.
struct Surveyed<'a> {
    job: usize,
    program: usize,
    statistics: &'a [u16],
}

/// The jobs of one kind of statistic, and the runs they are read in.
struct Pass<'a> {
    shared: &'a Shared<'a>,
    jobs: Vec<Surveyed<'a>>,
    /// The number of the job in `jobs`, and the run.
    parts: Vec<(usize, Part)>,
}

impl<'a> Pass<'a> {
    fn new(
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
    fn of(shared: &'a Shared<'a>, jobs: Vec<Surveyed<'a>>) -> Pass<'a> {
        let plan = shared.merge.plan();
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

    fn bytes(&self) -> u64 {
        let jobs = &self.shared.merge.plan().jobs;
        self.jobs
            .iter()
            .map(|surveyed| jobs[surveyed.job].input_bytes())
            .sum()
    }

    /// Reads every run and hands it to `work` with its number.
    fn each(
        &self,
        lanes: &mut [Lane<'a>],
        name: &str,
        work: impl Fn(&mut Lane<'a>, usize, &Surveyed<'a>, &Loaded, usize) -> Result<(), MergeError>
        + Sync,
    ) -> Result<(), MergeError> {
        self.shared.progress.begin(name, self.bytes());
        lanes::run(self.shared, lanes, self.parts.len(), |lane, number| {
            let (at, part) = self.parts[number];
            let bytes = self.shared.merge.arena_bytes(&part);
            let loaded = lane.load(&[part], bytes)?;
            self.shared
                .permits
                .with(|| work(lane, number, &self.jobs[at], &loaded[0], bytes))
        })
    }
}

/// Locks whether or not another thread panicked: what is guarded are counts.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
