//! What will happen, as plain data.
//!
//! [`build`] is a pure function of the recipe, the models' headers and the limits of the machine:
//! it opens no file and knows no device. Everything that a user can get wrong is found here, before
//! a byte is written. The plan holds, for every tensor of the output, its inputs, its numbers and
//! the class of Programs that computes it; the header and every offset; the tasks, with the memory
//! they need; and the account of keys.
//!
//! # How work is cut
//!
//! Each of these words means one thing, here and in the rooms above; what is cut lies within what
//! stands before it. No cut changes a byte of the output.
//!
//! - A **task** is what a lane does in one go: the plan cuts the jobs, so that a task's inputs fit
//!   a lane's arena where they lie there as a whole, and its output, unless it is one tensor whose
//!   statistics the lane finds itself, fits the lane's buffer. It has 64 parts at most.
//! - A **part** is what a task has of one tensor: elements one after the other, from a multiple of
//!   a tile on. Passes that find statistics read tensors in parts too.
//! - A **window** is the output of a task that is computed and written at once: the driver cuts
//!   the task, so that a window fits the lane's buffer.
//! - A **run** is what a window has of one part.
//! - A **chunk** is what is read and computed at once of a run, or of a part while its statistics
//!   are found: on the CPU some 64 tiles, which stay in its caches; a device has it all.
//! - A **piece** is what a batch has of one tensor: a chunk, a run or a part, with where its inputs
//!   and its output lie.
//! - A **tile** is [`TILE`](crate::kernel::TILE) elements, counted from the beginning of the
//!   tensor: all cuts between elements fall between tiles, and sums are sums of tiles' sums.
//! - A **quad** is four elements: what one invocation of a kernel computes, and one block of random
//!   words serves.

mod account;
mod asked;
mod bytes;
mod class;
mod coded_output;
mod coder;
mod codes;
mod copies;
mod division;
mod draft;
mod drafter;
mod drafting;
mod encoded;
mod entries;
mod error;
mod explain;
mod factor_bytes;
mod factors;
mod frame;
mod held;
mod id;
mod input;
mod job;
mod lane;
mod layout;
mod ledger;
mod loader;
mod memory;
mod metadata;
mod parallel;
mod part;
mod reads;
mod resolve;
mod said;
mod schedules;
mod seen;
mod source;
mod task;
mod view_error;

pub use bytes::{Bytes, Cut, Gathered, Joint, JointSource, RowSource};
pub use class::{Class, Group, Round};
pub use coded_output::CodedOutput;
pub use codes::Codes;
pub use encoded::{Encoded, Largest};
pub use error::PlanError;
pub use explain::{ProgramSummary, Summary};
pub use factors::{Extent, Factor, Factors};
pub use id::{ClassId, FileId, InputId, JobId, OutputId, ProgramId};
pub use input::Input;
pub use job::{Action, Job, Place, Run, Work};
pub(crate) use lane::PAGE_BYTES;
pub use layout::PlannedFile;
pub(crate) use memory::PROCESS_BYTES;
pub use memory::{DeviceLimits, Limits, MemoryPlan};
pub(crate) use parallel::in_shares;
pub use part::{Part, Task};
pub use reads::Range;
pub use seen::Seen;
pub use source::{Output, Source};
pub use view_error::ViewError;

use std::borrow::Cow;

use held::Held;

pub use crate::id::IndexVec;
use crate::kernel::Program;
use crate::keys::KeyReport;
use crate::recipe::{Recipe, Recogniser, Reconciled};

/// A merge, worked out.
#[derive(Debug)]
pub struct Plan {
    /// The files of the output; those of further outputs are the same but for their metadata.
    pub files: IndexVec<FileId, PlannedFile>,
    /// One job per tensor of the output, in the order of their places.
    pub jobs: IndexVec<JobId, Job>,
    /// The distinct computations.
    pub programs: IndexVec<ProgramId, Program>,
    /// Jobs of one class share their Programs.
    pub classes: IndexVec<ClassId, Class>,
    /// How many outputs there are: what each computes of a tensor is with the tensor's job.
    pub outputs: usize,
    /// The jobs whose statistics need passes of their own, before anything is merged: tensors that
    /// do not fit into memory, and selections over whole models. Sorted by tensor name.
    pub survey: Vec<JobId>,
    /// How many tasks the merge pass has.
    pub task_count: usize,
    /// Who needs how much memory.
    pub memory: MemoryPlan,
    /// The account of keys.
    pub report: KeyReport,
    /// What is stored as codes.
    pub coded: CodedOutput,
    /// What the metadata of each output says.
    metadata: IndexVec<OutputId, Vec<(String, String)>>,
}

/// Works out a merge.
pub fn build(
    recipe: &Recipe,
    sources: &[Source<'_>],
    output: &Output,
    limits: &Limits,
) -> Result<Plan, PlanError> {
    build_all(std::slice::from_ref(recipe), sources, output, limits)
}

/// Works out several merges of the same models that differ in numbers alone: each has an output of
/// its own, and the inputs are read once for all of them.
pub(crate) fn build_all(
    recipes: &[Recipe],
    sources: &[Source<'_>],
    output: &Output,
    limits: &Limits,
) -> Result<Plan, PlanError> {
    if recipes.is_empty() {
        return Err(PlanError::NoRecipe);
    }
    let Drafts {
        classes,
        mut jobs,
        mut report,
        coded,
        first,
        metadata,
    } = Drafts::of(recipes, sources, limits)?;
    let class::Classes {
        programs,
        classes,
        held: shared,
        ..
    } = classes;
    // Jobs change places when all outputs have theirs.
    let placed = first.map(|first| layout::place(&first, sources, output, &mut jobs));
    let mut files = placed.transpose()?.unwrap_or_default();
    for metadata in &metadata {
        layout::measure(&mut files, &jobs, metadata)?;
    }
    report
        .notes
        .extend(coded_output::note(recipes, sources, output));
    let outputs = recipes.len();
    let held = Held::of(sources)
        .with_texts(recipes)
        .with_jobs(&jobs, shared)
        .with_changes(usize::from(limits.measures) * jobs.len() * outputs)
        .with_told(&jobs, recipes)
        .with_files(&files, &metadata, &report);
    let work = lane::Work {
        programs: &programs,
        classes: &classes,
        models: sources.len(),
        outputs,
        measured: match (limits.measures, limits.device) {
            (false, _) => 0,
            (true, None) => outputs,
            // There is one output, and a piece for every part.
            (true, Some(_)) => part::PARTS_MAX,
        },
    };
    let mut memory = memory::divide(&mut jobs, &work, held, limits)?;
    let jobs = IndexVec::from(jobs);
    let survey = task::surveyed(&jobs, &classes);
    let measure = task::measure(&jobs, &survey, &memory);
    memory.shrink(&jobs, &work, &measure);
    Ok(Plan {
        files: files.into(),
        jobs,
        programs,
        classes,
        outputs,
        survey,
        task_count: measure.tasks,
        memory,
        report,
        coded,
        metadata: metadata.into(),
    })
}

/// What the outputs compute, before their tensors have places.
struct Drafts {
    classes: class::Classes,
    jobs: Vec<Job>,
    report: KeyReport,
    coded: CodedOutput,
    /// The first recipe, as it is once schedules and additions are applied.
    first: Option<Recipe>,
    metadata: Vec<Vec<(String, String)>>,
}

impl Drafts {
    fn of(
        recipes: &[Recipe],
        sources: &[Source<'_>],
        limits: &Limits,
    ) -> Result<Drafts, PlanError> {
        let (mut classes, mut jobs) = (class::Classes::default(), Vec::new());
        let (mut report, mut coded) = (KeyReport::default(), CodedOutput::default());
        let (mut first, mut metadata) = (None, Vec::with_capacity(recipes.len()));
        resolve::check(sources)?;
        let names = source::names(sources);
        let mut recogniser = Recogniser::new(&recipes[0], &names);
        for given in recipes {
            let Reconciled { recipe, notes } = recogniser.reconcile(given)?;
            let applied = schedules::applied(&recipe, sources, &mut recogniser)?;
            let extended = recogniser.extend(&applied.recipe)?;
            let recipe = extended.map_or(applied.recipe, Cow::Owned);
            let recipe = recipe.as_ref();
            let drafted = (recipe, limits);
            let resolved =
                resolve::resolve(drafted, sources, &mut recogniser, &mut classes, &mut jobs)?;
            (report, coded) = (resolved.report, resolved.coded);
            report.notes.extend(notes.into_iter().chain(applied.notes));
            report.blocks = applied.blocks;
            metadata.push(metadata::metadata((given, recipe), sources, &coded));
            first.get_or_insert_with(|| recipe.clone());
        }
        Ok(Drafts {
            classes,
            jobs,
            report,
            coded,
            first,
            metadata,
        })
    }
}

impl Plan {
    /// Whether a device has something to compute.
    pub fn uses_device(&self) -> bool {
        let merged = |job: &Job| matches!(job.action, Action::Merge { .. });
        self.jobs.iter().any(|job| merged(job) && !job.streams)
    }

    /// The jobs of a file, in the order of their places.
    pub fn jobs_of(&self, file: &PlannedFile) -> &[Job] {
        let all: &[Job] = &self.jobs;
        &all[file.jobs.clone()]
    }

    /// The work of the merge pass, in the order in which it is done.
    pub fn tasks(&self) -> impl Iterator<Item = Task> {
        task::tasks(&self.jobs, &self.memory)
    }

    /// Elements of a job that are read and computed at a time.
    pub(crate) fn chunk_of(&self, job: &Job) -> u64 {
        let memory = &self.memory;
        match job.streams {
            false => u64::MAX,
            true => {
                let arena = memory.arena_bytes as u64;
                lane::chunk_of(job, memory.chunk_elements, arena) as u64
            }
        }
    }

    /// Whether one reading of a job's inputs serves all its statistics: all of it lies in the
    /// arena.
    pub(crate) fn is_small(&self, job: &Job) -> bool {
        let resident = matches!(job.action, Action::Merge { resident: true, .. });
        resident && self.chunk_of(job) >= job.elements
    }

    /// The first bytes of a file of an output, up to the data.
    ///
    /// # Errors
    /// None for a plan that [`build`] made: it has measured every header.
    pub fn header(&self, output: OutputId, file: FileId) -> Result<Vec<u8>, PlanError> {
        let file = &self.files[file];
        let header = file.header(&self.jobs, &self.metadata[output]);
        header.map_err(|fault| PlanError::Header {
            file: file.name.display().to_string(),
            fault,
        })
    }

    /// What the metadata of an output says.
    pub fn metadata(&self, output: OutputId) -> &[(String, String)] {
        &self.metadata[output]
    }

    /// Elements of the parts that a surveyed job is read in.
    pub(crate) fn survey_elements(&self, job: JobId) -> u64 {
        task::survey_elements(&self.jobs[job], &self.memory)
    }

    /// Bytes that a survey may hold besides what its lanes read: none of them writes meanwhile, or
    /// collects candidates.
    pub(crate) fn survey_room(&self) -> usize {
        let memory = &self.memory;
        let outputs = memory.output_bytes * self.outputs;
        memory.lanes * (outputs + memory.statistics_bytes)
    }
}
