//! Cuts the jobs into tasks that fit a lane.

use super::arena::arena_bytes_of;
use super::class::Class;
use super::job::{Action, Job};
use super::memory::MemoryPlan;
use super::part::{Part, Task};
use crate::kernel::TILE;

/// Resident tensors share a task up to this many bytes, so that tasks stay of a size.
const RESIDENT_BYTES: u64 = 16 << 20;
/// Parts of one task, so that tables and histograms stay small.
const PARTS_MAX: usize = 64;

/// The jobs to survey, and the tasks of the merge.
pub(super) fn cut(
    jobs: &[Job],
    classes: &[Class],
    memory: &MemoryPlan,
    variants: usize,
) -> (Vec<usize>, Vec<Task>) {
    let mut cutter = Cutter {
        jobs,
        memory,
        tasks: Vec::new(),
        open: Task::default(),
    };
    let mut survey = Vec::new();
    for (at, job) in jobs.iter().enumerate() {
        if needs_survey(job, classes) {
            survey.push(at);
        }
        if at < jobs.len() / variants {
            cutter.add(at);
        }
    }
    cutter.close();
    cutter
        .tasks
        .sort_by_key(|task| task.arena_bytes <= LARGE_BYTES);
    survey.sort_by(|&a, &b| jobs[a].key.cmp(&jobs[b].key));
    (survey, cutter.tasks)
}

fn needs_survey(job: &Job, classes: &[Class]) -> bool {
    match &job.action {
        Action::Copy(_) => false,
        Action::Merge {
            class, resident, ..
        } => !resident && !classes[*class].levels.is_empty(),
    }
}

struct Cutter<'a> {
    jobs: &'a [Job],
    memory: &'a MemoryPlan,
    tasks: Vec<Task>,
    open: Task,
}

impl Cutter<'_> {
    fn add(&mut self, at: usize) {
        let job = &self.jobs[at];
        match &job.action {
            Action::Copy(_) => self.add_runs(at, job.bytes, 1),
            Action::Merge { resident: true, .. } => {
                self.add_part(
                    Part {
                        job: at,
                        start: 0,
                        len: job.elements,
                    },
                    RESIDENT_BYTES,
                );
            }
            Action::Merge { float, .. } => self.add_runs(at, job.elements, float.bytes() as u64),
        }
    }

    /// Adds a job in runs whose inputs fit the arena and whose output fits its buffer.
    fn add_runs(&mut self, at: usize, total: u64, unit_bytes: u64) {
        let job = &self.jobs[at];
        let arena = |len| arena_bytes_of(job, len);
        let tile = TILE as u64;
        let (arena_max, output_max) = (self.arena_max(), self.memory.output_bytes as u64);
        let mut start = 0;
        while start < total {
            let free = output_max.saturating_sub(self.open.output_bytes) / unit_bytes;
            let rest = total - start;
            let mut len = rest.min(free / tile * tile);
            if rest <= free {
                len = rest;
            }
            // Inputs may be wider than the output.
            while len > tile && self.open.arena_bytes + arena(len) > arena_max {
                len = (len / 2).next_multiple_of(tile);
            }
            let fits = len > 0 && self.open.arena_bytes + arena(len) <= arena_max;
            if !fits && !self.open.parts.is_empty() {
                self.close();
                continue;
            }
            let len = len.max(tile.min(rest));
            self.add_part(
                Part {
                    job: at,
                    start,
                    len,
                },
                u64::MAX,
            );
            start += len;
        }
        if total == 0 {
            self.add_part(
                Part {
                    job: at,
                    start: 0,
                    len: 0,
                },
                u64::MAX,
            );
        }
    }

    fn add_part(&mut self, part: Part, arena_soft: u64) {
        let job = &self.jobs[part.job];
        let arena = arena_bytes_of(job, part.len);
        let output = match &job.action {
            Action::Copy(_) => part.len,
            Action::Merge { float, .. } => part.len * float.bytes() as u64,
        };
        let arena_max = arena_soft.min(self.arena_max());
        let other_file = self
            .open
            .parts
            .last()
            .is_some_and(|last| self.jobs[last.job].place.file != job.place.file);
        let full = self.open.arena_bytes + arena > arena_max || self.open.parts.len() >= PARTS_MAX;
        if other_file || (full && !self.open.parts.is_empty()) {
            self.close();
        }
        self.open.parts.push(part);
        self.open.arena_bytes += arena;
        self.open.output_bytes += output;
    }

    /// Bytes of inputs that a task may have: any number where they are read in chunks.
    fn arena_max(&self) -> u64 {
        match self.memory.chunk_elements {
            Some(_) => u64::MAX,
            None => self.memory.arena_bytes as u64,
        }
    }

    fn close(&mut self) {
        if !self.open.parts.is_empty() {
            self.tasks.push(std::mem::take(&mut self.open));
        }
    }
}

/// Tasks larger than this go first, so that none is left for the end while other lanes are idle.
const LARGE_BYTES: u64 = 64 << 20;

/// Cuts a job that is surveyed into runs whose inputs fit the arena.
pub(crate) fn survey_parts(job: usize, jobs: &[Job], memory: &MemoryPlan) -> Vec<Part> {
    let tile = TILE as u64;
    let total = jobs[job].elements;
    let mut run = total.next_multiple_of(tile);
    while run > tile && arena_bytes_of(&jobs[job], run) > memory.arena_bytes as u64 {
        run = (run / 2).next_multiple_of(tile);
    }
    let starts = (0..total).step_by(run.max(tile) as usize);
    starts
        .map(|start| Part {
            job,
            start,
            len: run.min(total - start),
        })
        .collect()
}
