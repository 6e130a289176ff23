//! The GPU executor: Programs as compute shaders, on any adapter that wgpu finds.
//!
//! A [`GpuDevice`] is opened once and shared; each worker thread owns a [`GpuExecutor`], a slot of
//! buffers that are allocated once. Workers overlap: while one waits for its kernel another copies.
//! What a device may compute differently, infinities and NaN, is noticed by the kernels and
//! computed again on the CPU, so the bytes are those of
//! [`CpuExecutor`](crate::exec::cpu::CpuExecutor) whatever the hardware. Errors of the driver, a
//! lost device and a hang come back as [`ExecError`](crate::exec::ExecError), never as a panic.

mod adapter;
mod answer;
mod device;
mod executor;
mod fate;
mod kept;
mod pipeline;
pub mod probe;
mod slot;
mod staging;

pub use adapter::{AdapterChoice, AdapterDescription, OpenError, adapters};
pub use device::GpuDevice;
pub use executor::GpuExecutor;
pub use fate::GpuLimits;
