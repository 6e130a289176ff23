//! Devices that nobody uses any more: they stay open for whoever opens their adapter next.
//!
//! None is ever closed. When one is, NVIDIA's driver (seen with 580.159 on Linux) waits for a
//! thread of its own to end, and that thread's clean-up races with that of any other thread that
//! ends: now and then it never returns, and holds what every other device of the process waits for.

use std::sync::{Arc, Mutex};

use super::adapter::AdapterDescription;
use super::fate::{Fate, GpuLimits, lock};

/// An open device without a user.
pub(super) struct Kept {
    pub(super) bind_group_layout: wgpu::BindGroupLayout,
    pub(super) queue: wgpu::Queue,
    pub(super) device: wgpu::Device,
    pub(super) fate: Arc<Fate>,
    pub(super) limits: GpuLimits,
    pub(super) description: AdapterDescription,
    pub(super) instance: wgpu::Instance,
}

static KEPT: Mutex<Vec<Kept>> = Mutex::new(Vec::new());

/// Keeps a device.
pub(super) fn keep(device: Kept) {
    lock(&KEPT).push(device);
}

/// A device of this adapter that works.
pub(super) fn take(adapter: &AdapterDescription) -> Option<Kept> {
    let mut kept = lock(&KEPT);
    let fits = |one: &Kept| one.description == *adapter && !one.fate.is_lost();
    let at = kept.iter().position(fits)?;
    Some(kept.swap_remove(at))
}
