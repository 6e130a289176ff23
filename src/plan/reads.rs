//! What a merge reads, and how often.
//!
//! Most of it is known beforehand. How often a tensor is read for the threshold of a selection
//! depends on its values: a first window guessed from a sample either holds the threshold, or it is
//! counted in windows that narrow.

use serde::Serialize;

use super::class::Group;
use super::job::{Action, Job, Work};
use super::{InputId, Plan, ProgramId};
use crate::kernel::reduce::PassCount;
use crate::kernel::{Program, TILE};

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
        let made = made || is_gathered(job) || work.is_made();
        if *resident && !job.streams {
            // Its inputs lie in memory for both.
            return Reads::default();
        }
        if self.is_small(job) && !made {
            return self.small(job, work);
        }
        let mut all = Reads::default();
        for group in self.classes[work.class].rounds.iter().flatten() {
            let once = match *resident {
                true => self.read_by(&[group.program], job, work),
                // All lanes read all that is there.
                false => job.input_bytes(),
            };
            let PassCount {
                least,
                most,
                sampled,
            } = passes(group, job, work);
            let of = |elements: u64| {
                let share = u128::from(once) * u128::from(elements.min(job.elements));
                (share / u128::from(job.elements.max(1))) as u64
            };
            // Where there is a sample, a tile or two are looked at again for each statistic. There
            // is none, or a smaller one, where memory is scarce.
            let again = match sampled {
                0 => 0,
                _ => (2 * group.statistics.len() * TILE) as u64,
            };
            all.bytes.add(Range {
                least: once * least,
                most: most.map(|most| once * most + of(sampled + again)),
            });
            all.passes.add(Range { least, most });
        }
        if made {
            // Factors are kept while there is room; results of stages and means of all rows
            // are made once.
            all.bytes = Range::at_least(0);
        }
        all
    }

    /// What a lane reads for the statistics of a small job: all that some of them reads, once.
    fn small(&self, job: &Job, work: &Work) -> Reads {
        let (mut all, mut open) = (Vec::new(), Vec::new());
        for group in self.classes[work.class].rounds.iter().flatten() {
            all.push(group.program);
            if passes(group, job, work).least > 0 {
                open.push(group.program);
            }
        }
        let passes = |programs: &[ProgramId]| u64::from(!programs.is_empty());
        Reads {
            bytes: Range::new(
                self.read_by(&open, job, work),
                self.read_by(&all, job, work),
            ),
            passes: Range::new(passes(&open), passes(&all)),
        }
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

/// How often a tensor is read for statistics that one Program serves.
fn passes(group: &Group, job: &Job, work: &Work) -> PassCount {
    let none = PassCount {
        least: 0,
        most: Some(0),
        sampled: 0,
    };
    let own = group.statistics.iter();
    let own = own.map(|at| work.statistics[at.index()].reduce.passes(job.elements));
    own.fold(none, |all, own| PassCount {
        least: all.least.max(own.least),
        most: all.most.zip(own.most).map(|(a, b)| a.max(b)),
        sampled: all.sampled.max(own.sampled),
    })
}
