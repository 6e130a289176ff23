//! What will happen, as plain data.
//!
//! [`build`] is a pure function of the recipe, the models' headers and the limits of the machine:
//! it opens no file and knows no device. Everything that a user can get wrong is found here, before
//! a byte is written. The plan holds, for every tensor of the output, its inputs, its numbers and
//! the class of Programs that computes it; the header and every offset; the tasks, with the memory
//! they need; and the account of keys.

mod account;
mod arena;
mod blocks;
mod bytes;
mod class;
mod division;
mod draft;
mod error;
mod explain;
mod factors;
mod figures;
mod frame;
mod job;
mod layout;
mod ledger;
mod loader;
mod memory;
mod metadata;
mod parallel;
mod part;
mod reads;
mod resolve;
mod source;
mod task;

pub use bytes::{Bytes, Seen, ViewError};
pub use class::{Class, Level};
pub use error::PlanError;
pub use explain::{ProgramSummary, Summary};
pub use factors::{Extent, Factor, Factors};
pub(crate) use figures::{counted, human};
pub use job::{Action, Input, Job, Place};
pub use layout::PlannedFile;
pub(crate) use memory::PAGE_BYTES;
pub use memory::{DeviceLimits, Limits, MemoryPlan};
pub(crate) use parallel::in_runs;
pub use part::{Part, Task};
pub use reads::Range;
pub(crate) use reads::SAMPLE_TILES;
pub use source::{Output, Source};
pub(crate) use task::survey_parts;

use std::borrow::Cow;

use crate::kernel::Program;
use crate::keys::KeyReport;
use crate::recipe::{Recipe, Recogniser, Reconciled};

/// A merge, worked out.
#[derive(Debug)]
pub struct Plan {
    /// The files of the output with their complete headers.
    pub files: Vec<PlannedFile>,
    /// One job per tensor of the output, in the order of their places.
    pub jobs: Vec<Job>,
    /// The distinct computations.
    pub programs: Vec<Program>,
    /// Jobs of one class share their Programs.
    pub classes: Vec<Class>,
    /// How many outputs there are. Each has the same number of jobs and files, one output after the
    /// other; the tasks name the jobs of the first and mean those of all.
    pub variants: usize,
    /// The jobs whose statistics need passes of their own, before anything is merged: tensors that
    /// do not fit into memory, and selections over whole models. Sorted by tensor name.
    pub survey: Vec<usize>,
    /// The work of the merge pass, in the order of the output.
    pub tasks: Vec<Task>,
    /// Who needs how much memory.
    pub memory: MemoryPlan,
    /// The account of keys.
    pub report: KeyReport,
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
pub fn build_all(
    recipes: &[Recipe],
    sources: &[Source<'_>],
    output: &Output,
    limits: &Limits,
) -> Result<Plan, PlanError> {
    if recipes.is_empty() {
        return Err(PlanError::NoRecipe);
    }
    let mut classes = class::Classes::default();
    let (mut files, mut jobs, mut report) = (Vec::new(), Vec::new(), KeyReport::default());
    resolve::check(sources)?;
    let names = source::names(sources);
    let mut recogniser = Recogniser::new(&recipes[0], &names);
    for recipe in recipes {
        let Reconciled { recipe, notes } = recogniser.reconcile(recipe)?;
        let applied = blocks::applied(&recipe, sources, &mut recogniser)?;
        let extended = recogniser.extend(&applied.recipe)?;
        let recipe = extended.map_or(applied.recipe, Cow::Owned);
        let mut resolved =
            resolve::resolve(recipe.as_ref(), sources, &mut recogniser, &mut classes)?;
        let mut own = layout::place(recipe.as_ref(), sources, output, &mut resolved.jobs)?;
        for job in &mut resolved.jobs {
            job.place.file += files.len();
        }
        files.append(&mut own);
        jobs.append(&mut resolved.jobs);
        report = resolved.report;
        report.notes.extend(notes.into_iter().chain(applied.notes));
        report.blocks = applied.blocks;
    }
    let variants = recipes.len();
    let class::Classes {
        programs, classes, ..
    } = classes;
    let mut memory = memory::divide(&mut jobs, &classes, limits, variants)?;
    let (survey, tasks) = task::cut(&jobs, &classes, &memory, variants);
    let runs = survey
        .iter()
        .flat_map(|&job| survey_parts(job, &jobs, &memory));
    let runs: Vec<u64> = runs
        .map(|part| arena::arena_bytes_of(&jobs[part.job], part.len))
        .collect();
    memory.shrink(&jobs, &runs, &tasks, variants);
    Ok(Plan {
        files,
        jobs,
        programs,
        classes,
        variants,
        survey,
        tasks,
        memory,
        report,
    })
}

impl Plan {
    /// Whether there is work that no device does.
    pub fn needs_host(&self) -> bool {
        self.variants > 1 || self.jobs.iter().any(Job::needs_host)
    }

    /// Which output a job belongs to.
    pub(crate) fn variant_of(&self, job: usize) -> usize {
        job / (self.jobs.len() / self.variants).max(1)
    }

    /// The jobs of all outputs that a task means by one of the first output's.
    pub(crate) fn siblings(&self, job: usize) -> impl Iterator<Item = usize> {
        arena::siblings(job, self.jobs.len(), self.variants)
    }

    /// The jobs of all outputs that stand for a job's tensor.
    pub(crate) fn tensor_jobs(&self, job: usize) -> impl Iterator<Item = usize> {
        let each = (self.jobs.len() / self.variants).max(1);
        self.siblings(job % each)
    }

    /// Elements of a job that are read and computed at a time.
    pub(crate) fn chunk_of(&self, job: usize) -> u64 {
        let (memory, each) = (&self.memory, self.jobs.len() / self.variants.max(1));
        let Some(chunk) = memory.chunk_elements else {
            return u64::MAX;
        };
        let first = job % each.max(1);
        let arena = memory.arena_bytes as u64;
        arena::chunk_of(&self.jobs, first, self.variants, chunk, arena) as u64
    }

    /// Bytes of arena that the inputs of a part and its siblings take, shared ones once.
    pub(crate) fn group_bytes(&self, part: &Part) -> u64 {
        arena::group_bytes_of(&self.jobs, part.job, self.variants, part.len)
    }

    /// Bytes of arena that the inputs of a part take.
    pub(crate) fn arena_bytes(&self, part: &Part) -> u64 {
        arena::arena_bytes_of(&self.jobs[part.job], part.len)
    }
}
