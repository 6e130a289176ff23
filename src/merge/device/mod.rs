//! The device of a merge: which there are, which is chosen, and what runs on it.

mod choice;
mod choose;
mod degraded;
mod inventory;

pub use choice::{Device, DeviceChoice, DeviceError, Slot};
pub use choose::{Chosen, choose_device};
pub(super) use degraded::Degraded;
pub use inventory::{DeviceReport, ProbeCheck, devices};
