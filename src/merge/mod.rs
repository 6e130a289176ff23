//! The driver: reads, computes and writes with back-pressure, and reports.
//!
//! A [`Merge`] is prepared (checkpoints opened, plan built, output checked) and then run. Workers,
//! called lanes, each take the next task, read its inputs, compute and write; memory is bounded
//! because a lane's buffers are all that it holds. Statistics of tensors that do not fit a lane are
//! found first, in passes of their own. If the device fails, the lane computes the same task on the
//! CPU from the bytes it still holds: the output is the same.

mod arrange;
mod buffer;
mod busy;
mod choose;
mod chunked;
mod device;
mod engine;
mod error;
mod factors;
mod inventory;
mod iterate;
mod lane;
mod lanes;
mod memo;
mod planes;
mod prepare;
mod progress;
mod report;
mod rows;
mod scan;
mod side;
mod statistics;
mod survey;
mod whole;
mod window;

pub use choose::{Chosen, choose_device};
pub use device::{Device, DeviceChoice, DeviceError, Slot};
pub use error::MergeError;
pub use inventory::{DeviceReport, ProbeCheck, devices};
pub use prepare::{Merge, Settings};
pub use progress::{Progress, Silent};
pub use report::Report;

use std::sync::atomic::{AtomicBool, AtomicU64};

use busy::Busy;

use crate::exec::cpu::Level;

/// What all lanes share while a merge runs.
struct Shared<'a> {
    merge: &'a Merge,
    progress: &'a dyn Progress,
    cancel: &'a AtomicBool,
    permits: lanes::Permits,
    /// The instruction set of what is computed while it is read.
    level: Level,
    factors: factors::FactorCache,
    reading: Busy,
    writing: Busy,
    bytes_read: AtomicU64,
    degraded: engine::Degraded,
}
