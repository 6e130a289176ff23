//! What a merge reads, and how often.
//!
//! Most of it is known beforehand. How often a tensor is read for the threshold of a selection
//! depends on its values: a first window guessed from a sample either holds the threshold, or it is
//! counted in windows that narrow.

use serde::Serialize;

use super::class::Level;
use super::job::{Action, Job, Work};
use super::{InputId, Plan, ProgramId};
use crate::kernel::{Program, Statistic, StatisticId, TILE};

/// Tiles from which the first window of a selection is guessed.
pub(crate) const SAMPLE_TILES: u64 = 128;
/// Passes that count for a selection, at most: one in the window that was guessed, and windows of
/// 2^31, 2^20 and 2^9 keys.
const COUNTING_PASSES: u64 = 4;

/// A number that lies between two others, or is known where they are equal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Range {
    /// It is this at least.
    pub least: u64,
    /// It is this at most; None where the values alone decide when it ends.
    pub most: Option<u64>,
}

impl Default for Range {
    fn default() -> Range {
        Range::exactly(0)
    }
}

impl Range {
    fn new(least: u64, most: u64) -> Range {
        Range {
            least,
            most: Some(most),
        }
    }

    fn exactly(value: u64) -> Range {
        Range::new(value, value)
    }

    fn at_least(least: u64) -> Range {
        Range { least, most: None }
    }

    fn add(&mut self, other: Range) {
        self.least += other.least;
        self.most = self.most.zip(other.most).map(|(a, b)| a + b);
    }

    fn cover(&mut self, other: Range) {
        self.least = self.least.max(other.least);
        self.most = self.most.zip(other.most).map(|(a, b)| a.max(b));
    }
}

/// Bytes and passes.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Reads {
    pub(super) bytes: Range,
    pub(super) passes: Range,
}

impl Plan {
    /// What is read from the models, from the first statistic to the merge.
    pub(super) fn reads(&self) -> Reads {
        let mut all = Reads::default();
        for job in &self.jobs {
            let mut own = Reads::default();
            for (at, work) in job.outputs().iter().enumerate() {
                let mut found = self.statistics_reads(job, work);
                if at > 0 {
                    // Outputs of a sweep may share what is found.
                    found.bytes.least = 0;
                }
                own.bytes.add(found.bytes);
                own.passes.cover(found.passes);
            }
            own.bytes.add(match is_gathered(job) {
                true => Range::at_least(0),
                false => Range::exactly(job.input_bytes()),
            });
            own.passes.add(Range::exactly(1));
            all.bytes.add(own.bytes);
            all.passes.cover(own.passes);
        }
        all
    }

    /// Bytes that the tasks read, with the statistics that they find themselves: for a bar.
    pub(crate) fn task_reads(&self) -> u64 {
        let reads = |job: &Job| {
            let first = job.outputs().first();
            let found = match (&job.action, first) {
                (Action::Merge { resident: true, .. }, Some(work)) => {
                    self.statistics_reads(job, work).bytes.least
                }
                _ => 0,
            };
            job.input_bytes() + found
        };
        self.jobs.iter().map(reads).sum()
    }

    /// What the statistics of an output of a job read, before its merge.
    fn statistics_reads(&self, job: &Job, work: &Work) -> Reads {
        let Action::Merge { resident, .. } = &job.action else {
            return Reads::default();
        };
        let mut inputs = job.inputs().iter();
        let made = inputs.any(|input| input.bytes.is_kept());
        let made = made || is_gathered(job) || !work.planes.is_empty();
        if *resident && self.memory.chunk_elements.is_none() {
            // Its inputs lie in memory for both.
            return Reads::default();
        }
        if self.is_small(job) && !made {
            return self.small(job, work);
        }
        let mut all = Reads::default();
        for level in &self.classes[work.class].levels {
            let own = match *resident {
                true => self.chunked(job, work, level),
                false => surveyed(job, work, level),
            };
            all.bytes.add(own.bytes);
            all.passes.add(own.passes);
        }
        if made {
            // Factors are kept while there is room; planes of whole tensors and means of all rows
            // are made once.
            all.bytes = Range::at_least(0);
        }
        all
    }

    /// What a lane reads for the statistics of a small job: all that some of them reads, once.
    fn small(&self, job: &Job, work: &Work) -> Reads {
        let (mut all, mut open) = (Vec::new(), Vec::new());
        for level in &self.classes[work.class].levels {
            let iterated = level.iterated.iter().flat_map(|(programs, _)| programs);
            let sums = level.sums.iter().map(|(program, _)| program);
            open.extend(sums.chain(iterated).copied());
            if let Some((program, own)) = &level.largest {
                all.push(*program);
                if is_open(job, own, &work.statistics) {
                    open.push(*program);
                }
            }
        }
        all.extend(&open);
        let passes = |programs: &[ProgramId]| u64::from(!programs.is_empty());
        Reads {
            bytes: Range::new(
                self.read_by(&open, job, work),
                self.read_by(&all, job, work),
            ),
            passes: Range::new(passes(&open), passes(&all)),
        }
    }

    /// What a lane reads for a level by itself: what its Programs read, chunk by chunk.
    fn chunked(&self, job: &Job, work: &Work, level: &Level) -> Reads {
        let mut reads = Reads::default();
        if let Some((program, _)) = &level.sums {
            reads
                .bytes
                .add(Range::exactly(self.read_by(&[*program], job, work)));
            reads.passes.add(Range::exactly(1));
        }
        if let Some((program, own)) = &level.largest {
            let once = self.read_by(&[*program], job, work);
            let tile = TILE as u64;
            let sampled = (SAMPLE_TILES * tile).min(job.elements);
            let stride = job.elements.div_ceil(tile).div_ceil(SAMPLE_TILES).max(1);
            let tiles = job.elements.div_ceil(tile).div_ceil(stride);
            let sample = once * (tiles * tile).min(sampled) / job.elements.max(1);
            let open = u64::from(is_open(job, own, &work.statistics));
            let located = own.len() as u64;
            // The last tile of the sample may be short.
            let short = once * tile.min(job.elements) / job.elements.max(1);
            reads.bytes.add(Range::new(
                (once * open + sample).saturating_sub(short),
                once * (2 + COUNTING_PASSES + located),
            ));
            reads.passes.add(Range::new(open, 2 + COUNTING_PASSES));
        }
        for (programs, _) in &level.iterated {
            reads
                .bytes
                .add(Range::at_least(self.read_by(programs, job, work)));
            reads.passes.add(Range::at_least(1));
        }
        reads
    }

    /// Bytes that one pass of Programs over a job reads.
    fn read_by(&self, programs: &[ProgramId], job: &Job, work: &Work) -> u64 {
        let programs = programs.iter().map(|&program| &self.programs[program]);
        let slots = programs.flat_map(Program::slots);
        let inputs = slots.filter_map(|slot| work.slots[slot.index()]);
        let mut inputs: Vec<InputId> = inputs.collect();
        inputs.sort_unstable();
        inputs.dedup();
        let inputs = inputs.into_iter().map(|at| &job.inputs()[at.index()]);
        inputs.map(|input| input.read_bytes(job.elements)).sum()
    }
}

/// Whether an input is stored in another order than it is wanted: of what lies between wanted
/// elements some is read too, and what is read for two parts is read twice.
fn is_gathered(job: &Job) -> bool {
    job.inputs().iter().any(|input| input.bytes.is_strided())
}

/// What all lanes read for a level of a surveyed job: all its inputs, part by part.
fn surveyed(job: &Job, work: &Work, level: &Level) -> Reads {
    let once = job.input_bytes();
    let mut reads = Reads::default();
    if level.sums.is_some() {
        reads.bytes.add(Range::exactly(once));
        reads.passes.add(Range::exactly(1));
    }
    if let Some((_, own)) = &level.largest {
        let open = u64::from(is_open(job, own, &work.statistics));
        // At most all of it is looked through for the ends of ties.
        let most = once * (2 + COUNTING_PASSES);
        reads.bytes.add(Range::new(once * open, most));
        reads.passes.add(Range::new(open, 1 + COUNTING_PASSES));
    }
    reads
}

/// Whether there is anything to find: a selection of some entries, neither of none nor of all.
fn is_open(job: &Job, own: &[StatisticId], statistics: &[Statistic]) -> bool {
    own.iter().any(|&at| match &statistics[at.index()] {
        Statistic::Largest { kept, .. } => {
            let count = kept.count(job.elements);
            count > 0 && count < job.elements
        }
        _ => false,
    })
}
