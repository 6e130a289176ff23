//! What a selection ranges over, and where its kept ties end.

use crate::kernel::{Scope, Statistic, StatisticId};

use super::pass::Surveyed;
use crate::plan::{JobId, OutputId};

/// What a selection ranges over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Group {
    /// A statistic of an output of a job.
    Tensor {
        job: JobId,
        output: OutputId,
        statistic: StatisticId,
    },
    /// All tensors of a model in a merge, for one output.
    Model {
        output: OutputId,
        merge: usize,
        model: usize,
    },
}

impl Group {
    /// What statistic number `at` of an output ranges over.
    pub(super) fn of(surveyed: &Surveyed<'_>, at: StatisticId, statistic: &Statistic) -> Group {
        let Surveyed { job, output, .. } = *surveyed;
        match statistic {
            Statistic::Largest {
                scope: Scope::Model { merge, model },
                ..
            } => Group::Model {
                output,
                merge: *merge,
                model: *model,
            },
            _ => Group::Tensor {
                job,
                output,
                statistic: at,
            },
        }
    }
}

/// Where the kept ties of a selection end: in which job of the pass, at which element.
#[derive(Clone, Copy)]
pub(super) struct Limit {
    pub(super) at: usize,
    pub(super) element: u64,
}

impl Limit {
    /// The limit as the job number `at` of the pass sees it: jobs before keep all their ties, jobs
    /// after none.
    pub(super) fn of(&self, at: usize) -> u64 {
        match at.cmp(&self.at) {
            std::cmp::Ordering::Less => u64::MAX,
            std::cmp::Ordering::Equal => self.element,
            std::cmp::Ordering::Greater => 0,
        }
    }
}
