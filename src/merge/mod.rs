//! The driver: reads, computes and writes with back-pressure, and reports.
//!
//! A [`Merge`] is prepared (checkpoints opened, plan built, output checked) and then run. Workers,
//! called lanes, each take the next task, read its inputs, compute and write; memory is bounded
//! because a lane's buffers are all that it holds. Statistics of tensors that do not fit a lane are
//! found first, in passes of their own. If the device fails, the lane computes the same task on the
//! CPU from the bytes it still holds: the output is the same.
//!
//! Files import downwards only: `pool`, `device`, `shared`, `read`, `lane`, `find`, `write`, and
//! above them `prepare` and `run`.

mod checked;
mod compare;
mod compared;
mod device;
mod engine;
mod error;
mod find;
mod inputs;
mod lane;
mod pool;
mod prepare;
mod progress;
mod proof;
mod read;
mod report;
mod run;
mod sample;
mod settings;
mod shared;
mod side;
mod target;
mod unread;
mod verified;
mod verify;
mod write;

pub use device::{
    Chosen, Device, DeviceChoice, DeviceError, DeviceReport, ProbeCheck, Slot, choose_device,
    devices,
};
pub use error::MergeError;
pub use inputs::InputError;
pub use prepare::{Merge, Unused};
pub use progress::{Progress, Silent};
pub use report::{Report, path_json};
pub use settings::{Proof, Settings};
pub use side::{Companion, Companions, LeftOut};
pub use target::{OutputError, sweep_outputs, window_outputs};
pub use verified::{Difference, Stored, Verified};

/// The flag that stops a merge, when it is set from any thread.
pub type Cancel = std::sync::atomic::AtomicBool;
