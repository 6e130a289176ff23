//! Comparing models: what is found of every tensor becomes a report, and nothing is written.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use super::compared::Found;
use super::find::{Rows, survey};
use super::lane::Lane;
use super::pool::workers;
use super::write::told::{self, Told};
use super::{Merge, MergeError, Progress};
use crate::kernel::{Measures, Row};
use crate::method::Compared;
use crate::plan::{IndexVec, Job, JobId, OutputId, Task};
use crate::report::Report;

impl Merge {
    /// Runs a comparison ([`comparison_of`](crate::recipe::comparison_of)): reads the models once,
    /// and once more where the largest entries of task vectors are asked for. Writes nothing. When
    /// `cancel` is set it stops.
    ///
    /// # Errors
    /// Where a model cannot be read or changes meanwhile, and where it was stopped.
    pub fn compare(
        &self,
        progress: &dyn Progress,
        cancel: &AtomicBool,
    ) -> Result<Report, MergeError> {
        let begun = Instant::now();
        let shared = self.shared(progress, cancel);
        let plan = self.plan();
        let mut lanes: Vec<Lane<'_>> = (0..plan.memory.lanes)
            .map(|_| Lane::new(&shared, self.settings.level))
            .collect();
        let mut rows = Rows::new(plan);
        survey::run(&shared, &mut lanes, &mut rows)?;
        let mut found: Vec<Found> = vec![Found::default(); plan.jobs.len()];
        for &job in &plan.survey {
            let row = rows.get(job, OutputId::FIRST);
            found[job.index()].compared = measured(&plan.jobs[job], row);
        }
        progress.begin("compare", plan.task_reads());
        let found = Mutex::new(IndexVec::<JobId, Found>::from(found));
        let is_before = |a: &Task, b: &Task| a.parts[0].is_before(&b.parts[0]);
        let tasks = plan.tasks();
        workers::run(cancel, &mut lanes, tasks, is_before, |lane, _, task| {
            told::run(lane, task, &rows, |job, told| {
                let mut all = found.lock().unwrap_or_else(PoisonError::into_inner);
                match told {
                    Told::Row(row) => all[job].compared = measured(&plan.jobs[job], &row),
                    Told::Changed(bytes) => all[job].changed_bytes += bytes,
                }
            })
        })?;
        shared.check_unchanged()?;
        let found = found.into_inner().unwrap_or_else(PoisonError::into_inner);
        Ok(Report {
            what: "diff".to_owned(),
            subjects: self.subjects()?,
            device: self.device_name(&shared),
            seconds: begun.elapsed().as_secs_f64(),
            bytes_read: shared.bytes_read.load(Ordering::Relaxed),
            notes: Vec::new(),
            tensors: self.compared_tensors(&found),
        })
    }
}

/// What was measured of a job, as its row says.
fn measured(job: &Job, row: &Row) -> Option<Compared> {
    let statistics = &job.work(OutputId::FIRST)?.statistics;
    let measures = statistics
        .iter()
        .find(|own| own.reduce.name() == "measures")?;
    Some(Compared::of(&Measures::found_in(measures.place, row)))
}
