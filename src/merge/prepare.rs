//! Preparing a merge.

use std::path::{Path, PathBuf};

use super::{Device, MergeError};
use crate::checkpoint::{Checkpoint, CheckpointError, FileIdentity};
use crate::exec::cpu::Level;
use crate::plan::{self, Limits, Output, Plan, PlannedFile, Source};
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
    pub(super) settings: Settings,
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

    pub(super) fn sink_options(&self) -> sink::Options {
        sink::Options {
            overwrite: self.settings.overwrite,
            ..sink::Options::default()
        }
    }

    pub(super) fn layout(&self, variant: usize) -> Result<Layout, MergeError> {
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
