//! The planes that the host makes beside the inputs: peers' random numbers, sums over rows and
//! columns.
//!
//! A plane is made for the chunk at hand, so it takes no more memory than an input. What runs
//! through the whole tensor is remembered between chunks: the state of a generator, the number of
//! the row that a chunk ends in, the columns' numbers. What is made of whole values is a stage's.

use std::collections::HashMap;

use rand_mt::Mt;

use super::binomial::Binomial;
use super::column_sums::ColumnTotals;
use super::inputs::read_inputs;
use super::rows::RowTotals;
use crate::exec::cpu::{CpuExecutor, Level};
use crate::exec::{Batch, Executor, Piece, Results};
use crate::kernel::{ARENA_ALIGNMENT, Made, Plane, Row, RowSums, SlotId, Stage, TILE};
use crate::merge::MergeError;
use crate::merge::pool::Buffer;
use crate::merge::shared::Shared;
use crate::plan::{Class, Job, JobId, OutputId, Part, ProgramId, Work};

/// Generator states remembered: a chunk may begin a little before the last one ended.
const STATES: usize = 8;

/// Makes planes for one lane.
pub(in crate::merge) struct Maker<'a> {
    pub(super) shared: &'a Shared<'a>,
    cpu: CpuExecutor,
    /// The job that all the following is about.
    job: Option<JobId>,
    /// States of generators, with the words drawn before.
    states: HashMap<Drawn, Vec<(u64, Mt)>>,
    /// The last row of each job's planes that was worked out, and its number.
    last_rows: HashMap<(OutputId, usize), (u64, f32)>,
    /// The numbers of the columns of each output's planes that have some.
    columns: HashMap<(OutputId, usize), Vec<f32>>,
    /// The results of each output's stages that were done.
    pub(super) done: HashMap<(OutputId, usize), Vec<f32>>,
    scratch: Buffer,
}

/// Who draws from a generator: an output's plane, at a depth of planes made for planes.
type Drawn = (OutputId, usize, usize);

/// A part of a tensor, for one output, with its numbers.
#[derive(Clone, Copy)]
pub(in crate::merge) struct Place<'r> {
    pub(in crate::merge) part: Part,
    pub(in crate::merge) output: OutputId,
    pub(in crate::merge) row: &'r Row,
}

impl<'a> Maker<'a> {
    pub(in crate::merge) fn new(shared: &'a Shared<'a>, level: Level) -> Maker<'a> {
        Maker {
            shared,
            cpu: CpuExecutor::new(level),
            job: None,
            states: HashMap::new(),
            last_rows: HashMap::new(),
            columns: HashMap::new(),
            done: HashMap::new(),
            scratch: Buffer::default(),
        }
    }

    /// Makes the planes of a part that are read, behind its inputs, which end at `at` in the arena.
    /// `inputs` gets their offsets. Returns where they end.
    pub(in crate::merge) fn make(
        &mut self,
        place: Place<'_>,
        reads: &[SlotId],
        arena: &mut [u8],
        mut at: usize,
        inputs: &mut [usize],
    ) -> Result<usize, MergeError> {
        if self.job != Some(place.part.job) {
            self.forget();
            self.job = Some(place.part.job);
        }
        self.stages(place, reads)?;
        for (number, plane) in self.work(place).planes.iter().enumerate() {
            let slot = plane.slot;
            if !reads.contains(&slot) {
                continue;
            }
            let end = at + place.part.len as usize * size_of::<f32>();
            self.fill(place, (number, 0), &mut arena[at..end])?;
            inputs[slot.index()] = at;
            at = end.next_multiple_of(ARENA_ALIGNMENT);
        }
        for (number, stage) in self.work(place).stages.iter().enumerate() {
            let slot = stage.slot;
            if reads.contains(&slot) {
                inputs[slot.index()] = at;
                at = self.copy_stage(place, number, arena, at);
            }
        }
        Ok(at)
    }

    /// Keeps nothing of the job at hand.
    pub(in crate::merge) fn forget(&mut self) {
        self.job = None;
        self.states.clear();
        self.last_rows.clear();
        self.columns.clear();
        self.done.clear();
    }

    pub(super) fn job(&self, place: Place<'_>) -> &'a Job {
        &self.shared.plan.jobs[place.part.job]
    }

    /// What the output computes: planes are only made of what is merged.
    pub(super) fn work(&self, place: Place<'_>) -> &'a Work {
        &self.job(place).outputs()[place.output.index()]
    }

    pub(super) fn class(&self, place: Place<'_>) -> &'a Class {
        &self.shared.plan.classes[self.work(place).class]
    }

    fn fill(
        &mut self,
        place: Place<'_>,
        (plane, depth): (usize, usize),
        target: &mut [u8],
    ) -> Result<(), MergeError> {
        let (part, output) = (place.part, place.output);
        match &self.work(place).planes[plane].made {
            Made::TorchUniform { seed, draw } => {
                let first = u64::from(*draw) * self.job(place).elements;
                let words = (first, first + part.start);
                let permits = &self.shared.permits;
                permits.with(|| self.draw((output, plane, depth), *seed, words, target));
                Ok(())
            }
            Made::NumpyBinomial { seed, draw, share } => {
                let first = u64::from(*draw) * self.job(place).elements;
                let permits = &self.shared.permits;
                permits.with(|| Binomial::new(*seed, *share).fill(first + part.start, target));
                Ok(())
            }
            Made::Rows(sums) => self.rows(place, plane, sums, target),
            Made::Columns(sums) => {
                let key = (output, plane);
                if !self.columns.contains_key(&key) {
                    let numbers = self.columns(place, plane, sums)?;
                    self.columns.insert(key, numbers);
                }
                let numbers = &self.columns[&key];
                let begin = (part.start % numbers.len().max(1) as u64) as usize;
                let own = numbers[begin..].iter().chain(numbers.iter().cycle());
                for (place, number) in target.chunks_exact_mut(size_of::<f32>()).zip(own) {
                    place.copy_from_slice(&number.to_le_bytes());
                }
                Ok(())
            }
        }
    }

    /// Uniform numbers of torch's generator, from the word number `from` on; the plane begins with
    /// the word number `first`, to which every pass over the tensor comes back.
    fn draw(&mut self, source: Drawn, seed: u64, (first, from): (u64, u64), target: &mut [u8]) {
        let states = self.states.entry(source).or_default();
        let known = states.iter().filter(|(position, _)| *position <= from);
        let (mut position, mut generator) = match known.max_by_key(|(position, _)| *position) {
            Some((position, generator)) => (*position, generator.clone()),
            // Of the seed the low 32 bits count, as in torch.
            None => (0, Mt::new(seed as u32)),
        };
        states.retain(|(position, _)| *position <= from);
        while position < from {
            if position == first {
                remember(states, first, position, &generator);
            }
            generator.next_u32();
            position += 1;
        }
        remember(states, first, from, &generator);
        let words = target.len() / size_of::<f32>();
        for place in target.chunks_exact_mut(size_of::<f32>()) {
            let word = generator.next_u32() & 0x00ff_ffff;
            let uniform = word as f32 * (1.0 / 16_777_216.0);
            place.copy_from_slice(&uniform.to_le_bytes());
        }
        remember(states, first, from + words as u64, &generator);
    }

    /// Elements computed at a time where a plane needs values of its own.
    pub(super) fn block(&self) -> u64 {
        self.shared.plan.memory.block_elements as u64
    }

    /// The numbers of the rows that a part touches.
    fn rows(
        &mut self,
        place: Place<'_>,
        plane: usize,
        sums: &RowSums,
        target: &mut [u8],
    ) -> Result<(), MergeError> {
        let job = self.job(place);
        let part = place.part;
        let columns = job.shape.last().copied().unwrap_or(1).max(1);
        let end = part.start + part.len;
        let (first, last) = (part.start / columns, end.div_ceil(columns));
        let known = self.last_rows.get(&(place.output, plane)).copied();
        let known = known.filter(|(number, _)| *number == first);
        let mut numbers: Vec<f32> = known.iter().map(|(_, number)| *number).collect();
        let from = (first + numbers.len() as u64) * columns;
        let to = (last * columns).min(job.elements);
        let mut totals = RowTotals::new(sums, columns);
        let mut block = from / TILE as u64 * TILE as u64;
        while block < to {
            let piece = Part {
                start: block,
                len: self.block().min(job.elements - block),
                ..part
            };
            let skip = from.saturating_sub(block) as usize;
            let until = (to - block).min(piece.len) as usize;
            let place = Place {
                part: piece,
                ..place
            };
            let programs = &self.class(place).planes[plane];
            self.values(place, programs, |values| {
                totals.take(values, skip..until, &mut numbers);
            })?;
            block += piece.len;
        }
        if let Some(number) = numbers.last() {
            let row = first + numbers.len() as u64 - 1;
            self.last_rows.insert((place.output, plane), (row, *number));
        }
        self.shared.permits.with(|| {
            let places = target.chunks_exact_mut(size_of::<f32>());
            for (place, element) in places.zip(part.start..end) {
                let number = numbers[(element / columns - first) as usize];
                place.copy_from_slice(&number.to_le_bytes());
            }
        });
        Ok(())
    }

    /// The numbers of the columns of a whole tensor.
    fn columns(
        &mut self,
        place: Place<'_>,
        plane: usize,
        sums: &RowSums,
    ) -> Result<Vec<f32>, MergeError> {
        let (job, block) = (self.job(place), self.block());
        let programs = &self.class(place).planes[plane];
        let mut totals = ColumnTotals::new(sums, job.columns() as usize);
        for start in (0..job.elements).step_by(block as usize) {
            self.shared.check_running()?;
            let part = Part {
                start,
                len: block.min(job.elements - start),
                ..place.part
            };
            self.values(Place { part, ..place }, programs, |values| {
                totals.take(values)
            })?;
        }
        Ok(self.shared.permits.with(|| totals.numbers()))
    }

    /// Hands the values of Programs over a part that begins between tiles to `take`, which has a
    /// permit to compute. The stages that they read are done.
    pub(super) fn values(
        &mut self,
        place: Place<'_>,
        programs: &[ProgramId],
        take: impl FnOnce(&[Vec<f32>]),
    ) -> Result<(), MergeError> {
        let Place { part, output, row } = place;
        let (plan, work) = (self.shared.plan, self.work(place));
        let reads = |slot: SlotId| {
            let mut programs = programs.iter();
            programs.any(|&program| plan.programs[program].slots().contains(&slot))
        };
        let mut scratch = std::mem::take(&mut self.scratch);
        let arena = scratch.take(self.shared.arena_bytes(&part));
        let mut offsets = vec![0; work.slots.len()];
        let mut at = read_inputs(self.shared, (&part, output), arena, 0, &mut offsets)?;
        for (plane, Plane { slot, .. }) in work.planes.iter().enumerate() {
            if reads(*slot) {
                let end = at + part.len as usize * size_of::<f32>();
                self.fill(place, (plane, 1), &mut arena[at..end])?;
                offsets[slot.index()] = at;
                at = end.next_multiple_of(ARENA_ALIGNMENT);
            }
        }
        for (stage, Stage { slot, .. }) in work.stages.iter().enumerate() {
            if reads(*slot) {
                offsets[slot.index()] = at;
                at = self.copy_stage(place, stage, arena, at);
            }
        }
        let piece = Piece {
            row,
            start: part.start,
            len: part.len as usize,
            inputs: offsets,
            output: 0,
        };
        self.shared.permits.with(|| {
            let mut values = Vec::with_capacity(programs.len());
            for &program in programs {
                let batch = Batch {
                    program: &plan.programs[program],
                    pieces: std::slice::from_ref(&piece),
                };
                let mut value = vec![0.0_f32; part.len as usize];
                let target = bytemuck::cast_slice_mut(&mut value);
                self.cpu
                    .run(&batch, arena, &mut Results::storing(target))
                    .map_err(|fault| self.shared.fault(fault, (part.job, output)))?;
                values.push(value);
            }
            take(&values);
            Ok::<_, MergeError>(())
        })?;
        self.scratch = scratch;
        Ok(())
    }
}

/// Keeps a generator's state, the one at a plane's beginning for good and some of the last ones.
fn remember(states: &mut Vec<(u64, Mt)>, first: u64, position: u64, generator: &Mt) {
    if states.iter().any(|(known, _)| *known == position) {
        return;
    }
    if states.len() == STATES
        && let Some(oldest) = states.iter().position(|(known, _)| *known != first)
    {
        states.remove(oldest);
    }
    states.push((position, generator.clone()));
}
