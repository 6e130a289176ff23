//! Which device computes.

use crate::exec::cpu::Level;
use crate::exec::{ExecError, Executor};
use crate::plan::DeviceLimits;

/// What the user asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum DeviceChoice {
    /// The best real GPU, else the CPU.
    #[default]
    Auto,
    /// The CPU.
    Cpu,
    /// The best real GPU, or an error.
    Gpu,
    /// The adapter whose name, backend or driver has this text in it.
    Named(String),
    /// The adapter with this number in `wgmerge devices`.
    Index(usize),
}

impl std::str::FromStr for DeviceChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<DeviceChoice, String> {
        match text {
            "auto" => Ok(DeviceChoice::Auto),
            "cpu" => Ok(DeviceChoice::Cpu),
            // As torch calls it.
            "gpu" | "cuda" => Ok(DeviceChoice::Gpu),
            _ => match text.strip_prefix("gpu:") {
                Some("") | None => Err("must be auto, cpu, gpu, gpu:NAME or gpu:NUMBER".to_owned()),
                Some(name) => Ok(match name.parse() {
                    Ok(index) => DeviceChoice::Index(index),
                    Err(_) => DeviceChoice::Named(name.to_owned()),
                }),
            },
        }
    }
}

impl std::fmt::Display for DeviceChoice {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            DeviceChoice::Auto => f.write_str("auto"),
            DeviceChoice::Cpu => f.write_str("cpu"),
            DeviceChoice::Gpu => f.write_str("gpu"),
            DeviceChoice::Named(name) => write!(f, "gpu:{name}"),
            DeviceChoice::Index(index) => write!(f, "gpu:{index}"),
        }
    }
}

/// A device that was asked for and cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DeviceError {
    /// There is none.
    #[error(
        "no GPU fits `{asked}`: {reason}; `wgmerge devices` lists what there is, `--device cpu` \
         does without"
    )]
    NotFound {
        /// What was asked for.
        asked: String,
        /// What was found instead.
        reason: String,
    },
    /// It breaks the rules that make results the same everywhere.
    #[error(
        "{device} fails the start-up probe ({failed}): its results could differ; use `--device cpu`"
    )]
    Untrusted {
        /// The adapter.
        device: String,
        /// The checks that failed.
        failed: String,
    },
}

/// Opens the executor of one lane, for an arena and an output buffer of these sizes in bytes, and
/// the instruction set of what the CPU computes for it.
pub type Slot =
    dyn Fn(usize, usize, Level) -> Result<Box<dyn Executor + Send>, ExecError> + Send + Sync;

/// A device other than the CPU.
pub struct Device {
    /// What it is called.
    pub name: String,
    /// What it allows.
    pub limits: DeviceLimits,
    slot: Box<Slot>,
    gives_way: bool,
}

impl std::fmt::Debug for Device {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Device")
            .field("name", &self.name)
            .field("limits", &self.limits)
            .finish()
    }
}

impl Device {
    /// A device with the function that opens its slots.
    pub fn new(name: String, limits: DeviceLimits, slot: Box<Slot>) -> Device {
        Device {
            name,
            limits,
            slot,
            gives_way: false,
        }
    }

    /// The device, which leaves a merge to the CPU where the memory that is allowed does for the
    /// CPU alone.
    pub fn or_cpu(self) -> Device {
        Device {
            gives_way: true,
            ..self
        }
    }

    /// Whether it leaves a merge to the CPU where the memory does not do for both.
    pub(in crate::merge) fn gives_way(&self) -> bool {
        self.gives_way
    }

    /// Opens the executor of one lane.
    pub fn open_slot(
        &self,
        arena_bytes: usize,
        output_bytes: usize,
        level: Level,
    ) -> Result<Box<dyn Executor + Send>, ExecError> {
        (self.slot)(arena_bytes, output_bytes, level)
    }
}
