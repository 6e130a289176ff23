//! A lane's executor: the device while it works, the CPU from then on.

use std::ops::Range;

use super::device::{Degraded, Device};
use super::pool::Permits;
use crate::exec::cpu::{CpuExecutor, Level};
use crate::exec::{Batch, ExecError, Executor, Results};
use crate::plan::MemoryPlan;

/// Runs batches on the device, or on the CPU once the device failed, there with a permit to
/// compute.
pub(super) struct Engine<'a> {
    permits: &'a Permits,
    degraded: &'a Degraded<'a>,
    device: Option<Box<dyn Executor + Send>>,
    /// Whether the work at hand is not for the device.
    rests: bool,
    cpu: CpuExecutor,
}

impl<'a> Engine<'a> {
    pub(super) fn new(
        device: Option<&Device>,
        memory: &MemoryPlan,
        permits: &'a Permits,
        degraded: &'a Degraded<'a>,
        level: Level,
    ) -> Engine<'a> {
        let mut engine = Engine {
            permits,
            degraded,
            device: None,
            rests: false,
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

    /// Leaves work to the CPU from now on, or gives it to the device, if there is one.
    pub(super) fn rest(&mut self, rests: bool) {
        self.rests = rests;
    }

    /// Whether the CPU does the work.
    pub(super) fn on_cpu(&self) -> bool {
        self.rests || self.device.is_none() || self.degraded.is_given_up()
    }

    /// Sends bytes of the arena to the device. The CPU computes where they lie.
    pub(super) fn upload(&mut self, arena: &[u8], bytes: Range<usize>) -> Result<(), ExecError> {
        let sent = self.attempt(|device| device.upload(arena, bytes));
        sent.unwrap_or(Ok(()))
    }

    pub(super) fn run(
        &mut self,
        batch: &Batch<'_>,
        arena: &[u8],
        results: &mut Results<'_>,
    ) -> Result<(), ExecError> {
        if !self.on_cpu() {
            let asked = results.tallies.to_vec();
            if let Some(done) = self.attempt(|device| device.run(batch, arena, results)) {
                return done;
            }
            // A device that fails may have answered some of it.
            results.overflows.clear();
            results.tallies.clone_from_slice(&asked);
        }
        let cpu = &mut self.cpu;
        self.permits.with(|| cpu.run(batch, arena, results))
    }

    /// Works on the device. None if that fails, and for the rest of the merge.
    fn attempt(
        &mut self,
        work: impl FnOnce(&mut dyn Executor) -> Result<(), ExecError>,
    ) -> Option<Result<(), ExecError>> {
        if self.on_cpu() {
            return None;
        }
        match work(self.device.as_mut()?.as_mut()) {
            Err(fault @ (ExecError::Lost(_) | ExecError::OutOfMemory(_))) => {
                self.give_up(&fault);
                None
            }
            done => Some(done),
        }
    }

    fn give_up(&mut self, fault: &ExecError) {
        self.device = None;
        self.degraded.give_up(fault);
    }
}
