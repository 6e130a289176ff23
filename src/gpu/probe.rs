//! The start-up probe: does this device compute what the CPU computes?
//!
//! Drivers may contract a product and a sum, reassociate, flush denormals or divide loosely. The
//! kernels are written so that none of it shows; the probe runs real Programs over a few thousand
//! elements chosen to show it if it did, and compares the bytes with those of the CPU.

mod experiments;

use std::fmt;
use std::sync::Arc;

use super::{GpuDevice, GpuExecutor};
use crate::exec::cpu::{CpuExecutor, Level};
use crate::exec::{Batch, ExecError, Executor, Piece, Results};
use crate::kernel::{Counts, Grid, Output, Tally, TilePair};
use crate::plan::in_shares;
use experiments::{ELEMENTS, Experiment, experiments};

/// One comparison.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// What was compared, such as `contraction`.
    pub name: String,
    /// Whether the device gave the CPU's bytes.
    pub passed: bool,
    /// The first difference or the error; empty if there was none.
    pub detail: String,
}

/// What a probe found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProbeReport {
    /// Every comparison, in the order in which they were made.
    pub checks: Vec<Check>,
}

impl ProbeReport {
    /// Whether the device may be used.
    pub fn passed(&self) -> bool {
        self.checks.iter().all(|check| check.passed)
    }
}

impl fmt::Display for ProbeReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let failed: Vec<&Check> = self.checks.iter().filter(|check| !check.passed).collect();
        if failed.is_empty() {
            return write!(f, "all {} checks passed", self.checks.len());
        }
        for (number, check) in failed.iter().enumerate() {
            let separator = if number == 0 { "" } else { "; " };
            write!(f, "{separator}{}: {}", check.name, check.detail)?;
        }
        Ok(())
    }
}

/// Probes a device, for which so many threads compile. An error of the device is a check that did
/// not pass.
pub fn run(device: &Arc<GpuDevice>, threads: usize) -> ProbeReport {
    let experiments = experiments();
    compile(device, &experiments, threads);
    let bytes = 4 * ELEMENTS * std::mem::size_of::<f64>();
    let mut gpu = match GpuExecutor::new(Arc::clone(device), bytes, bytes, Level::BASELINE) {
        Ok(gpu) => gpu,
        Err(error) => {
            let check = Check {
                name: "memory".into(),
                passed: false,
                detail: error.to_string(),
            };
            return ProbeReport {
                checks: vec![check],
            };
        }
    };
    let checks = experiments.iter().map(|experiment| {
        let detail = compare(experiment, &mut gpu);
        Check {
            name: experiment.name.clone(),
            passed: detail.is_empty(),
            detail,
        }
    });
    ProbeReport {
        checks: checks.collect(),
    }
}

/// Compiles all Programs on so many threads: compiling takes longer than all the rest. Errors come
/// back when the Programs run.
fn compile(device: &GpuDevice, experiments: &[Experiment], threads: usize) {
    in_shares(experiments, (threads, 1), |experiments| {
        for experiment in experiments {
            let _ = device.pipeline(&experiment.program);
        }
    });
}

/// What is wrong, or nothing.
fn compare(experiment: &Experiment, gpu: &mut GpuExecutor) -> String {
    let rescued = gpu.rescued_pieces();
    let expected = outcome(experiment, &mut CpuExecutor::new(Level::BASELINE));
    let found = outcome(experiment, gpu);
    let hazard = gpu.rescued_pieces() > rescued;
    match (expected, found) {
        (Err(error), _) | (_, Err(error)) => error.to_string(),
        (Ok(_), Ok(_)) if hazard && !experiment.hazard => {
            "the kernel reports an infinity or a NaN where there is none".into()
        }
        (Ok(_), Ok(_)) if experiment.hazard && !hazard => {
            "the kernel does not notice infinities and NaN".into()
        }
        (Ok(expected), Ok(found)) => {
            let different = (0..expected.len()).filter(|i| expected[*i] != found[*i]);
            let different: Vec<usize> = different.collect();
            let Some(first) = different.first() else {
                return String::new();
            };
            let (right, wrong) = (expected[*first], found[*first]);
            let (count, all) = (different.len(), expected.len());
            format!("{count} of {all} words differ: word {first} is {wrong:#x}, not {right:#x}")
        }
    }
}

/// The words that an executor computes.
fn outcome(experiment: &Experiment, executor: &mut dyn Executor) -> Result<Vec<u64>, ExecError> {
    let piece = Piece {
        row: &experiment.row,
        start: experiment.start,
        len: ELEMENTS,
        inputs: experiment.inputs.clone(),
        output: 0,
    };
    let batch = Batch {
        program: &experiment.program,
        pieces: &[piece],
    };
    let arena = &experiment.arena;
    executor.upload(arena, 0..arena.len())?;
    let program = &experiment.program;
    let bytes = program.storing().map_or(0, |own| own.float.bytes());
    let mut output = vec![0; ELEMENTS * bytes];
    let asked = program.asked().map(|output| match output {
        Output::Sum(_) => Tally::Sums(Vec::new()),
        Output::Change { .. } => Tally::Change(Box::default()),
        Output::Pair(_) => Tally::Pairs(Vec::new()),
        Output::Max(_) => Tally::Max(0),
        _ => Tally::Counts(Counts::new(Grid::over(0x3f00_0000, 0x3f80_0000))),
    });
    let mut tallies: Vec<Tally> = asked.collect();
    let mut results = Results {
        stored: &mut output,
        overflows: Vec::new(),
        tallies: &mut tallies,
    };
    executor.run(&batch, arena, &mut results)?;
    let mut words: Vec<u64> = output.chunks(4).map(word).collect();
    for tally in tallies {
        match tally {
            Tally::Sums(sums) => words.extend(sums.iter().map(|sum| u64::from(sum.to_bits()))),
            Tally::Max(most) => words.push(most.into()),
            Tally::Change(change) => {
                let found = change.found();
                words.extend([found.meant, found.stored, found.along].map(f64::to_bits));
                words.extend([found.changed, found.flushed, found.beyond, found.special]);
            }
            Tally::Pairs(pairs) => words.extend(pairs.iter().flat_map(pair_words)),
            Tally::Counts(counts) => words.extend(counts.bins),
            _ => {}
        }
    }
    Ok(words)
}

fn pair_words(pair: &TilePair) -> Vec<u64> {
    let sums = pair.sums.map(f32::to_bits);
    let [first, second] = pair.flaws;
    let (same, opposite) = (pair.same_sign, pair.opposite_sign);
    let others = [first, second, same, opposite, pair.different, pair.greatest];
    sums.iter()
        .chain(&others)
        .map(|word| u64::from(*word))
        .collect()
}

fn word(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .rev()
        .fold(0, |word, byte| (word << 8) | u64::from(*byte))
}
