//! How a merge is run.

use std::path::PathBuf;

use super::Device;
use crate::exec::cpu::Level;

/// How a merge is run. The output's bytes do not depend on it.
#[derive(Debug)]
pub struct Settings {
    /// Where the result goes: a name that ends in `.safetensors` or `.sft` is a file; one that ends
    /// in a slash, exists as a folder or has no extension is a folder.
    pub output: PathBuf,
    /// What else is read for the merge, such as the recipe's file: never written.
    pub reads: Vec<PathBuf>,
    /// Whether an existing output may be replaced.
    pub overwrite: bool,
    /// Bytes that the process may hold.
    pub memory: u64,
    /// Threads that compute; more than 65535 count as so many.
    pub threads: usize,
    /// The device that computes, if it is not the CPU.
    pub device: Option<Device>,
    /// The instruction set of the CPU's loops.
    pub level: Level,
    /// What is measured of the changes that are stored.
    pub proof: Proof,
    /// The least share of the computed change that each output must hold, or nothing is written.
    pub min_survival: Option<f64>,
}

impl Settings {
    /// A merge into `output` on the CPU: nothing is replaced, 1 GiB of memory, a thread per core.
    ///
    /// ```
    /// use wgmerge::Settings;
    ///
    /// let settings = Settings {
    ///     memory: 256 << 20,
    ///     ..Settings::new("out.safetensors")
    /// };
    /// assert!(!settings.overwrite);
    /// ```
    pub fn new(output: impl Into<PathBuf>) -> Settings {
        Settings {
            output: output.into(),
            reads: Vec::new(),
            overwrite: false,
            memory: 1 << 30,
            threads: std::thread::available_parallelism().map_or(1, usize::from),
            device: None,
            level: Level::detect(),
            proof: Proof::default(),
            min_survival: None,
        }
    }
}

/// How much is measured of what each stored tensor changes of the one that it goes out from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Proof {
    /// Nothing.
    None,
    /// One tile of 1024 elements in sixteen, the first of each tensor among them, which costs next
    /// to nothing.
    #[default]
    Sample,
    /// Every element. An output that holds nothing of the change is refused.
    Full,
}

impl Proof {
    /// One tile in so many is looked at.
    pub(super) fn every(self) -> u64 {
        match self {
            Proof::None | Proof::Sample => 16,
            Proof::Full => 1,
        }
    }
}
