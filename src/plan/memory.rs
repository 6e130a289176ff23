//! Who holds how much memory, within the budget.
//!
//! A lane is a worker with an arena for inputs and an output buffer. The sum over the lanes, on the
//! host and on the device, and what the process needs besides, stays within the budget whatever the
//! size of the models.
//!
//! For a device, the arena holds the inputs of a whole task. On the CPU it holds a chunk that fits
//! the caches: inputs are read chunk by chunk, as often as they are needed, because reading a
//! tensor again from the page cache costs less than writing it to memory and back. Where a device
//! computes, tensors that are not for it are read that way too, by the same lanes.

use std::sync::Arc;

use super::PlanError;
use super::class::Class;
use super::factor_bytes::FactorBytes;
use super::held::Held;
use super::job::{Action, Job};
use super::lane::{COUNTS, Lane, Least, PAGE_BYTES, Work, chunk_bytes, chunk_of, widest_scratch};
use super::part::Measure;
use crate::kernel::{Stage, TILE};

/// What the machine allows.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Bytes that the process may hold, host and device together.
    pub memory: u64,
    /// Threads that compute.
    pub threads: usize,
    /// The device that computes, if it is not the CPU.
    pub device: Option<DeviceLimits>,
    /// Whether it is measured what each result changes of the tensor that it goes out from.
    pub measures: bool,
}

/// What a device allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeviceLimits {
    /// The largest buffer that a kernel can see, in bytes.
    pub binding_bytes: u64,
}

/// The division of the budget.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemoryPlan {
    /// Workers that hold a task each.
    pub lanes: usize,
    /// Bytes of inputs that a lane holds at most.
    pub arena_bytes: usize,
    /// Bytes of each output that a lane holds at most.
    pub output_bytes: usize,
    /// Elements that are read and computed at a time of a job that [streams](Job::streams). The
    /// inputs of others lie in the arena as a whole.
    pub chunk_elements: usize,
    /// Elements computed at a time where planes need values of their own.
    pub block_elements: usize,
    /// Bytes that a lane may hold to find the statistics of whole tensors.
    pub statistics_bytes: usize,
    /// Bytes of the factors of one delta of an adapter at most.
    pub factor_bytes: u64,
    /// Deltas whose factors all lanes hold together.
    pub factor_slots: usize,
    /// Bytes that the stages of all lanes hold together: what one tensor needs at least.
    pub stage_bytes: u64,
    /// Bytes held by all lanes on the host.
    pub host_bytes: u64,
    /// Bytes held by all lanes on the device, staging included.
    pub device_bytes: u64,
}

/// What the process holds besides the lanes, headers and plan: its code and stacks.
pub(crate) const PROCESS_BYTES: u64 = 20 << 20;
/// The output buffer of a lane: a large page, which disks take as well as more.
const OUTPUT_BYTES: u64 = 2 << 20;
/// The same where tensors are stored in another order than they are wanted: what is read of each
/// row at a time is wider then.
const WIDE_OUTPUT_BYTES: u64 = 4 << 20;
/// The arena of a lane on the CPU, for parts of surveyed tensors.
const ARENA_BYTES: u64 = 8 << 20;
/// Bytes that a lane may hold to find statistics: more than are of use.
const STATISTICS_BYTES: u64 = 64 << 20;
/// Elements read and computed at a time on the CPU: few enough for the second cache level.
const CHUNK_ELEMENTS: usize = 64 * TILE;
/// Elements computed at a time at most where a plane needs values of its own.
const BLOCK_ELEMENTS: usize = 32 * TILE;
/// On the CPU one lane finds the statistics of a tensor up to this many bytes of inputs; larger
/// ones are surveyed by all lanes together.
const LONE_BYTES: u64 = 1 << 30;
/// The arena of a device's lane, unless a tensor has to lie there whole: enough to outweigh the
/// latency of a dispatch. In more, lanes wait for each other, and buffers take longer to make.
const DEVICE_ARENA_BYTES: u64 = 8 << 20;
/// The output buffer of a device's lane.
const DEVICE_OUTPUT_BYTES: u64 = 8 << 20;
/// The share of the spare memory, one in this many, that factors of adapters may take.
const FACTOR_SHARE: u64 = 2;
/// The share of what is left, one in this many, that stages of further tensors may take.
const STAGE_SHARE: u64 = 2;
/// Lanes beyond the computing threads, so that some wait for the disk while others compute.
const WAITING_LANES: usize = 3;
/// Lanes of a device at most. Each copies bytes to it and back on a core of its own, which takes
/// longer than what the device does with them.
const DEVICE_LANES: usize = 6;
/// Steps of a Program that a device gets: drivers compile longer than the CPU computes. NVIDIA's
/// took 3 seconds for 128 steps and 16 for 512.
const DEVICE_STEPS: usize = 128;
/// What a device's lane holds at least, where there are several.
const DEVICE_LANE_BYTES: u64 = 1 << 20;
/// With a device each byte of a lane exists three times: host, staging and device.
const DEVICE_COPIES: u64 = 3;

/// What is spoken for before the lanes share the rest.
struct Fixed {
    least: Least,
    /// What the process holds, and while a delta of an adapter is made ready.
    process: u64,
    /// What stages hold of whole tensors.
    stages: u64,
    /// Factors of adapters, beyond those in use.
    kept: u64,
}

impl Fixed {
    /// Refuses a budget in which no lane could work.
    fn of(
        jobs: &[Job],
        work: &Work<'_>,
        held: Held,
        limits: &Limits,
        copies: u64,
    ) -> Result<Fixed, PlanError> {
        let factors = FactorBytes::of(jobs);
        let least = Least::of(jobs, work, factors.one);
        let surveyed = jobs.iter().filter(|job| may_survey(job));
        let global = jobs.iter().any(Job::has_global_statistics);
        // A selection over all tensors counts for all models and outputs at once.
        let counts = if global { least.counts * COUNTS } else { 0 };
        let lasting = held.with_survey(surveyed).lasting();
        let process = PROCESS_BYTES + lasting + factors.scratch + counts;
        let needed = process + (least.lane() * copies).max(held.moment);
        if limits.memory < needed {
            return Err(PlanError::Memory {
                given: limits.memory,
                needed,
                held: lasting,
                models: work.models,
            });
        }
        let whole = Fixed::whole(jobs, limits.memory, needed)?;
        // Several adapters at once take turns unless there is room for all.
        let room = (limits.memory - needed - whole) / FACTOR_SHARE;
        let threads = limits.threads.max(1) as u64;
        let kept = room.min((factors.all - factors.one) * threads);
        // So do tensors with stages.
        let room = (limits.memory - needed - whole - kept) / STAGE_SHARE;
        Ok(Fixed {
            least,
            process,
            stages: whole + room.min(whole.saturating_mul(threads - 1)),
            kept,
        })
    }
}

impl Fixed {
    /// Bytes of the stages of the tensor that needs most for them.
    fn whole(jobs: &[Job], given: u64, needed: u64) -> Result<u64, PlanError> {
        for job in jobs {
            let mut stages = job.stages();
            if let Some(stage) = stages.find(|stage| job.elements > stage.op.elements_max()) {
                return Err(PlanError::Elements {
                    key: job.key.clone(),
                    elements: job.elements,
                    most: stage.op.elements_max(),
                    stage: Arc::clone(&stage.op),
                });
            }
        }
        let Some(widest) = jobs.iter().max_by_key(|job| job.stage_bytes()) else {
            return Ok(0);
        };
        let (whole, of) = (widest.stage_bytes(), |stage: &&Stage| {
            stage.bytes(&widest.shape, widest.elements)
        });
        let stage = widest.stages().max_by_key(of).map(|stage| &stage.op);
        let staged = stage.map(|op| (op.purpose(), op.instead()));
        let joint = || widest.joints().next().map(|own| (own.op.0.purpose(), None));
        match staged.or_else(joint) {
            Some((purpose, instead)) if given < needed.saturating_add(whole) => {
                Err(PlanError::Whole {
                    given,
                    needed: needed.saturating_add(whole),
                    key: widest.key.clone(),
                    purpose,
                    instead,
                })
            }
            _ => Ok(whole),
        }
    }
}

/// Divides the budget, and marks the jobs whose statistics one lane finds by itself.
pub(super) fn divide(
    jobs: &mut [Job],
    work: &Work<'_>,
    held: Held,
    limits: &Limits,
) -> Result<MemoryPlan, PlanError> {
    let copies = if limits.device.is_some() {
        DEVICE_COPIES
    } else {
        1
    };
    for job in jobs.iter_mut() {
        job.streams = limits.device.is_none() || is_for_host(job, work);
    }
    let fixed = Fixed::of(jobs, work, held, limits, copies)?;
    let least = fixed.least;
    let budget = (limits.memory - fixed.process - fixed.stages - fixed.kept) / copies;
    let (lanes, lane) = match limits.device {
        None => on_cpu(jobs, work, limits.threads.max(1), budget, least),
        Some(device) => on_device(jobs, work, budget, least, device),
    };
    for job in jobs.iter_mut() {
        let fits = match job.streams {
            true => is_lone(job),
            false => job.arena_bytes(job.elements) <= lane.arena,
        };
        // Every lane that makes a part would read all of the columns.
        let columns = job.column_bytes() > 0 && !job.has_global_statistics();
        let local = job.has_local_statistics() || columns;
        if let Action::Merge { resident, .. } = &mut job.action {
            *resident = fits && local;
        }
    }
    // A survey goes through a tensor in parts: only one lane has its stages then.
    let staged = |job: &Job| job.stage_bytes() > 0 && job.has_global_statistics();
    let lanes = if jobs.iter().any(staged) { 1 } else { lanes };
    let held = (lane.arena + lane.output * work.outputs as u64) * lanes as u64;
    let used = held + (least.factors + least.desk + lane.scratch) * lanes as u64;
    let spare = budget.saturating_sub(used) / lanes as u64;
    let mut block = BLOCK_ELEMENTS;
    while block > TILE && widest_scratch(jobs, work, block) > lane.scratch {
        block /= 2;
    }
    Ok(MemoryPlan {
        factor_bytes: least.factors,
        factor_slots: lanes + (fixed.kept / least.factors.max(1)) as usize,
        statistics_bytes: spare.min(STATISTICS_BYTES) as usize,
        lanes,
        stage_bytes: fixed.stages,
        arena_bytes: lane.arena as usize,
        output_bytes: lane.output as usize,
        chunk_elements: chunk_elements(jobs, lane),
        block_elements: block,
        host_bytes: held,
        device_bytes: held * (copies - 1),
    })
}

/// Whether no device computes a job.
fn is_for_host(job: &Job, work: &Work<'_>) -> bool {
    let is_long = |class: &Class| {
        let mut programs = class.programs();
        programs.any(|program| work.programs[program].steps().len() > DEVICE_STEPS)
    };
    let mut classes = job.outputs().iter().map(|own| &work.classes[own.class]);
    job.outputs().len() > 1 || job.needs_host() || classes.any(is_long)
}

/// Whether one lane finds the statistics of a job by itself, on the CPU.
fn is_lone(job: &Job) -> bool {
    // What the host makes runs through the tensor from its beginning.
    job.input_bytes() <= LONE_BYTES || job.needs_host()
}

/// Whether a job may have statistics that are found in passes of their own.
fn may_survey(job: &Job) -> bool {
    let any = job.outputs().iter().any(|work| !work.statistics.is_empty());
    let lone = job.streams && is_lone(job);
    any && !(lone && job.has_local_statistics())
}

/// Lanes beyond the computing threads where the budget has room for them; small arenas.
fn on_cpu(
    jobs: &[Job],
    work: &Work<'_>,
    threads: usize,
    budget: u64,
    least: Least,
) -> (usize, Lane) {
    let lanes = (1..=threads + WAITING_LANES)
        .rev()
        .find(|&lanes| budget / lanes as u64 >= least.lane())
        .unwrap_or(1);
    let scratch = widest_scratch(jobs, work, BLOCK_ELEMENTS);
    let own = budget / lanes as u64;
    let mut inputs = jobs.iter().flat_map(Job::inputs);
    let output = match inputs.any(|input| input.bytes.is_strided()) {
        true => WIDE_OUTPUT_BYTES,
        false => OUTPUT_BYTES,
    };
    (lanes, Lane::of(own, least, scratch, output, ARENA_BYTES))
}

/// Elements of a chunk: no job's takes more than the arena.
fn chunk_elements(jobs: &[Job], lane: Lane) -> usize {
    let mut chunk = CHUNK_ELEMENTS;
    let widest = |chunk: usize| {
        let streams = jobs.iter().filter(|job| job.streams);
        let bytes = streams.map(|job| chunk_bytes(job, chunk));
        bytes.max().unwrap_or(0)
    };
    while chunk > TILE && widest(chunk) > lane.arena {
        chunk = (chunk / 2).next_multiple_of(TILE);
    }
    chunk
}

/// As many lanes as copy for a device, or fewer, where that lets more tensors lie in one whole.
fn on_device(
    jobs: &[Job],
    work: &Work<'_>,
    budget: u64,
    least: Least,
    device: DeviceLimits,
) -> (usize, Lane) {
    let scratch = widest_scratch(jobs, work, BLOCK_ELEMENTS);
    let binding = device.binding_bytes;
    let several = least.lane().max(DEVICE_LANE_BYTES);
    let best = (1..=DEVICE_LANES)
        .filter(|&lanes| lanes == 1 || budget / lanes as u64 >= several)
        .map(|lanes| {
            let output = DEVICE_OUTPUT_BYTES.min(binding);
            let mut lane = Lane::of(budget / lanes as u64, least, scratch, output, binding);
            let whole = jobs.iter().filter(|job| !job.streams);
            let whole = whole.filter(|job| {
                job.has_local_statistics() && job.arena_bytes(job.elements) <= lane.arena
            });
            let (bytes, largest) = whole.fold((0, DEVICE_ARENA_BYTES), |(bytes, largest), job| {
                let arena = job.arena_bytes(job.elements);
                (bytes + job.input_bytes(), arena.max(largest))
            });
            let enough = largest.max(least.arena).next_multiple_of(PAGE_BYTES);
            lane.arena = lane.arena.min(enough);
            (bytes, lanes, lane)
        })
        .max_by_key(|(bytes, lanes, _)| (*bytes, *lanes));
    let (_, lanes, lane) = best.expect("there is at least one lane");
    (lanes, lane)
}

impl MemoryPlan {
    /// Bytes of factors of adapters that all lanes hold together.
    pub fn held_factors(&self) -> u64 {
        self.factor_bytes * self.factor_slots as u64
    }

    /// Bytes of buffer that a window of one output takes, wherever in a page it begins.
    pub(crate) fn window_stride(&self) -> usize {
        let page = PAGE_BYTES as usize;
        self.output_bytes.next_multiple_of(page) + page
    }

    /// Takes back what the work does not need.
    pub(super) fn shrink(&mut self, jobs: &[Job], work: &Work<'_>, measure: &Measure) {
        let copies = self.device_bytes / self.host_bytes.max(1);
        let chunks = jobs.iter().filter(|job| job.streams).map(|job| {
            let own = chunk_of(job, self.chunk_elements, self.arena_bytes as u64);
            chunk_bytes(job, own)
        });
        let arena = chunks.max().unwrap_or(0);
        let arena = arena.max(measure.arena_bytes).max(measure.survey_bytes);
        let pages = |bytes: u64| bytes.next_multiple_of(PAGE_BYTES) as usize;
        self.arena_bytes = self.arena_bytes.min(pages(arena));
        self.output_bytes = self.output_bytes.min(pages(measure.output_bytes));
        self.lanes = self
            .lanes
            .min(measure.tasks.max(measure.survey_parts).max(1));
        let lane = self.arena_bytes + self.output_bytes * work.outputs;
        self.host_bytes = (lane * self.lanes) as u64;
        self.device_bytes = self.host_bytes * copies;
    }
}
