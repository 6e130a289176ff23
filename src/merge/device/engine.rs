//! A lane's executor: the device while it works, the CPU from then on.

use std::ops::Range;

use super::{Degraded, Device};
use crate::exec::cpu::{CpuExecutor, Level};
use crate::exec::{Batch, ExecError, Executor, Results};
use crate::merge::Progress;
use crate::plan::MemoryPlan;

/// Runs batches on the device, or on the CPU once the device failed.
pub(in crate::merge) struct Engine<'a> {
    degraded: &'a Degraded,
    progress: &'a dyn Progress,
    device: Option<Box<dyn Executor + Send>>,
    cpu: CpuExecutor,
}

impl<'a> Engine<'a> {
    pub(in crate::merge) fn new(
        device: Option<&Device>,
        memory: &MemoryPlan,
        degraded: &'a Degraded,
        progress: &'a dyn Progress,
        level: Level,
    ) -> Engine<'a> {
        let mut engine = Engine {
            degraded,
            progress,
            device: None,
            cpu: CpuExecutor::new(level),
        };
        if let Some(device) = device {
            match device.open_slot(memory.arena_bytes, memory.output_bytes, level) {
                Ok(slot) => engine.device = Some(slot),
                Err(fault) => engine.give_up(&fault),
            }
        }
        engine
    }

    /// Whether the CPU does the work.
    pub(in crate::merge) fn on_cpu(&self) -> bool {
        self.device.is_none() || self.degraded.is_given_up()
    }

    pub(in crate::merge) fn upload(
        &mut self,
        arena: &[u8],
        bytes: Range<usize>,
    ) -> Result<(), ExecError> {
        self.attempt(|executor| executor.upload(arena, bytes.clone()))
    }

    pub(in crate::merge) fn run(
        &mut self,
        batch: &Batch<'_>,
        arena: &[u8],
        results: &mut Results<'_>,
    ) -> Result<(), ExecError> {
        if self.on_cpu() {
            return self.cpu.run(batch, arena, results);
        }
        // A device that fails may have answered some of it.
        let asked = results.tallies.to_vec();
        self.attempt(|executor| {
            results.overflows.clear();
            results.tallies.clone_from_slice(&asked);
            executor.run(batch, arena, results)
        })
    }

    /// Runs on the device; if that fails, and for the rest of the merge, on the CPU.
    fn attempt(
        &mut self,
        mut work: impl FnMut(&mut dyn Executor) -> Result<(), ExecError>,
    ) -> Result<(), ExecError> {
        if !self.on_cpu()
            && let Some(device) = &mut self.device
        {
            match work(device.as_mut()) {
                Err(fault @ (ExecError::Lost(_) | ExecError::OutOfMemory(_))) => {
                    self.give_up(&fault);
                }
                done => return done,
            }
        }
        work(&mut self.cpu)
    }

    fn give_up(&mut self, fault: &ExecError) {
        self.device = None;
        if self.degraded.give_up(&fault.to_string()) {
            let message = format!("{fault}; the CPU takes over, the output stays the same");
            self.progress.warn(&message);
        }
    }
}
