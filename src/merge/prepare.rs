//! Preparing a merge.

use std::path::{Path, PathBuf};

use super::inputs::Inputs;
use super::settings::{Proof, Settings};
use super::side::{self, Companions};
use super::{Device, MergeError, Report, target};
use crate::checkpoint::{CARD, Checkpoint, CheckpointError};
use crate::plan::{self, Limits, Output, OutputId, Plan, PlannedFile, Source};
use crate::recipe::average::Average;
use crate::recipe::{OutputDType, Recipe, Sweep};
use crate::sink::{self, FileLayout, OutputLayout, Root, Sink};

/// More threads than any machine can use; what each holds is counted by it.
const THREADS_MAX: usize = u16::MAX as usize;

/// Why a merge leaves the device unused that it was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unused {
    /// A device computes none of it.
    Recipe,
    /// Its buffers do not fit the memory.
    Memory,
}

/// A merge that was found right and can be run.
#[derive(Debug)]
pub struct Merge {
    recipes: Vec<Recipe>,
    outputs: Vec<PathBuf>,
    kind: Output,
    checkpoints: Vec<Checkpoint>,
    companions: Companions,
    plan: Plan,
    unused: Option<Unused>,
    pub(super) settings: Settings,
}

impl Merge {
    /// Opens the models, plans and checks the merge. Writes nothing. A merge of which only the
    /// host computes anything leaves the device unused, and so does a budget that is too small for
    /// a device that gives way to the CPU ([`Device::or_cpu`]).
    ///
    /// # Errors
    /// Where a model cannot be read, the recipe does not fit the models or the memory, and where
    /// the output is named neither as a file nor as a folder. What is at the place of the output is
    /// not looked at: [`Merge::check_output`] does.
    pub fn prepare(recipe: Recipe, settings: Settings) -> Result<Merge, MergeError> {
        let output = settings.output.clone();
        Merge::prepare_all(vec![recipe], vec![output], settings)
    }

    /// Prepares a recipe's merges with a parameter at several values, each with an output of its
    /// own beside that of the settings, as [`sweep_outputs`](super::sweep_outputs) names them. The
    /// inputs are read once for all of them.
    ///
    /// # Errors
    /// As [`Merge::prepare`], and where no merge of the recipe has the parameter, or does not take
    /// one of the values.
    pub fn prepare_sweep(
        recipe: &Recipe,
        sweep: &Sweep,
        settings: Settings,
    ) -> Result<Merge, MergeError> {
        let outputs = target::sweep_outputs(&settings.output, sweep)?;
        Merge::prepare_all(sweep.recipes(recipe)?, outputs, settings)
    }

    /// Prepares the windows of an average, each with an output of its own as
    /// [`window_outputs`](super::window_outputs) names them. `largest` is [`Average::recipe`], in
    /// which models may have other paths by now. The checkpoints are read once for all windows.
    ///
    /// # Errors
    /// As [`Merge::prepare`], and where a tensor is of several types among the checkpoints and the
    /// options do not say which the output has.
    pub fn prepare_average(
        largest: &Recipe,
        average: &Average,
        mut settings: Settings,
    ) -> Result<Merge, MergeError> {
        let outputs = target::window_outputs(&settings.output, average)?;
        settings.output.clone_from(&outputs[0]);
        let merge = Merge::prepare_all(average.recipes(largest)?, outputs, settings)?;
        if merge.recipe().options.dtype == OutputDType::Keep {
            merge.check_types()?;
        }
        Ok(merge)
    }

    /// Refuses merged tensors that are not of one type in all models.
    fn check_types(&self) -> Result<(), MergeError> {
        let report = &self.plan.report;
        for model in &report.models {
            let mut mismatched = model.mismatched.iter();
            let filter = &self.recipe().options.filter;
            let differs = mismatched.find(|m| m.dtypes_differ() && filter.merges(&m.key));
            if let Some(mismatch) = differs {
                return Err(MergeError::Types {
                    model: model.model.clone(),
                    reference: report.reference.clone(),
                    key: mismatch.key.clone(),
                    found: mismatch.found.clone(),
                    expected: mismatch.expected.clone(),
                });
            }
        }
        Ok(())
    }

    /// Prepares merges of the same models that differ in numbers alone, each with its output.
    fn prepare_all(
        recipes: Vec<Recipe>,
        outputs: Vec<PathBuf>,
        mut settings: Settings,
    ) -> Result<Merge, MergeError> {
        let kind = target::kind(&settings.output)?;
        let checkpoints = open(&recipes[0].models, settings.threads)?;
        let sources = checkpoints
            .iter()
            .map(source)
            .collect::<Result<Vec<Source<'_>>, _>>()?;
        let mut limits = Limits {
            memory: settings.memory,
            threads: settings.threads.min(THREADS_MAX),
            device: settings.device.as_ref().map(|device| device.limits),
            measures: settings.proof != Proof::None
                && !recipes.iter().any(|recipe| recipe.options.compares),
        };
        let build = |limits: &Limits| plan::build_all(&recipes, &sources, &kind, limits);
        let planned = build(&limits);
        let gives_way = settings.device.as_ref().is_some_and(Device::gives_way);
        let unused = match &planned {
            Ok(plan) => {
                let idle = limits.device.is_some() && !plan.uses_device();
                idle.then_some(Unused::Recipe)
            }
            Err(fault) => (gives_way && fault.is_of_memory()).then_some(Unused::Memory),
        };
        let planned = match unused {
            None => planned,
            Some(_) => {
                limits.device = None;
                settings.device = None;
                build(&limits)
            }
        };
        let plan = planned.map_err(Box::new)?;
        let companions = match kind {
            Output::File => Companions::default(),
            Output::Folder => {
                let which = recipes[0].options.side_files;
                side::find(&checkpoints[recipes[0].reference.index()], which)
            }
        };
        Ok(Merge {
            recipes,
            outputs,
            kind,
            checkpoints,
            companions,
            plan,
            unused,
            settings,
        })
    }

    /// Checks that something can be written at the place of an output, before it is known what:
    /// what takes long to prepare is then refused at once. Writes nothing.
    ///
    /// # Errors
    /// As [`Merge::check_output`], of what can be told without knowing the output.
    pub fn check_place(output: &Path, overwrite: bool) -> Result<(), MergeError> {
        let output = output.to_path_buf();
        let nothing = FileLayout {
            name: "model.safetensors".into(),
            header: Vec::new(),
            data_bytes: 0,
        };
        let layout = OutputLayout {
            root: match target::kind(&output)? {
                Output::File => Root::File(output),
                Output::Folder => Root::Folder(output),
            },
            files: vec![nothing],
            side_files: Vec::new(),
        };
        let options = sink::Options {
            overwrite,
            ..sink::Options::default()
        };
        Ok(Sink::preflight(&layout, &options)?)
    }

    /// Checks that the output can be written where it should go. Writes nothing. [`Merge::run`]
    /// does so too.
    ///
    /// # Errors
    /// Where something is there that may not be replaced, the folder is missing or not writable,
    /// the disk has no room, and where an input would be written or loaded along with the output.
    pub fn check_output(&self) -> Result<(), MergeError> {
        let inputs = self.inputs();
        let mut layouts = Vec::with_capacity(self.outputs.len());
        for layout in self.outlines() {
            inputs.check(&layout)?;
            Sink::preflight(&layout, &self.sink_options())?;
            layouts.push(layout);
        }
        Ok(Sink::check_room(&layouts)?)
    }

    /// Checks that the disk has room for all outputs together. Writes nothing.
    ///
    /// # Errors
    /// Where it has not, or where it cannot be asked.
    pub fn check_room(&self) -> Result<(), MergeError> {
        let layouts: Vec<OutputLayout> = self.outlines().collect();
        Ok(Sink::check_room(&layouts)?)
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

    /// Why the device that it was given is not used, if it is not.
    pub fn unused_device(&self) -> Option<Unused> {
        self.unused
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

    pub(super) fn layout(&self, variant: OutputId) -> Result<OutputLayout, MergeError> {
        let mut layout = self.outline(variant);
        for (number, file) in self.plan.files.numbered() {
            let planned = &mut layout.files[number.index()];
            planned.header = self.plan.header(variant, number).map_err(Box::new)?;
            planned.data_bytes = file.data_bytes;
        }
        Ok(layout)
    }

    /// The layout, with headers counted as data: it says what is written where, and how much.
    fn outline(&self, variant: OutputId) -> OutputLayout {
        let files = self.plan.files.iter().map(|file| FileLayout {
            name: file.name.clone(),
            header: Vec::new(),
            data_bytes: file.header_bytes[variant.index()].saturating_add(file.data_bytes),
        });
        let output = self.outputs[variant.index()].clone();
        let recipe = &self.recipes[variant.index()];
        let (root, side_files) = match self.kind {
            Output::File => (Root::File(output), Vec::new()),
            Output::Folder => {
                let side = side::files(recipe, &self.checkpoints, &self.companions, &self.plan);
                (Root::Folder(output), side)
            }
        };
        OutputLayout {
            root,
            files: files.collect(),
            side_files,
        }
    }

    fn outlines(&self) -> impl Iterator<Item = OutputLayout> {
        (0..self.outputs.len()).map(|number| self.outline(OutputId::new(number)))
    }

    fn inputs(&self) -> Inputs {
        let named: Vec<PathBuf> = self.recipes[0].models.clone();
        Inputs::new(
            &self.checkpoints,
            &self.companions,
            &named,
            &self.settings.reads,
        )
    }

    /// What merges that were killed left of these outputs.
    pub fn left_behind(&self) -> Vec<PathBuf> {
        let outlines = self.outlines();
        outlines
            .flat_map(|layout| Sink::left_behind(&layout))
            .collect()
    }

    /// What comes along from the reference model's folder, and what does not.
    pub fn companions(&self) -> &Companions {
        &self.companions
    }

    /// The card of an output that was written: what was merged, how much of the change is there,
    /// and the recipe, in Markdown. Where the outputs are folders that have cards, they hold them.
    pub fn card(&self, report: &Report, output: OutputId) -> String {
        let recipe = &self.recipes[output.index()];
        let found = self.measured(report, output);
        side::card(recipe, &self.checkpoints, &self.plan, (output, &found))
    }

    /// Whether each output is a folder.
    pub fn is_folder(&self) -> bool {
        self.kind == Output::Folder
    }

    /// The name of the card in the folder of an output, which is filled at the end.
    pub(super) fn card_name(&self) -> Option<&'static Path> {
        let has = self.is_folder() && side::has_card(&self.recipe().options);
        has.then(|| Path::new(CARD))
    }

    /// The planned files of each output.
    pub fn files(&self) -> &[PlannedFile] {
        &self.plan.files
    }
}

/// Opens the models, in so many threads: their headers are long.
fn open(paths: &[PathBuf], threads: usize) -> Result<Vec<Checkpoint>, CheckpointError> {
    let opened = plan::in_shares(paths, (threads, 1), |paths| {
        let opened = paths.iter().map(|path| Checkpoint::open(path));
        opened.collect::<Result<Vec<Checkpoint>, _>>()
    });
    let opened = opened.into_iter().collect::<Result<Vec<_>, _>>()?;
    let mut opened: Vec<Checkpoint> = opened.into_iter().flatten().collect();
    Checkpoint::agree(&mut opened);
    Ok(opened)
}

fn source(checkpoint: &Checkpoint) -> Result<Source<'_>, CheckpointError> {
    Ok(Source {
        path: checkpoint.path().to_owned(),
        tensors: checkpoint.tensors(),
        entries: checkpoint.entries(),
        markers: checkpoint.markers(),
        metadata: checkpoint.metadata(),
        undecoded: checkpoint.check_decoded().err(),
        fingerprint: checkpoint.fingerprint()?,
        files: checkpoint
            .files()
            .iter()
            .map(|file| file.relative.clone())
            .collect(),
        is_folder: checkpoint.is_folder(),
    })
}
