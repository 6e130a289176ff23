//! An opened device, shared by all workers.
//!
//! Whatever goes wrong on it, from a refused shader to a lost device, is written down once and
//! stays: from then on every call of every executor returns [`ExecError::Lost`].

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use super::adapter::{self, AdapterChoice, AdapterDescription, OpenError};
use super::fate::{Fate, GpuLimits, lock};
use super::kept::{self, Kept};
use super::pipeline::{self, Pipeline};
use crate::exec::ExecError;
use crate::kernel::Program;

/// How long a kernel may take before the device counts as hung.
const TIMEOUT: Duration = Duration::from_secs(30);

/// A device with its queue and the pipelines made so far.
///
/// One that is dropped stays open until the process ends, and whoever opens its adapter next gets
/// it, unless it was lost: some drivers do not close devices safely.
#[derive(Debug)]
pub struct GpuDevice {
    pipelines: Mutex<HashMap<Program, Arc<OnceLock<Arc<Pipeline>>>>>,
    pub(super) bind_group_layout: wgpu::BindGroupLayout,
    pub(super) queue: wgpu::Queue,
    pub(super) device: wgpu::Device,
    fate: Arc<Fate>,
    limits: GpuLimits,
    description: AdapterDescription,
    timeout_nanos: AtomicU64,
    instance: wgpu::Instance,
}

impl GpuDevice {
    /// Opens an adapter with all it allows and no optional feature. Fails if there is none of
    /// this choice or its driver refuses.
    pub fn open(choice: &AdapterChoice) -> Result<Arc<GpuDevice>, OpenError> {
        let found = adapter::enumerate();
        let index = adapter::choose(choice, &found.adapters)?;
        let adapter = &found.adapters[index];
        let description = adapter::describe(index, adapter);
        let refused = |reason: String| OpenError::Refused {
            adapter: description.name.clone(),
            reason,
        };
        if let Some(kept) = kept::take(&description) {
            return Ok(Arc::new(GpuDevice::of(kept)));
        }
        let Some(instance) = found.instance else {
            return Err(refused("its driver went away".into()));
        };
        let limits = adapter.limits();
        let descriptor = wgpu::DeviceDescriptor {
            label: Some("wgmerge"),
            required_limits: limits.clone(),
            // Slots are few and large: blocks reserved ahead would only exceed the budget.
            memory_hints: wgpu::MemoryHints::MemoryUsage,
            ..Default::default()
        };
        let request = || pollster::block_on(adapter.request_device(&descriptor));
        let (device, queue) = catch_unwind(AssertUnwindSafe(request))
            .map_err(|_| refused("its driver failed".into()))?
            .map_err(|error| refused(error.to_string()))?;
        let fate = watch(&device);
        let bind_group_layout = pipeline::bind_group_layout(&device);
        Ok(Arc::new(GpuDevice::of(Kept {
            bind_group_layout,
            queue,
            device,
            fate,
            limits: GpuLimits {
                binding_bytes: bindable(&limits),
                buffer_bytes: limits.max_buffer_size,
            },
            description,
            instance,
        })))
    }

    fn of(kept: Kept) -> GpuDevice {
        GpuDevice {
            pipelines: Mutex::default(),
            bind_group_layout: kept.bind_group_layout,
            queue: kept.queue,
            device: kept.device,
            fate: kept.fate,
            limits: kept.limits,
            description: kept.description,
            timeout_nanos: AtomicU64::new(TIMEOUT.as_nanos() as u64),
            instance: kept.instance,
        }
    }

    /// What the device allows.
    pub fn limits(&self) -> GpuLimits {
        self.limits
    }

    /// The adapter that was opened.
    pub fn description(&self) -> &AdapterDescription {
        &self.description
    }

    /// Whether the device is lost. It does not come back: open another.
    pub fn is_lost(&self) -> bool {
        self.fate.is_lost()
    }

    /// Sets how long one call may wait for the device before it counts as hung; 30 s at first.
    pub fn set_timeout(&self, timeout: Duration) {
        let nanos = u64::try_from(timeout.as_nanos()).unwrap_or(u64::MAX);
        self.timeout_nanos.store(nanos, Ordering::Relaxed);
    }

    /// Destroys the device while others use it, as a driver that crashes does. For tests.
    pub fn destroy(&self) {
        self.device.destroy();
        self.fate.seal("it was destroyed");
    }

    /// An error if anything ever went wrong on the device.
    pub(super) fn check(&self) -> Result<(), ExecError> {
        if self.is_lost() {
            return Err(ExecError::Lost(lock(&self.fate.reason).clone()));
        }
        Ok(())
    }

    /// Gives the device up; returns the error that says why, the first if it was lost before.
    pub(super) fn fail(&self, reason: impl Into<String>) -> ExecError {
        self.fate.seal(&reason.into());
        ExecError::Lost(lock(&self.fate.reason).clone())
    }

    /// The pipeline of a Program, compiled at its first use. Different Programs may compile at the
    /// same time in different threads.
    pub(super) fn pipeline(&self, program: &Program) -> Result<Arc<Pipeline>, ExecError> {
        let cell = {
            let mut pipelines = lock(&self.pipelines);
            match pipelines.get(program) {
                Some(cell) => Arc::clone(cell),
                None => Arc::clone(pipelines.entry(program.clone()).or_default()),
            }
        };
        let compile = || Pipeline::new(&self.device, &self.bind_group_layout, program);
        let pipeline = cell.get_or_init(|| Arc::new(compile()));
        self.check()?;
        Ok(Arc::clone(pipeline))
    }

    /// Runs `allocate` and tells when the device has no memory for what it creates.
    pub(super) fn allocate<T>(&self, allocate: impl FnOnce() -> T) -> Result<T, ExecError> {
        self.check()?;
        let scope = self.device.push_error_scope(wgpu::ErrorFilter::OutOfMemory);
        let allocated = allocate();
        match pollster::block_on(scope.pop()) {
            Some(error) => Err(ExecError::OutOfMemory(error.to_string())),
            None => self.check().map(|()| allocated),
        }
    }

    /// Waits for a submission and for the `count` mappings that report to `mapped`.
    pub(super) fn wait(
        &self,
        submission: &wgpu::SubmissionIndex,
        mapped: &Receiver<Result<(), wgpu::BufferAsyncError>>,
        count: usize,
    ) -> Result<(), ExecError> {
        let timeout = Duration::from_nanos(self.timeout_nanos.load(Ordering::Relaxed));
        let begin = Instant::now();
        let waited = self.device.poll(wgpu::PollType::Wait {
            submission_index: Some(submission.clone()),
            timeout: Some(timeout),
        });
        waited.map_err(|error| self.fail(format!("no answer within {timeout:?}: {error}")))?;
        for _ in 0..count {
            // The callback may run in another thread that polls, a little after this one's poll.
            loop {
                match mapped.recv_timeout(Duration::from_millis(1)) {
                    Ok(Ok(())) => break,
                    Ok(Err(error)) => return Err(self.fail(error.to_string())),
                    Err(RecvTimeoutError::Disconnected) => {
                        return Err(self.fail("a mapping was dropped"));
                    }
                    Err(RecvTimeoutError::Timeout) => self.nudge(begin, timeout)?,
                }
            }
        }
        self.check()
    }

    fn nudge(&self, begin: Instant, timeout: Duration) -> Result<(), ExecError> {
        self.check()?;
        if begin.elapsed() > timeout {
            return Err(self.fail(format!("no answer within {timeout:?}")));
        }
        let polled = self.device.poll(wgpu::PollType::Poll);
        polled
            .map(|_| ())
            .map_err(|error| self.fail(error.to_string()))
    }
}

impl Drop for GpuDevice {
    fn drop(&mut self) {
        // What was dropped is freed when the device is next asked for anything. A fault is told to
        // whoever opens the device next.
        lock(&self.pipelines).clear();
        let _ = self.device.poll(wgpu::PollType::Poll);
        kept::keep(Kept {
            bind_group_layout: self.bind_group_layout.clone(),
            queue: self.queue.clone(),
            device: self.device.clone(),
            fate: Arc::clone(&self.fate),
            limits: self.limits,
            description: self.description.clone(),
            instance: self.instance.clone(),
        });
    }
}

/// The largest binding that is a whole number of arena units.
fn bindable(limits: &wgpu::Limits) -> u64 {
    limits
        .max_storage_buffer_binding_size
        .min(limits.max_buffer_size)
        & !15
}

/// Writes down what the device reports by itself. Without a handler wgpu would panic.
fn watch(device: &wgpu::Device) -> Arc<Fate> {
    let fate = Arc::new(Fate::default());
    let lost = Arc::clone(&fate);
    device.set_device_lost_callback(move |reason, message| {
        lost.seal(&format!("{reason:?}: {message}"));
    });
    let uncaptured = Arc::clone(&fate);
    device.on_uncaptured_error(Arc::new(move |error: wgpu::Error| {
        uncaptured.seal(&error.to_string());
    }));
    fate
}
