//! The devices of this machine, and whether they can be trusted.

use serde::Serialize;

/// One check of the start-up probe.
#[derive(Clone, Debug, Serialize)]
pub struct ProbeCheck {
    /// What was compared with the CPU, such as `contraction`.
    pub name: String,
    /// Whether the bytes were the same.
    pub passed: bool,
    /// The first difference; empty if there was none.
    pub detail: String,
}

/// An adapter as a user sees it.
#[derive(Clone, Debug, Serialize)]
pub struct DeviceReport {
    /// Its number, for `--device gpu:NUMBER`.
    pub index: usize,
    /// The name that the driver gives.
    pub name: String,
    /// `vulkan`, `metal`, `dx12` or `gl`.
    pub backend: String,
    /// `discrete`, `integrated`, `virtual`, `software` or `other`.
    pub kind: String,
    /// The driver and its version.
    pub driver: String,
    /// Whether it computes on the CPU: never chosen unless named.
    pub software: bool,
    /// The largest buffer that a kernel can see, in bytes.
    pub binding_bytes: u64,
    /// Why it cannot be opened; empty if it can.
    pub fault: String,
    /// The start-up probe.
    pub checks: Vec<ProbeCheck>,
}

impl DeviceReport {
    /// Whether merges may run on it.
    pub fn is_trusted(&self) -> bool {
        self.fault.is_empty() && self.checks.iter().all(|check| check.passed)
    }
}

/// Opens and probes every adapter. Without GPU support there is none.
#[cfg(not(feature = "gpu"))]
pub fn devices() -> Vec<DeviceReport> {
    Vec::new()
}

/// Opens and probes every adapter.
#[cfg(feature = "gpu")]
pub fn devices() -> Vec<DeviceReport> {
    use crate::gpu::{AdapterChoice, GpuDevice, adapters, probe};

    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let probed = |index| match GpuDevice::open(&AdapterChoice::Index(index)) {
        Err(fault) => (fault.to_string(), Vec::new()),
        Ok(gpu) => {
            let report = probe::run(&gpu, threads);
            let checks = report.checks.into_iter().map(|check| ProbeCheck {
                name: check.name,
                passed: check.passed,
                detail: check.detail,
            });
            (String::new(), checks.collect())
        }
    };
    adapters()
        .into_iter()
        .map(|adapter| {
            let (fault, checks) = probed(adapter.index);
            DeviceReport {
                index: adapter.index,
                name: adapter.name,
                backend: adapter.backend,
                kind: adapter.device_type.to_owned(),
                driver: adapter.driver,
                software: adapter.software,
                binding_bytes: adapter.binding_bytes,
                fault,
                checks,
            }
        })
        .collect()
}
