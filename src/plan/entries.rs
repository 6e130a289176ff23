//! The jobs of the entries of tensors that are stored as codes.

use std::collections::HashMap;
use std::sync::Arc;

use super::JobId;
use super::job::{Action, Job};

/// Tells the jobs of results that are stored as codes which jobs their entries are.
pub(super) fn link(jobs: &mut [Job]) {
    let parts = jobs.iter().enumerate();
    let parts = parts.filter(|(_, job)| matches!(job.action, Action::Part));
    let parts: HashMap<String, JobId> = parts
        .map(|(at, job)| (job.key.clone(), JobId::new(at)))
        .collect();
    for job in jobs {
        if let Action::Merge {
            encoded: Some(encoded),
            ..
        } = &mut job.action
        {
            let encoded = Arc::make_mut(encoded);
            let known = encoded.names.iter().filter_map(|name| parts.get(name));
            encoded.jobs = known.copied().collect();
        }
    }
}
