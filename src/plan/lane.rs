//! What a lane needs, and what it gets.

use super::class::Class;
use super::held::row_bytes;
use super::job::{Action, Job, PLANE_BYTES};
use super::part::PARTS_MAX;
use super::{ClassId, IndexVec, ProgramId};
use crate::kernel::{ARENA_ALIGNMENT, BINS, Change, Made, Output, Plane, Program, TILE};

/// Elements of a chunk at most: Programs number them with 32 bits.
const CHUNK_MAX: u64 = 1 << 32;
/// Buffers are whole pages.
pub(crate) const PAGE_BYTES: u64 = 4096;
/// What a lane holds besides its buffers: a thread's stack and heap, the parts of its task.
const DESK_BYTES: u64 = 256 << 10;
/// Bytes of the counts of one value.
const COUNT_BYTES: u64 = (BINS as u64 + 1) * 8;
/// How many counts of a value are held at once: the total, and what an executor counts in and
/// returns.
pub(super) const COUNTS: u64 = 3;
/// Bytes of the states of a generator that are remembered, at both depths at which planes are made.
const STATE_BYTES: u64 = 2 * 9 * 2560;
/// The share of a lane, one in this many, that planes of values may take for blocks.
const SCRATCH_SHARE: u64 = 3;
/// What codes of a window take: of two megabytes of results, in several copies.
const CODES_BYTES: u64 = 2 << 20;
/// How deep planes are made of planes: with buffers of their own.
const PLANE_DEPTH: u64 = 2;

/// What there is to do, as far as memory goes.
pub(super) struct Work<'a> {
    pub(super) programs: &'a IndexVec<ProgramId, Program>,
    pub(super) classes: &'a IndexVec<ClassId, Class>,
    pub(super) models: usize,
    pub(super) outputs: usize,
    /// Of how many pieces a lane measures at once what they change.
    pub(super) measured: usize,
}

/// Bytes that a chunk of a job takes: its inputs, and what the host looks at one by one.
pub(super) fn chunk_bytes(job: &Job, chunk: usize) -> u64 {
    if let Action::Copy(_) | Action::Part = job.action {
        return 0;
    }
    let elements = job.elements.min(chunk as u64);
    let seen = job.outputs().iter().map(|work| {
        let statistics = work.statistics.iter().filter(|own| own.needs_host());
        statistics.map(|own| own.values.len()).sum::<usize>()
    });
    let seen = seen.max().unwrap_or(0) as u64;
    job.arena_bytes(elements) + seen * elements * PLANE_BYTES
}

/// Elements of a job that are read and computed at a time: `chunk` unless its bytes lie far from
/// each other; then as many as `arena` bytes take.
pub(super) fn chunk_of(job: &Job, chunk: usize, arena: u64) -> usize {
    if !job.inputs().iter().any(|input| input.bytes.is_strided()) {
        return chunk;
    }
    let mut wide = chunk;
    while (wide as u64) < job.elements.min(CHUNK_MAX / 2 + 1) && chunk_bytes(job, 2 * wide) <= arena
    {
        wide *= 2;
    }
    wide
}

/// Bytes that a lane holds to make planes and stages of values, block by block, at most.
pub(super) fn widest_scratch(jobs: &[Job], work: &Work<'_>, block: usize) -> u64 {
    let bytes = jobs.iter().map(|job| {
        let outputs = job.outputs().iter();
        let classes = outputs.map(|output| &work.classes[output.class]);
        let made = classes.flat_map(|class| class.planes.iter().chain(&class.stages));
        let values = made.map(Vec::len).max().unwrap_or(0) as u64;
        match values {
            0 => 0,
            // A plane may be made of another, with inputs and values of its own.
            _ => {
                let elements = job.elements.min(block as u64);
                PLANE_DEPTH * (job.arena_bytes(elements) + values * elements * PLANE_BYTES)
            }
        }
    });
    bytes.max().unwrap_or(0)
}

/// The least that a lane works with.
#[derive(Clone, Copy)]
pub(super) struct Least {
    pub(super) arena: u64,
    /// Of an output: a tile, or what is encoded together.
    pub(super) output: u64,
    pub(super) outputs: u64,
    /// The factors of the delta that it reads.
    pub(super) factors: u64,
    /// What it computes and counts in, and the numbers of its task.
    pub(super) desk: u64,
    /// What the counts of one pass over all statistics of a tensor take.
    pub(super) counts: u64,
    /// What planes of values need for a tile.
    pub(super) scratch: u64,
}

impl Least {
    /// Bytes of a tile of output, whatever its type.
    const TILE_OUTPUT: u64 = TILE as u64 * 8;

    /// A tile of every input of the widest tensor, and one of output.
    pub(super) fn of(jobs: &[Job], work: &Work<'_>, factors: u64) -> Least {
        let outputs = work.outputs as u64;
        let slots = work.classes.iter().map(|class| class.slots.len()).max();
        let tile = TILE as u64 * 8 + ARENA_ALIGNMENT as u64;
        let registers = work.programs.iter().map(Program::register_count).max();
        let values = work.programs.iter().map(|program| {
            let outputs = program.outputs().iter();
            outputs
                .filter(|output| matches!(output, Output::Count(_)))
                .count()
        });
        let counts = values.max().unwrap_or(0) as u64 * COUNT_BYTES;
        let numbers = jobs.iter().map(|job| {
            let numbers = job.outputs().iter().map(|output| row_bytes(&output.row));
            let drawn = |plane: &&Plane| matches!(plane.made, Made::TorchUniform { .. });
            let states = job.planes().filter(drawn).count() as u64 * STATE_BYTES;
            numbers.sum::<u64>() * PARTS_MAX as u64 + states + job.column_bytes()
        });
        let changes = size_of::<Change>() * work.measured;
        let tiles = registers.unwrap_or(0) as u64 * TILE as u64 * 4;
        let encoded = jobs.iter().filter_map(Job::encoded);
        let encoded = encoded.map(|encoded| encoded.least_bytes()).max();
        // Codes, where they are made, where they are written from, and those of the base.
        let codes = encoded.map_or(0, |bytes| bytes.max(CODES_BYTES));
        Least {
            output: encoded.unwrap_or(0).max(Least::TILE_OUTPUT),
            arena: (slots.unwrap_or(1) as u64 * tile * outputs).next_multiple_of(PAGE_BYTES),
            outputs,
            factors,
            // Two executors have tiles: one makes planes.
            desk: DESK_BYTES
                + 2 * tiles
                + counts * COUNTS
                + codes
                + numbers.max().unwrap_or(0)
                + changes as u64,
            counts: counts * outputs,
            scratch: widest_scratch(jobs, work, TILE),
        }
    }

    /// Bytes of a lane with no more than that.
    pub(super) fn lane(self) -> u64 {
        let buffers = self.arena + self.outputs * (self.output + PAGE_BYTES);
        self.factors + self.desk + self.scratch + buffers
    }
}

#[derive(Clone, Copy)]
pub(super) struct Lane {
    pub(super) arena: u64,
    pub(super) output: u64,
    pub(super) scratch: u64,
}

impl Lane {
    pub(super) fn of(
        bytes: u64,
        least: Least,
        scratch: u64,
        output_max: u64,
        arena_max: u64,
    ) -> Lane {
        let bytes = bytes.saturating_sub(least.factors + least.desk);
        let scratch = scratch.min(bytes / SCRATCH_SHARE).max(least.scratch);
        let bytes = bytes.saturating_sub(scratch);
        let pages = |bytes: u64| bytes / PAGE_BYTES * PAGE_BYTES;
        // A page more is held so that the output can be placed as the disk wants it.
        let output = output_max.min(bytes / 3).max(least.output);
        let output = output.min(bytes.saturating_sub(least.arena)) / least.outputs;
        let output = pages(output).saturating_sub(PAGE_BYTES).max(least.output);
        let arena = bytes.saturating_sub((output + PAGE_BYTES) * least.outputs);
        let arena = pages(arena.min(arena_max.max(least.arena)));
        Lane {
            arena,
            output,
            scratch,
        }
    }
}
