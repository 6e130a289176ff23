//! Cuts the jobs into tasks that fit a lane. Tasks are made when they are asked for: models of
//! terabytes have more of them than a list should hold.

use super::class::Class;
use super::job::{Action, Job};
use super::lane::chunk_of;
use super::memory::MemoryPlan;
use super::part::{Measure, PARTS_MAX, Part, Task};
use super::{ClassId, IndexVec, JobId};
use crate::kernel::TILE;

/// Resident tensors share a task up to this many bytes, so that tasks stay of a size.
const RESIDENT_BYTES: u64 = 16 << 20;
/// Chunks of a part of a surveyed tensor.
const SURVEY_CHUNKS: u64 = 16;
/// Tasks larger than this go first, so that none is left for the end while other lanes are idle.
const LARGE_BYTES: u64 = 64 << 20;

/// The tasks in the order in which they are done.
pub(super) fn tasks<'a>(
    jobs: &'a IndexVec<JobId, Job>,
    memory: &'a MemoryPlan,
) -> impl Iterator<Item = Task> + use<'a> {
    let is_large = |task: &Task| task.arena_bytes > LARGE_BYTES;
    let small = Cutter::new(jobs, memory).filter(move |task| !is_large(task));
    Cutter::new(jobs, memory).filter(is_large).chain(small)
}

/// How much there is to do, and the most that is done at once.
pub(super) fn measure(
    jobs: &IndexVec<JobId, Job>,
    survey: &[JobId],
    memory: &MemoryPlan,
) -> Measure {
    let mut measure = Measure::default();
    for task in Cutter::new(jobs, memory) {
        measure.tasks += 1;
        if !task.streams(jobs) {
            measure.arena_bytes = measure.arena_bytes.max(task.arena_bytes);
        }
        measure.output_bytes = measure.output_bytes.max(task.output_bytes);
    }
    for job in survey.iter().map(|&at| &jobs[at]) {
        let each = survey_elements(job, memory);
        measure.survey_parts += job.elements.div_ceil(each) as usize;
        if !job.streams {
            let bytes = job.arena_bytes(each.min(job.elements));
            measure.survey_bytes = measure.survey_bytes.max(bytes);
        }
    }
    measure
}

/// The jobs whose statistics are found before anything is merged, by name.
pub(super) fn surveyed(
    jobs: &IndexVec<JobId, Job>,
    classes: &IndexVec<ClassId, Class>,
) -> Vec<JobId> {
    let needed = |job: &Job| match &job.action {
        Action::Copy(_) | Action::Part => false,
        Action::Merge {
            outputs, resident, ..
        } => {
            let mut classes = outputs.iter().map(|work| &classes[work.class]);
            !resident && classes.any(|class| !class.rounds.is_empty())
        }
    };
    let survey = jobs.numbered().filter(|(_, job)| needed(job));
    let mut survey: Vec<JobId> = survey.map(|(number, _)| number).collect();
    survey.sort_by(|&a, &b| jobs[a].key.cmp(&jobs[b].key));
    survey
}

/// Elements of the parts that a surveyed job is read in: some chunks, or as many as have their
/// inputs in the arena.
pub(super) fn survey_elements(job: &Job, memory: &MemoryPlan) -> u64 {
    let tile = TILE as u64;
    if job.streams {
        let chunk = chunk_of(job, memory.chunk_elements, memory.arena_bytes as u64);
        return chunk as u64 * SURVEY_CHUNKS;
    }
    let mut each = job.elements.next_multiple_of(tile).max(tile);
    while each > tile && job.arena_bytes(each) > memory.arena_bytes as u64 {
        each = (each / 2).next_multiple_of(tile);
    }
    each
}

/// Makes tasks, in the order of the output.
struct Cutter<'a> {
    jobs: &'a IndexVec<JobId, Job>,
    memory: &'a MemoryPlan,
    /// The job that is cut next, and from where on.
    at: usize,
    start: u64,
    open: Task,
}

impl<'a> Cutter<'a> {
    fn new(jobs: &'a IndexVec<JobId, Job>, memory: &'a MemoryPlan) -> Cutter<'a> {
        Cutter {
            jobs,
            memory,
            at: 0,
            start: 0,
            open: Task::default(),
        }
    }

    /// The next part of a job for the open task, or None where it takes no more.
    fn part(&self, job: &Job) -> Option<Part> {
        let parts = &self.open.parts;
        let other = parts.last().is_some_and(|last| {
            let last = &self.jobs[last.job];
            // A lane has the stages of one tensor at a time.
            let staged = last.is_whole() || job.is_whole();
            let coded = !(last.is_entry() && job.is_entry());
            staged || coded || last.place.file != job.place.file || last.streams != job.streams
        });
        if other || parts.len() >= PARTS_MAX {
            return None;
        }
        let part = |len| Part {
            job: JobId::new(self.at),
            start: self.start,
            len,
        };
        let arena = |len| self.open.arena_bytes + job.arena_bytes(len);
        if job.is_whole() {
            return Some(part(job.elements));
        }
        if let Action::Merge { resident: true, .. } = job.action {
            let full = arena(job.elements) > RESIDENT_BYTES.min(self.arena_max(job));
            return (parts.is_empty() || !full).then(|| part(job.elements));
        }
        // A part whose inputs fit the arena and whose output fits its buffer.
        let (tile, unit) = (job.grain(), job.unit_bytes());
        let output_max = self.memory.output_bytes as u64;
        let free = output_max.saturating_sub(self.open.output_bytes) / unit;
        let rest = units(job) - self.start;
        let mut len = if rest <= free {
            rest
        } else {
            free / tile * tile
        };
        // Inputs may be wider than the output.
        while len > tile && arena(len) > self.arena_max(job) {
            len = (len / 2).next_multiple_of(tile);
        }
        let fits = (len > 0 || rest == 0) && arena(len) <= self.arena_max(job);
        (parts.is_empty() || fits).then(|| part(len.max(tile.min(rest))))
    }

    /// Bytes of inputs that a task may have: any number where they are read in chunks.
    fn arena_max(&self, job: &Job) -> u64 {
        match job.streams {
            true => u64::MAX,
            false => self.memory.arena_bytes as u64,
        }
    }
}

/// What a job is counted in: elements, or bytes of a copy.
fn units(job: &Job) -> u64 {
    match &job.action {
        Action::Copy(_) | Action::Part => job.bytes,
        Action::Merge { .. } => job.elements,
    }
}

impl Iterator for Cutter<'_> {
    type Item = Task;

    fn next(&mut self) -> Option<Task> {
        while let Some(job) = self.jobs.get(self.at) {
            if let Action::Part = job.action {
                // What follows does not lie beside what came before.
                if !self.open.parts.is_empty() {
                    break;
                }
                self.at += 1;
                continue;
            }
            let Some(part) = self.part(job) else { break };
            self.open.arena_bytes += job.arena_bytes(part.len);
            self.open.output_bytes += part.len * job.unit_bytes();
            self.open.parts.push(part);
            self.start = part.start + part.len;
            if self.start >= units(job) {
                (self.at, self.start) = (self.at + 1, 0);
            }
        }
        let task = std::mem::take(&mut self.open);
        (!task.parts.is_empty()).then_some(task)
    }
}
