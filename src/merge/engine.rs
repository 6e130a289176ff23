//! A lane's executor: the device while it works, the CPU from then on.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use super::Shared;
use crate::exec::cpu::{CpuExecutor, Level};
use crate::exec::{Batch, ExecError, Executor};
use crate::kernel::Window;

/// Why the device was given up, for all lanes.
#[derive(Debug, Default)]
pub(super) struct Degraded {
    given_up: AtomicBool,
    reason: Mutex<Option<String>>,
}

impl Degraded {
    /// The reason, if the device was given up.
    pub(super) fn reason(&self) -> Option<String> {
        self.reason.lock().ok().and_then(|reason| reason.clone())
    }
}

/// Runs batches on the device, or on the CPU once the device failed.
pub(super) struct Engine<'a> {
    shared: &'a Shared<'a>,
    device: Option<Box<dyn Executor + Send>>,
    pub(super) cpu: CpuExecutor,
}

impl<'a> Engine<'a> {
    pub(super) fn new(shared: &'a Shared<'a>, level: Level) -> Engine<'a> {
        let mut engine = Engine {
            shared,
            device: None,
            cpu: CpuExecutor::new(level),
        };
        let memory = &shared.merge.plan().memory;
        if let Some(device) = shared.merge.device() {
            match device.open_slot(memory.arena_bytes, memory.output_bytes) {
                Ok(slot) => engine.device = Some(slot),
                Err(fault) => engine.give_up(&fault),
            }
        }
        engine
    }

    /// Whether the CPU does the work.
    pub(super) fn on_cpu(&self) -> bool {
        self.device.is_none() || self.shared.degraded.given_up.load(Ordering::Relaxed)
    }

    pub(super) fn upload(&mut self, arena: &[u8]) -> Result<(), ExecError> {
        self.run(arena, |executor| executor.upload(arena))
    }

    pub(super) fn store(
        &mut self,
        batch: &Batch<'_>,
        arena: &[u8],
        output: &mut [u8],
    ) -> Result<(), ExecError> {
        self.run(arena, |executor| executor.store(batch, arena, output))
    }

    pub(super) fn sum(&mut self, batch: &Batch<'_>, arena: &[u8]) -> Result<Vec<f32>, ExecError> {
        self.run(arena, |executor| executor.sum(batch, arena))
    }

    pub(super) fn count(
        &mut self,
        batch: &Batch<'_>,
        windows: &[Window],
        arena: &[u8],
    ) -> Result<Vec<u64>, ExecError> {
        self.run(arena, |executor| executor.count(batch, windows, arena))
    }

    /// Runs on the device; if that fails, and for the rest of the merge, on the CPU.
    fn run<T>(
        &mut self,
        arena: &[u8],
        mut work: impl FnMut(&mut dyn Executor) -> Result<T, ExecError>,
    ) -> Result<T, ExecError> {
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
        self.cpu.upload(arena)?;
        work(&mut self.cpu)
    }

    fn give_up(&mut self, fault: &ExecError) {
        self.device = None;
        let degraded = &self.shared.degraded;
        if !degraded.given_up.swap(true, Ordering::SeqCst) {
            if let Ok(mut reason) = degraded.reason.lock() {
                *reason = Some(fault.to_string());
            }
            let message = format!("{fault}; the CPU takes over, the output stays the same");
            self.shared.progress.warn(&message);
        }
    }
}
