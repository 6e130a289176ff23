//! Who holds how much memory, within the budget.
//!
//! A lane is a worker with an arena, which holds the inputs of one task, and an output buffer. The
//! sum over the lanes, on the host and on the device, and what the process needs besides, stays
//! within the budget whatever the size of the models.

use super::PlanError;
use super::class::Class;
use super::job::{Action, Job};
use super::task::Task;
use crate::exec::ARENA_ALIGNMENT;
use crate::kernel::{Scope, Statistic, TILE};

/// What the machine allows.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Bytes that the process may hold, host and device together.
    pub memory: u64,
    /// Threads that compute.
    pub threads: usize,
    /// The device that computes, if it is not the CPU.
    pub device: Option<DeviceLimits>,
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
    /// Bytes of output that a lane holds at most.
    pub output_bytes: usize,
    /// Bytes held by all lanes on the host.
    pub host_bytes: u64,
    /// Bytes held by all lanes on the device, staging included.
    pub device_bytes: u64,
}

/// What the process holds besides the lanes: code, headers, the plan itself.
const PROCESS_BYTES: u64 = 20 << 20;
/// The output buffer of a lane: the block that disks take best.
const OUTPUT_BYTES: u64 = 4 << 20;
/// The same where a device does the work: enough to outweigh the latency of a dispatch.
const DEVICE_OUTPUT_BYTES: u64 = 32 << 20;
/// Buffers are whole pages.
const PAGE_BYTES: u64 = 4096;
/// Lanes beyond the computing threads, so that some wait for the disk while others compute.
const WAITING_LANES: usize = 2;
/// Lanes of a device: one uploads, one computes, one downloads and writes.
const DEVICE_LANES: usize = 3;
/// With a device each byte of a lane exists three times: host, staging and device.
const DEVICE_COPIES: u64 = 3;

/// Divides the budget, and marks the jobs whose statistics and merge fit into one reading.
pub(super) fn divide(
    jobs: &mut [Job],
    classes: &[Class],
    limits: &Limits,
) -> Result<MemoryPlan, PlanError> {
    let copies = if limits.device.is_some() {
        DEVICE_COPIES
    } else {
        1
    };
    // A tile of every input of the widest tensor, and one of output, is the least.
    let slots = classes
        .iter()
        .map(|class| class.slots.len())
        .max()
        .unwrap_or(1) as u64;
    let least = (slots + 1) * (TILE as u64 * 8 + ARENA_ALIGNMENT as u64);
    let lanes_min = if limits.device.is_some() {
        1
    } else {
        limits.threads.max(1)
    };
    let needed = PROCESS_BYTES + least * copies * lanes_min as u64;
    if limits.memory < needed {
        return Err(PlanError::Memory {
            given: limits.memory,
            needed,
        });
    }
    let budget = (limits.memory - PROCESS_BYTES) / copies;
    let lanes_max = match limits.device {
        Some(_) => DEVICE_LANES,
        None => limits.threads.max(1) + WAITING_LANES,
    };
    let best = (lanes_min..=lanes_max)
        .rev()
        .map(|lanes| {
            let lane = Lane::of(budget / lanes as u64, limits.device);
            let resident: u64 = jobs
                .iter()
                .filter(|job| is_resident(job, lane.arena))
                .map(Job::input_bytes)
                .sum();
            (resident, lanes, lane)
        })
        // Of equals `max_by_key` takes the last, so the count of lanes decides.
        .max_by_key(|(resident, lanes, _)| (*resident, *lanes));
    let (_, lanes, lane) = best.expect("there is at least one lane");
    for job in jobs {
        let fits = is_resident(job, lane.arena);
        if let Action::Merge { resident, .. } = &mut job.action {
            *resident = fits;
        }
    }
    let held = (lane.arena + lane.output) * lanes as u64;
    Ok(MemoryPlan {
        lanes,
        arena_bytes: lane.arena as usize,
        output_bytes: lane.output as usize,
        host_bytes: held,
        device_bytes: held * (copies - 1),
    })
}

impl MemoryPlan {
    /// Takes back what the work does not need. `runs` are the arena bytes of the surveyed runs.
    pub(super) fn shrink(&mut self, runs: &[u64], tasks: &[Task]) {
        let held = |plan: &MemoryPlan| (plan.arena_bytes + plan.output_bytes) as u64;
        let copies = self.device_bytes / self.host_bytes.max(1);
        let arenas = tasks.iter().map(|task| task.arena_bytes);
        let arena = runs.iter().copied().chain(arenas).max().unwrap_or(0);
        let output = tasks.iter().map(|task| task.output_bytes).max();
        let page = |bytes: u64| bytes.next_multiple_of(PAGE_BYTES) as usize;
        self.arena_bytes = self.arena_bytes.min(page(arena));
        self.output_bytes = self.output_bytes.min(page(output.unwrap_or(0)));
        self.lanes = self.lanes.min(tasks.len().max(runs.len()).max(1));
        self.host_bytes = held(self) * self.lanes as u64;
        self.device_bytes = self.host_bytes * copies;
    }
}

struct Lane {
    arena: u64,
    output: u64,
}

impl Lane {
    fn of(bytes: u64, device: Option<DeviceLimits>) -> Lane {
        let (block, binding) = match device {
            None => (OUTPUT_BYTES, u64::MAX),
            Some(device) => (DEVICE_OUTPUT_BYTES, device.binding_bytes),
        };
        let output = block.min(bytes / 3).min(binding) / PAGE_BYTES * PAGE_BYTES;
        let arena = (bytes - output).min(binding) / PAGE_BYTES * PAGE_BYTES;
        Lane {
            arena,
            output: output.max(TILE as u64 * 8),
        }
    }
}

/// Whether a tensor's statistics can be found and used in one reading.
fn is_resident(job: &Job, arena_bytes: u64) -> bool {
    let Action::Merge { statistics, .. } = &job.action else {
        return false;
    };
    let local = statistics.iter().all(|statistic| match statistic {
        Statistic::Largest { scope, .. } => *scope == Scope::Tensor,
        Statistic::Sums { .. } => true,
    });
    local && !statistics.is_empty() && arena_bytes_of(job, job.elements) <= arena_bytes
}

/// Bytes of arena that `elements` of a job take; of a copy, its bytes.
pub(super) fn arena_bytes_of(job: &Job, elements: u64) -> u64 {
    let align = ARENA_ALIGNMENT as u64;
    let padded = |bytes: u64| bytes.next_multiple_of(align);
    match &job.action {
        Action::Copy(_) => padded(elements),
        Action::Merge { .. } => job
            .inputs()
            .map(|(_, input)| padded(elements * input.element_bytes))
            .sum(),
    }
}
