//! Which adapters there are and which one is meant.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, PoisonError};

use wgpu::{Backend, Backends, DeviceType};

/// Which adapter to open.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum AdapterChoice {
    /// The best real GPU: discrete before integrated before virtual, never one in software.
    #[default]
    Best,
    /// The best adapter, one in software if there is no other.
    Any,
    /// The first whose name, backend or driver contains this, in any case, such as `llvmpipe`.
    Named(String),
    /// The one with this number in [`adapters`].
    Index(usize),
}

impl fmt::Display for AdapterChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AdapterChoice::Best => f.write_str("a hardware GPU"),
            AdapterChoice::Any => f.write_str("any adapter"),
            AdapterChoice::Named(name) => write!(f, "an adapter named like {name:?}"),
            AdapterChoice::Index(index) => write!(f, "adapter {index}"),
        }
    }
}

/// An adapter as a user sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdapterDescription {
    /// Its number in [`AdapterChoice::Index`].
    pub index: usize,
    /// The name that the driver gives.
    pub name: String,
    /// `vulkan`, `metal`, `dx12` or `gl`.
    pub backend: String,
    /// `discrete`, `integrated`, `virtual`, `software` or `other`.
    pub device_type: &'static str,
    /// The driver and its version.
    pub driver: String,
    /// Whether it computes on the CPU.
    pub software: bool,
    /// The largest buffer that a shader can see, in bytes.
    pub binding_bytes: u64,
    /// The largest buffer, in bytes.
    pub buffer_bytes: u64,
}

impl fmt::Display for AdapterDescription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}: {} ({}, {}, {}; bindings up to {} MiB)",
            self.index,
            self.name,
            self.backend,
            self.device_type,
            self.driver,
            self.binding_bytes >> 20
        )
    }
}

/// Why no device could be opened.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// No adapter is the one that was asked for.
    #[error("there is no {wanted}; found: {found}; name one of these, or merge on the CPU")]
    NoAdapter {
        /// What was asked for.
        wanted: String,
        /// What there is.
        found: String,
    },
    /// The driver refuses or fails.
    #[error("{adapter} cannot be opened: {reason}; choose another adapter, or merge on the CPU")]
    Refused {
        /// Its name.
        adapter: String,
        /// What the driver says.
        reason: String,
    },
}

/// Every adapter, in the order of their numbers. GL is asked only where the other interfaces offer
/// nothing, because it offers the same hardware again with less. The environment variable
/// `WGPU_BACKEND` restricts the interfaces.
pub fn adapters() -> Vec<AdapterDescription> {
    let found = enumerate();
    found
        .adapters
        .iter()
        .enumerate()
        .map(|(index, adapter)| describe(index, adapter))
        .collect()
}

/// The adapters and the instance that they belong to.
pub(super) struct Found {
    pub(super) instance: Option<wgpu::Instance>,
    pub(super) adapters: Vec<wgpu::Adapter>,
}

/// Asks the interfaces. A driver that panics has no adapters.
pub(super) fn enumerate() -> Found {
    let tries = match Backends::from_env() {
        Some(backends) => vec![backends],
        None => vec![
            Backends::VULKAN | Backends::METAL | Backends::DX12,
            Backends::GL,
        ],
    };
    for backends in tries {
        let asked = catch_unwind(AssertUnwindSafe(|| {
            let instance = instance(backends);
            let adapters = pollster::block_on(instance.enumerate_adapters(backends));
            (instance, adapters)
        }));
        match asked {
            Ok((instance, mut adapters)) if !adapters.is_empty() => {
                adapters.retain(can_compute);
                return Found {
                    instance: Some(instance),
                    adapters,
                };
            }
            // A driver that panics when it is asked is as good as none.
            Ok(_) | Err(_) => {}
        }
    }
    Found {
        instance: None,
        adapters: Vec::new(),
    }
}

/// The instance of these interfaces. It stays until the process ends: with the last one the drivers
/// would be unloaded under the threads that they have started. That of GL is for one device, as all
/// devices of an instance share its context.
fn instance(backends: Backends) -> wgpu::Instance {
    static KEPT: Mutex<Option<(Backends, wgpu::Instance)>> = Mutex::new(None);
    let create = || {
        let mut descriptor = wgpu::InstanceDescriptor::new_without_display_handle_from_env();
        descriptor.backends = backends;
        wgpu::Instance::new(descriptor)
    };
    if backends.contains(Backends::GL) {
        return create();
    }
    let mut kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    match &*kept {
        Some((of, instance)) if *of == backends => instance.clone(),
        _ => {
            let instance = create();
            *kept = Some((backends, instance.clone()));
            instance
        }
    }
}

fn can_compute(adapter: &wgpu::Adapter) -> bool {
    let flags = adapter.get_downlevel_capabilities().flags;
    flags.contains(wgpu::DownlevelFlags::COMPUTE_SHADERS)
}

/// The adapter that is meant.
pub(super) fn choose(
    choice: &AdapterChoice,
    adapters: &[wgpu::Adapter],
) -> Result<usize, OpenError> {
    let described = adapters
        .iter()
        .enumerate()
        .map(|(index, adapter)| describe(index, adapter));
    let described: Vec<AdapterDescription> = described.collect();
    let best = |software: bool| {
        let fit = (0..adapters.len()).filter(|index| software || !described[*index].software);
        fit.min_by_key(|index| rank(&adapters[*index].get_info()))
    };
    let found = match choice {
        AdapterChoice::Best => best(false),
        AdapterChoice::Any => best(true),
        AdapterChoice::Index(index) => (*index < adapters.len()).then_some(*index),
        AdapterChoice::Named(name) => {
            let name = name.to_lowercase();
            let named = |adapter: &AdapterDescription| {
                let texts = [&adapter.name, &adapter.backend, &adapter.driver];
                texts
                    .into_iter()
                    .any(|text| text.to_lowercase().contains(&name))
            };
            described.iter().position(named)
        }
    };
    found.ok_or_else(|| {
        let names: Vec<String> = described.iter().map(ToString::to_string).collect();
        OpenError::NoAdapter {
            wanted: choice
                .to_string()
                .trim_start_matches("an ")
                .trim_start_matches("a ")
                .into(),
            found: if names.is_empty() {
                "none".into()
            } else {
                names.join(", ")
            },
        }
    })
}

/// What makes one adapter better than another: its kind, then its interface.
fn rank(info: &wgpu::AdapterInfo) -> (u8, u8) {
    let kind = match info.device_type {
        DeviceType::DiscreteGpu => 0,
        DeviceType::IntegratedGpu => 1,
        DeviceType::VirtualGpu => 2,
        DeviceType::Other => 3,
        DeviceType::Cpu => 4,
    };
    let interface = match info.backend {
        Backend::Vulkan | Backend::Metal => 0,
        Backend::Dx12 => 1,
        _ => 2,
    };
    (kind, interface)
}

pub(super) fn describe(index: usize, adapter: &wgpu::Adapter) -> AdapterDescription {
    let info = adapter.get_info();
    let limits = adapter.limits();
    AdapterDescription {
        index,
        name: info.name,
        backend: info.backend.to_string(),
        device_type: match info.device_type {
            DeviceType::DiscreteGpu => "discrete",
            DeviceType::IntegratedGpu => "integrated",
            DeviceType::VirtualGpu => "virtual",
            DeviceType::Cpu => "software",
            DeviceType::Other => "other",
        },
        driver: format!("{} {}", info.driver, info.driver_info)
            .trim()
            .to_owned(),
        software: info.device_type == DeviceType::Cpu,
        binding_bytes: limits.max_storage_buffer_binding_size,
        buffer_bytes: limits.max_buffer_size,
    }
}
