//! Which tensors of a comparison are looked at where not all are to be read.

use std::collections::HashMap;
use std::sync::Arc;

use indexmap::IndexMap;

use super::Merge;
use crate::keys::blocks::{Kind, places};
use crate::plan::{Action, Job};

/// Tensors of each kind that are looked at in a block.
const EACH: usize = 2;

impl Merge {
    /// A sample of the tensors of a comparison that takes about so many bytes of reading: of each
    /// kind in each block the two largest, and of what is large a run of rows. What
    /// [`Options::sample`](crate::recipe::Options::sample) takes.
    pub fn sample(&self, bytes: u64) -> Arc<HashMap<String, u64>> {
        let jobs = &self.plan().jobs;
        let keys: Vec<&str> = jobs.iter().map(|job| job.key.as_str()).collect();
        let mut groups: IndexMap<(String, Kind), Vec<&Job>> = IndexMap::new();
        for (job, block) in jobs.iter().zip(places(&keys)) {
            if matches!(job.action, Action::Merge { .. }) && job.elements > 0 {
                groups
                    .entry((block, Kind::of(&job.key)))
                    .or_default()
                    .push(job);
            }
        }
        for own in groups.values_mut() {
            // Stable: of equal ones those that come first.
            own.sort_by_key(|job| std::cmp::Reverse(job.elements));
            own.truncate(EACH);
        }
        let chosen = groups.values().map(Vec::len).sum::<usize>().max(1);
        let share = bytes / chosen as u64;
        let chosen = groups.values().flatten();
        let runs = chosen.map(|job| (job.key.clone(), runs(job, share)));
        Arc::new(runs.collect())
    }
}

/// Into how many runs of rows a tensor is cut, so that reading one takes at most so many bytes, or
/// as few as there are.
fn runs(job: &Job, share: u64) -> u64 {
    let rows = job.shape.first().copied().unwrap_or(1).max(1);
    let least = job.input_bytes().div_ceil(share.max(1)).clamp(1, rows);
    let divides = |runs: &u64| rows.is_multiple_of(*runs);
    (least..=rows).find(divides).unwrap_or(rows)
}
