//! Preparing and running a merge.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use super::factors::FactorCache;
use super::lane::Lane;
use super::{Busy, Device, MergeError, Progress, Report, Shared, engine, lanes, survey, window};
use crate::checkpoint::{Checkpoint, CheckpointError, FileIdentity};
use crate::exec::cpu::Level;
use crate::kernel::Row;
use crate::plan::{self, Action, Limits, Output, Part, Plan, PlannedFile, Source};
use crate::recipe::Recipe;
use crate::sink::{self, FileLayout, Layout, Root, SideFile, Sink};

/// How a merge is run. The output's bytes do not depend on it.
#[derive(Debug)]
pub struct Settings {
    /// Where the result goes: a `.safetensors` file, or a folder.
    pub output: PathBuf,
    /// Whether an existing output may be replaced.
    pub overwrite: bool,
    /// Bytes that the process may hold.
    pub memory: u64,
    /// Threads that compute.
    pub threads: usize,
    /// The device that computes, if it is not the CPU.
    pub device: Option<Device>,
    /// The instruction set of the CPU's loops.
    pub level: Level,
}

/// A merge that was found right and can be run.
#[derive(Debug)]
pub struct Merge {
    recipes: Vec<Recipe>,
    outputs: Vec<PathBuf>,
    checkpoints: Vec<Checkpoint>,
    plan: Plan,
    settings: Settings,
}

impl Merge {
    /// Opens the models, plans and checks the merge. Writes nothing. What only the host can
    /// compute leaves the device unused.
    pub fn prepare(recipe: Recipe, settings: Settings) -> Result<Merge, MergeError> {
        let output = settings.output.clone();
        Merge::prepare_all(vec![(recipe, output)], settings)
    }

    /// Prepares several merges of the same models that differ in numbers alone, each with its
    /// output. The inputs are read once for all of them.
    pub fn prepare_all(
        merges: Vec<(Recipe, PathBuf)>,
        mut settings: Settings,
    ) -> Result<Merge, MergeError> {
        let (recipes, outputs): (Vec<Recipe>, Vec<PathBuf>) = merges.into_iter().unzip();
        let checkpoints = open(&recipes[0].models)?;
        let sources = checkpoints
            .iter()
            .map(source)
            .collect::<Result<Vec<Source<'_>>, _>>()?;
        let mut limits = Limits {
            memory: settings.memory,
            threads: settings.threads,
            device: settings.device.as_ref().map(|device| device.limits),
        };
        let output = match is_file(&settings.output) {
            true => Output::File,
            false => Output::Folder,
        };
        let mut plan = plan::build_all(&recipes, &sources, &output, &limits).map_err(Box::new)?;
        if plan.needs_host() && limits.device.is_some() {
            limits.device = None;
            settings.device = None;
            plan = plan::build_all(&recipes, &sources, &output, &limits).map_err(Box::new)?;
        }
        Ok(Merge {
            recipes,
            outputs,
            checkpoints,
            plan,
            settings,
        })
    }

    /// Checks that the output can be written where it should go. Writes nothing.
    pub fn check_output(&self) -> Result<(), MergeError> {
        for variant in 0..self.outputs.len() {
            let layout = self.layout(variant)?;
            self.check_inputs(&layout)?;
            Sink::preflight(&layout, &self.sink_options())?;
        }
        Ok(())
    }

    /// What will happen.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The recipe; of several, the first.
    pub fn recipe(&self) -> &Recipe {
        &self.recipes[0]
    }

    /// Where the results go.
    pub fn outputs(&self) -> &[PathBuf] {
        &self.outputs
    }

    /// The opened models.
    pub fn checkpoints(&self) -> &[Checkpoint] {
        &self.checkpoints
    }

    /// The device, if it is not the CPU.
    pub fn device(&self) -> Option<&Device> {
        self.settings.device.as_ref()
    }

    /// Runs the merge. When `cancel` is set it stops and leaves nothing behind.
    pub fn run(&self, progress: &dyn Progress, cancel: &AtomicBool) -> Result<Report, MergeError> {
        let begun = Instant::now();
        self.check_output()?;
        let sinks = (0..self.outputs.len())
            .map(|variant| Ok(Sink::create(&self.layout(variant)?, &self.sink_options())?))
            .collect::<Result<Vec<Sink>, MergeError>>()?;
        let shared = Shared {
            merge: self,
            progress,
            cancel,
            permits: lanes::Permits::new(match self.settings.device {
                // A device's lanes mostly wait.
                Some(_) => self.plan.memory.lanes,
                None => self.settings.threads,
            }),
            level: self.settings.level.or_baseline(),
            factors: FactorCache::default(),
            reading: Busy::default(),
            writing: Busy::default(),
            bytes_read: AtomicU64::new(0),
            degraded: engine::Degraded::default(),
        };
        self.run_passes(&shared, &sinks)?;
        let mut written = 0;
        for sink in sinks {
            written += shared.writing.during(|| sink.finish())?.bytes;
        }
        let mut report = self.report(&shared, written);
        report.time(
            begun.elapsed(),
            shared.reading.total(),
            shared.writing.total(),
        );
        Ok(report)
    }

    fn run_passes<'a>(&'a self, shared: &'a Shared<'a>, sinks: &[Sink]) -> Result<(), MergeError> {
        let level = self.settings.level;
        let mut lanes: Vec<Lane<'_>> = (0..self.plan.memory.lanes)
            .map(|_| Lane::new(shared, level))
            .collect();
        let mut rows: Vec<Row> = self
            .plan
            .jobs
            .iter()
            .map(|job| match &job.action {
                Action::Merge { row, .. } => row.clone(),
                Action::Copy(_) => Row::default(),
            })
            .collect();
        survey::run(shared, &mut lanes, &mut rows)?;
        let read: u64 = self
            .plan
            .jobs
            .iter()
            .map(|job| self.plan.merge_reads(job))
            .sum();
        let written: u64 = self.plan.files.iter().map(|file| file.data_bytes).sum();
        shared.progress.begin("merge", read + written);
        let tasks = &self.plan.tasks;
        lanes::run(shared, &mut lanes, tasks.len(), |lane, task| {
            window::run(lane, &tasks[task], &rows, sinks)
        })
    }

    fn report(&self, shared: &Shared<'_>, bytes_written: u64) -> Report {
        let device = self
            .device()
            .map_or("CPU".to_owned(), |device| device.name.clone());
        Report {
            output: self.outputs[0].clone(),
            outputs: self.outputs.len(),
            device: match shared.degraded.reason() {
                None => device,
                Some(reason) => format!("{device}, then CPU ({reason})"),
            },
            bytes_read: shared.bytes_read.load(Ordering::Relaxed),
            bytes_written,
            seconds: 0.0,
            seconds_reading: 0.0,
            seconds_writing: 0.0,
            floor_share: 0.0,
            merged: self.plan.report.merged,
            copied: self.plan.report.copied,
        }
    }

    /// Bytes of arena that the inputs of a part take.
    pub(super) fn arena_bytes(&self, part: &Part) -> usize {
        self.plan.arena_bytes(part) as usize
    }

    fn sink_options(&self) -> sink::Options {
        sink::Options {
            overwrite: self.settings.overwrite,
            ..sink::Options::default()
        }
    }

    fn layout(&self, variant: usize) -> Result<Layout, MergeError> {
        let output = &self.outputs[variant];
        let files = self.files(variant).iter().map(|file| FileLayout {
            name: file.name.clone(),
            header: file.header.clone(),
            data_bytes: file.data_bytes,
        });
        let (root, side_files) = match is_file(output) {
            true => (Root::File(output.clone()), Vec::new()),
            false => (Root::Folder(output.clone()), self.side_files()),
        };
        Ok(Layout {
            root,
            files: files.collect(),
            side_files,
        })
    }

    /// The planned files of an output.
    pub fn files(&self, variant: usize) -> &[PlannedFile] {
        let each = self.plan.files.len() / self.outputs.len();
        &self.plan.files[variant * each..][..each]
    }

    /// What a folder holds besides weights: the reference model's other files, then the indexes.
    fn side_files(&self) -> Vec<SideFile> {
        let reference = &self.checkpoints[self.recipe().reference];
        let mut side = super::side::companions(reference);
        side.extend(super::side::indexes(self.files(0)));
        side
    }

    fn check_inputs(&self, layout: &Layout) -> Result<(), MergeError> {
        let targets: Vec<PathBuf> = match &layout.root {
            Root::File(path) => vec![path.clone()],
            Root::Folder(folder) => {
                let names = layout.files.iter().map(|file| folder.join(&file.name));
                names.chain([folder.clone()]).collect()
            }
        };
        for target in targets {
            let Ok(identity) = FileIdentity::of(&target) else {
                continue;
            };
            for checkpoint in &self.checkpoints {
                let folder = FileIdentity::of(checkpoint.path()).ok();
                let files = checkpoint
                    .files()
                    .iter()
                    .map(|file| file.identity().clone());
                if files.chain(folder).any(|known| known == identity) {
                    return Err(MergeError::OutputIsInput {
                        output: target,
                        model: checkpoint.path().to_owned(),
                    });
                }
            }
        }
        Ok(())
    }
}

/// Whether the output is a single file, by its name.
fn is_file(output: &Path) -> bool {
    output
        .extension()
        .is_some_and(|extension| extension.eq_ignore_ascii_case("safetensors"))
}

/// Opens the models, as many at a time as there are processors: their headers are long.
fn open(paths: &[PathBuf]) -> Result<Vec<Checkpoint>, CheckpointError> {
    let opened = plan::in_runs(paths, 1, |paths| {
        let opened = paths.iter().map(|path| Checkpoint::open(path));
        opened.collect::<Result<Vec<Checkpoint>, _>>()
    });
    let opened = opened.into_iter().collect::<Result<Vec<_>, _>>()?;
    Ok(opened.into_iter().flatten().collect())
}

fn source(checkpoint: &Checkpoint) -> Result<Source<'_>, CheckpointError> {
    Ok(Source {
        path: checkpoint.path().to_owned(),
        tensors: checkpoint.tensors(),
        metadata: checkpoint.metadata(),
        fingerprint: checkpoint.fingerprint()?,
        files: checkpoint
            .files()
            .iter()
            .map(|file| file.relative.clone())
            .collect(),
        is_folder: checkpoint.is_folder(),
    })
}
