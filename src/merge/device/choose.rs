//! From what the user asks for to a device that can be trusted.

use super::{Device, DeviceChoice, DeviceError};

/// The device of a merge.
#[derive(Debug, Default)]
pub struct Chosen {
    /// The device, or None for the CPU.
    pub device: Option<Device>,
    /// What the user should know about the choice, beyond the device that the report names: why a
    /// GPU that is there is not used.
    pub note: Option<String>,
}

/// Finds, probes and opens the device; what is compiled for the probe is in so many threads.
///
/// # Errors
/// [`DeviceError`] where a device is asked for by name, by number or by `gpu`, and there is none,
/// or it fails the probe. `auto` takes the CPU instead, with a note where a probe failed.
pub fn choose_device(choice: &DeviceChoice, threads: usize) -> Result<Chosen, DeviceError> {
    if *choice == DeviceChoice::Cpu {
        return Ok(Chosen::default());
    }
    if *choice == DeviceChoice::Auto && !may_have_gpu() {
        return Ok(Chosen::default());
    }
    match open(choice, threads) {
        Ok(device) => Ok(Chosen {
            device: Some(match choice {
                DeviceChoice::Auto => device.or_cpu(),
                _ => device,
            }),
            note: None,
        }),
        Err(fault) if *choice == DeviceChoice::Auto => Ok(Chosen {
            device: None,
            note: Some(match fault {
                DeviceError::NotFound { .. } => return Ok(Chosen::default()),
                DeviceError::Untrusted { .. } => format!("{fault}; merging on the CPU"),
            }),
        }),
        Err(fault) => Err(fault),
    }
}

#[cfg(not(feature = "gpu"))]
fn open(choice: &DeviceChoice, _threads: usize) -> Result<Device, DeviceError> {
    Err(DeviceError::NotFound {
        asked: choice.to_string(),
        reason: "this wgmerge was built without GPU support".to_owned(),
    })
}

#[cfg(feature = "gpu")]
fn open(choice: &DeviceChoice, threads: usize) -> Result<Device, DeviceError> {
    use crate::gpu::{AdapterChoice, GpuDevice, probe};

    let adapter = match choice {
        DeviceChoice::Auto | DeviceChoice::Cpu | DeviceChoice::Gpu => AdapterChoice::Best,
        DeviceChoice::Named(name) => AdapterChoice::Named(name.clone()),
        DeviceChoice::Index(index) => AdapterChoice::Index(*index),
    };
    let gpu = GpuDevice::open(&adapter).map_err(|fault| DeviceError::NotFound {
        asked: choice.to_string(),
        reason: fault.to_string(),
    })?;
    let name = format!("{} ({})", gpu.description().name, gpu.description().backend);
    let report = probe::run(&gpu, threads);
    if !report.passed() {
        let failed = report.checks.iter().filter(|check| !check.passed);
        let names: Vec<&str> = failed.map(|check| check.name.as_str()).collect();
        return Err(DeviceError::Untrusted {
            device: name,
            failed: names.join(", "),
        });
    }
    Ok(Device::gpu(gpu))
}

#[cfg(feature = "gpu")]
impl Device {
    /// An opened adapter as a device. Whether it can be trusted is for the caller to know.
    pub fn gpu(gpu: std::sync::Arc<crate::gpu::GpuDevice>) -> Device {
        use crate::exec::Executor;
        use crate::gpu::GpuExecutor;

        let limits = crate::plan::DeviceLimits {
            binding_bytes: gpu.limits().binding_bytes,
        };
        let name = format!("{} ({})", gpu.description().name, gpu.description().backend);
        let slot = move |arena_bytes, output_bytes, level| {
            let executor = GpuExecutor::new(gpu.clone(), arena_bytes, output_bytes, level)?;
            Ok(Box::new(executor) as Box<dyn Executor + Send>)
        };
        Device::new(name, limits, Box::new(slot))
    }
}

/// Whether it is worth loading the graphics drivers, which takes longer than planning a merge. On
/// Linux every hardware GPU has a device node.
fn may_have_gpu() -> bool {
    if cfg!(not(target_os = "linux")) {
        return true;
    }
    let nodes = [
        "/dev/nvidiactl",
        "/dev/dxg",
        "/dev/kfd",
        "/dev/mali0",
        "/dev/kgsl-3d0",
    ];
    let render = std::fs::read_dir("/dev/dri").is_ok_and(|mut nodes| nodes.next().is_some());
    render || nodes.iter().any(|node| std::path::Path::new(node).exists())
}
