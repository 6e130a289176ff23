//! What a selection ranges over, and where its kept ties end.

use std::collections::HashMap;

use crate::kernel::{BINS, Scope, Statistic, Window};
use crate::plan::Plan;

/// What a selection ranges over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Group {
    /// A statistic of a job.
    Tensor(usize, u16),
    /// All tensors of a model, for one output.
    Model(usize, u64),
}

pub(super) fn group_of(plan: &Plan, job: usize, at: u16, statistic: &Statistic) -> Group {
    match statistic {
        Statistic::Largest {
            scope: Scope::Model(model),
            ..
        } => Group::Model(plan.variant_of(job), *model),
        _ => Group::Tensor(job, at),
    }
}

/// Where the kept ties of a selection end: in which job, at which element.
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

/// The finest counts of each run: how many elements have which key.
#[derive(Default)]
pub(super) struct Counted(HashMap<(Group, Place), Vec<(u32, u64)>>);

/// A run of elements: the job and the first element.
pub(super) type Place = (usize, u64);

impl Counted {
    pub(super) fn keep(&mut self, group: Group, place: Place, window: Window, counts: &[u64]) {
        let keys = (window.lo..).zip(&counts[..BINS]);
        let some = keys
            .filter(|(_, count)| **count > 0)
            .map(|(key, count)| (key, *count));
        self.0.insert((group, place), some.collect());
    }

    pub(super) fn ties(&self, group: Group, place: Place, key: u32) -> u64 {
        let counts = self.0.get(&(group, place)).map_or(&[][..], Vec::as_slice);
        counts
            .iter()
            .find(|(known, _)| *known == key)
            .map_or(0, |(_, count)| *count)
    }
}
