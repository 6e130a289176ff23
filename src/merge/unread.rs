//! Models that a plan reads nothing of.

use std::collections::HashSet;
use std::path::Path;

use super::Merge;
use crate::plan::{Bytes, OutputId};
use crate::recipe::ModelId;

impl Merge {
    /// The models, besides the base or first one, of which nothing is read for any output: with
    /// these parameters they have no effect. Known before anything is read.
    pub fn unread(&self) -> Vec<&Path> {
        let mut read: HashSet<ModelId> = HashSet::from([self.recipe().reference]);
        let outputs = (0..self.plan().outputs).map(OutputId::new);
        let read_by = |output| {
            self.plan()
                .jobs
                .iter()
                .flat_map(move |job| job.slots(output))
        };
        for (_, input) in outputs.flat_map(read_by) {
            if !input.bytes.gathered().is_empty() {
                // Rows of several models, of which an input names one.
                return Vec::new();
            }
            mark(&input.bytes, &mut read);
        }
        let models = ModelId::all().zip(self.checkpoints());
        let unread = models.filter(|(model, _)| !read.contains(model));
        unread.map(|(_, checkpoint)| checkpoint.path()).collect()
    }
}

fn mark(bytes: &Bytes, read: &mut HashSet<ModelId>) {
    match bytes {
        Bytes::Joined(parts) => parts.iter().for_each(|(_, part)| mark(part, read)),
        Bytes::Inside { .. } | Bytes::Zero => {}
        other => {
            read.insert(other.model());
        }
    }
}
