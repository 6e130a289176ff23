//! Running a merge.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use super::device::Degraded;
use super::find::{Rows, flaw, survey};
use super::lane::Lane;
use super::pool::{
    Averages, Busy, Carried, Changes, Deltas, Effects, Joints, Overflowed, Permits, Room, Spare,
    workers,
};
use super::shared::Shared;
use super::write::{Put, window};
use super::{Merge, MergeError, Progress, Proof, Report, proof};
use crate::plan::{JobId, OutputId, Task};
use crate::recipe::ModelId;
use crate::report::Survival;
use crate::sink::Sink;

impl Merge {
    /// Runs the merge. When `cancel` is set it stops and leaves nothing behind.
    pub fn run(&self, progress: &dyn Progress, cancel: &AtomicBool) -> Result<Report, MergeError> {
        let begun = Instant::now();
        self.check_output()?;
        let sinks = (0..self.outputs().len())
            .map(OutputId::new)
            .map(|variant| Ok(Sink::create(&self.layout(variant)?, &self.sink_options())?))
            .collect::<Result<Vec<Sink>, MergeError>>()?;
        let shared = self.shared(progress, cancel);
        self.run_passes(&shared, &sinks)?;
        shared.check_unchanged()?;
        let changes = shared.changes.take();
        self.prove(&changes)?;
        let mut report = self.report(&shared, changes);
        for (number, mut sink) in sinks.into_iter().enumerate() {
            if let Some(name) = self.card_name() {
                let text = self.card(&report, OutputId::new(number));
                sink.complete(name, text.as_bytes())?;
            }
            let finished = shared.writing.during(|| sink.finish())?;
            report.bytes_written += finished.bytes;
            let removed = finished.removed.iter();
            report
                .removed
                .extend(removed.map(|name| name.display().to_string()));
            let left = finished.left.iter();
            report
                .left
                .extend(left.map(|path| path.display().to_string()));
        }
        report.time(
            begun.elapsed(),
            shared.reading.total(),
            shared.writing.total(),
        );
        Ok(report)
    }

    /// What its lanes share.
    pub(super) fn shared<'a>(
        &'a self,
        progress: &'a dyn Progress,
        cancel: &'a AtomicBool,
    ) -> Shared<'a> {
        Shared {
            plan: self.plan(),
            checkpoints: self.checkpoints(),
            device: self.device(),
            progress,
            cancel,
            permits: Permits::new(self.settings.threads),
            room: Room::new(self.plan().memory.stage_bytes),
            level: self.settings.level,
            deltas: Deltas::default(),
            averages: Averages::default(),
            joints: Joints::default(),
            carried: Carried::default(),
            spare: Spare::default(),
            reading: Busy::default(),
            writing: Busy::default(),
            bytes_read: AtomicU64::new(0),
            overflowed: Overflowed::new(self.plan().jobs.len() * self.plan().outputs),
            every: self.settings.proof.every(),
            changes: Changes::new(self.plan().jobs.len() * self.plan().outputs),
            effects: self.effects(),
            degraded: Degraded::new(progress),
        }
    }

    /// The device that computed, and what took over if it failed.
    pub(super) fn device_name(&self, shared: &Shared<'_>) -> String {
        let device = self.device().map_or("CPU", |device| device.name.as_str());
        match shared.degraded.reason() {
            None => device.to_owned(),
            Some(reason) => format!("{device}, then CPU ({reason})"),
        }
    }

    /// Has every window of the outputs computed and handed over.
    pub(super) fn run_passes<'a>(
        &'a self,
        shared: &'a Shared<'a>,
        outputs: &[impl Put],
    ) -> Result<(), MergeError> {
        let level = self.settings.level;
        let mut lanes: Vec<Lane<'_>> = (0..self.plan().memory.lanes)
            .map(|_| Lane::new(shared, level))
            .collect();
        let mut rows = Rows::new(self.plan());
        let surveyed = survey::run(shared, &mut lanes, &mut rows);
        let jobs = self.plan().jobs.numbered().map(|(number, _)| number);
        surveyed.map_err(|fault| flaw::first(&mut lanes[0], jobs, fault))?;
        let read = self.plan().task_reads();
        let written: u64 = self.plan().files.iter().map(|file| file.data_bytes).sum();
        let written = written * self.plan().outputs as u64;
        shared.progress.begin("merge", read + written);
        let tasks = self.plan().tasks();
        let is_before = |a: &Task, b: &Task| a.parts[0].is_before(&b.parts[0]);
        workers::run(
            shared.cancel,
            &mut lanes,
            tasks,
            is_before,
            |lane, _, task| window::run(lane, task, &rows, outputs),
        )
    }

    /// What models may change, before any was read.
    fn effects(&self) -> Effects {
        if self.settings.proof == Proof::None {
            return Effects::unwatched();
        }
        let effects = Effects::new(self.checkpoints().len(), self.recipe().reference);
        self.plan().jobs.iter().for_each(|job| effects.copied(job));
        effects
    }

    fn report(&self, shared: &Shared<'_>, changes: Vec<Option<Survival>>) -> Report {
        let path = |model: ModelId| self.checkpoints()[model.index()].path().to_owned();
        let outputs = self.outputs().len();
        let is_lost = |own: &Survival| own.intended_squares > 0.0 && own.changed == 0;
        Report {
            output: self.outputs()[0].clone(),
            outputs: self.outputs().len(),
            device: self.device_name(shared),
            bytes_read: shared.bytes_read.load(Ordering::Relaxed),
            bytes_written: 0,
            seconds: 0.0,
            seconds_reading: 0.0,
            seconds_writing: 0.0,
            floor_ratio: 0.0,
            computed: self.plan().report.merged,
            copied: self.plan().report.copied,
            coded: self.plan().coded.tensors * outputs,
            carried: {
                let jobs = &self.plan().jobs;
                let elements = |tensor: usize| jobs[JobId::new(tensor / outputs)].elements;
                self.plan().coded.copied * outputs + shared.carried.whole(elements)
            },
            survival: proof::total(changes.iter().flatten()),
            survival_by_output: (0..outputs)
                .map(|output| proof::total(changes.iter().skip(output).step_by(outputs).flatten()))
                .collect(),
            unmeasured: match self.settings.proof {
                Proof::None => 0,
                _ => self.unmeasured(&changes).count(),
            },
            sampled: self.settings.proof == Proof::Sample,
            unchanged: changes.iter().flatten().filter(|own| is_lost(own)).count(),
            changes,
            idle: shared.effects.idle().map(path).collect(),
            removed: Vec::new(),
            left: Vec::new(),
            overflowed_values: shared.overflowed.values(),
            overflowed_tensors: shared.overflowed.tensors(),
        }
    }
}
