//! One test body for every executor of this machine.

use wgmerge::exec::Executor;
use wgmerge::exec::cpu::{CpuExecutor, Level};

/// Bytes of the arena and of the output that a test may use.
#[cfg(feature = "gpu")]
pub const SLOT_BYTES: usize = 4 << 20;

/// The instruction sets of this machine, the baseline first. Says which it lacks.
pub fn levels() -> impl Iterator<Item = Level> {
    for name in Level::missing() {
        println!("skipped {name}: this machine has no such instructions");
    }
    Level::available()
}

/// Runs `body` on the CPU at every level of this machine, and on every GPU adapter found. Under
/// `WGMERGE_REQUIRE_GPU=1` a machine without adapters fails.
pub fn for_each_backend(mut body: impl FnMut(&str, &mut dyn Executor)) {
    for level in levels() {
        body(level.name(), &mut CpuExecutor::new(level));
    }
    #[cfg(feature = "gpu")]
    for_each_gpu(|name, executor| body(name, executor));
    #[cfg(not(feature = "gpu"))]
    println!("skipped GPU adapters: built without the feature `gpu`");
}

#[cfg(feature = "gpu")]
pub use gpu::{devices, for_each_gpu, found, open};

#[cfg(feature = "gpu")]
mod gpu {
    use std::sync::{Arc, OnceLock};

    use super::{Level, SLOT_BYTES};
    use wgmerge::gpu::{AdapterChoice, AdapterDescription, GpuDevice, GpuExecutor, adapters};

    /// The adapters of this machine; says so, or fails if one is required, when there are none.
    pub fn found() -> Vec<AdapterDescription> {
        let found = adapters();
        if found.is_empty() {
            let required = std::env::var_os("WGMERGE_REQUIRE_GPU").is_some_and(|v| v == "1");
            assert!(!required, "WGMERGE_REQUIRE_GPU=1, and no adapter was found");
            println!("skipped GPU adapters: none found (no driver, or WGPU_BACKEND excludes it)");
        }
        found
    }

    /// A device of its own, for a test that ruins it.
    pub fn open(adapter: &AdapterDescription) -> Arc<GpuDevice> {
        let choice = AdapterChoice::Index(adapter.index);
        GpuDevice::open(&choice).unwrap_or_else(|error| panic!("{error}"))
    }

    /// Every adapter, opened once for all tests.
    pub fn devices() -> &'static [Arc<GpuDevice>] {
        static DEVICES: OnceLock<Vec<Arc<GpuDevice>>> = OnceLock::new();
        DEVICES.get_or_init(|| found().iter().map(open).collect())
    }

    /// Runs `body` on every GPU adapter found.
    pub fn for_each_gpu(mut body: impl FnMut(&str, &mut GpuExecutor)) {
        for device in devices() {
            println!("on {}", device.description());
            let mut executor =
                GpuExecutor::new(Arc::clone(device), SLOT_BYTES, SLOT_BYTES, Level::BASELINE)
                    .unwrap_or_else(|error| panic!("{}: {error}", device.description()));
            body(&device.description().name, &mut executor);
        }
    }
}
