//! Whether the outputs hold what was computed.

use super::{Merge, MergeError, Proof, Report};
use crate::checkpoint::recorded_name;
use crate::figures::counted;
use crate::plan::{Action, Job, OutputId};
use crate::report::{self, Form, State, Subject, Survival};

/// What was found of some tensors together; None of none.
pub(super) fn total<'a>(found: impl Iterator<Item = &'a Survival>) -> Option<Survival> {
    let mut total: Option<Survival> = None;
    found.for_each(|own| total.get_or_insert_default().add(own));
    total
}

/// Whether a tensor is computed, and no change was found of it.
fn is_unmeasured(job: &Job, found: &Option<Survival>) -> bool {
    matches!(job.action, Action::Merge { .. }) && found.is_none() && job.elements > 0
}

impl Merge {
    /// The tensors that are computed and of which no change was found, where changes were looked
    /// for; those of the first output.
    pub(super) fn unmeasured(&self, found: &[Option<Survival>]) -> impl Iterator<Item = &Job> {
        let first = found.iter().step_by(self.plan().outputs);
        let jobs = self.plan().jobs.iter().zip(first);
        let unmeasured = jobs.filter(|(job, found)| is_unmeasured(job, found));
        unmeasured.map(|(job, _)| job)
    }

    /// What a report says of how changes were looked for.
    fn remarks(&self, report: &Report) -> Vec<String> {
        let mut remarks = Vec::new();
        if report.survival.is_some() && report.sampled {
            let sample = "changes are measured of one tile of 1024 elements in sixteen";
            remarks.push(sample.to_owned());
        }
        let mut unmeasured = self.unmeasured(&report.changes);
        if let Some(first) = unmeasured.next().filter(|_| report.unmeasured > 0) {
            let tensors = counted(report.unmeasured, "tensor");
            let reference = self.recipe().reference.index();
            remarks.push(format!(
                "no change is measured of {tensors}, such as `{}`: the merge reads none of this \
                 form of {}",
                first.key,
                recorded_name(self.checkpoints()[reference].path())
            ));
        }
        remarks
    }

    /// Refuses outputs that hold nothing of the change that was computed, or less than is wanted.
    pub(super) fn prove(&self, found: &[Option<Survival>]) -> Result<(), MergeError> {
        let outputs = self.plan().outputs;
        let wanted = self.settings.min_survival;
        for (number, output) in self.outputs().iter().enumerate() {
            let own = || found.iter().skip(number).step_by(outputs);
            let Some(total) = total(own().flatten()) else {
                continue;
            };
            let jobs = &self.plan().jobs;
            let merged = jobs.iter().zip(own());
            let lost = total.intended_squares > 0.0 && total.changed == 0;
            let is_known = || !merged.clone().any(|(job, found)| is_unmeasured(job, found));
            if lost && self.settings.proof == Proof::Full && is_known() {
                let first = jobs.iter().find(|job| !job.outputs().is_empty());
                let reference = self.recipe().reference.index();
                return Err(MergeError::Unchanged {
                    output: output.clone(),
                    reference: self.checkpoints()[reference].path().to_owned(),
                    values: total.elements,
                    float: first.map_or_else(String::new, |job| job.dtype.to_string()),
                });
            }
            let Some((wanted, found)) = wanted.zip(total.survival()) else {
                continue;
            };
            if found < wanted {
                let missing =
                    |own: &Option<Survival>| own.as_ref().map_or(0.0, Survival::lost_squares);
                let most = merged.max_by(|(_, a), (_, b)| missing(a).total_cmp(&missing(b)));
                return Err(MergeError::Survival {
                    output: output.clone(),
                    found,
                    wanted,
                    tensor: most.map_or_else(String::new, |(job, _)| format!("`{}`", job.key)),
                });
            }
        }
        Ok(())
    }

    /// All that was measured of an output, tensor by tensor, once it was written.
    pub fn measured(&self, report: &Report, output: OutputId) -> report::Report {
        let jobs = &self.plan().jobs;
        let keys: Vec<&str> = jobs.iter().map(|job| job.key.as_str()).collect();
        let blocks = crate::keys::blocks::places(&keys);
        let found = report.changes.iter();
        let found = found.skip(output.index()).step_by(self.plan().outputs);
        let tensors = jobs.iter().zip(blocks).zip(found);
        let tensors = tensors.filter(|((job, _), _)| !job.is_part);
        let tensors = tensors.map(|((job, block), survival)| {
            let state = match job.action {
                Action::Copy(_) | Action::Part => State::Copied,
                Action::Merge { .. } => State::Computed,
            };
            let form = Form {
                dtype: match job.encoded() {
                    Some(encoded) => encoded.encoding.format.to_string(),
                    None => job.dtype.to_string(),
                },
                shape: job.shape.to_vec(),
            };
            let mut tensor = report::Tensor::new(job.key.clone(), block, state, form);
            tensor.survival.clone_from(survival);
            tensor
        });
        let models = self.checkpoints().iter().enumerate().map(|(number, own)| {
            let base = number == self.recipe().reference.index();
            (
                if base { "base" } else { "model" },
                own.path(),
                own.fingerprint().ok(),
            )
        });
        let written = [("output", self.outputs()[output.index()].as_path(), None)];
        let subjects = models
            .chain(written)
            .map(|(role, path, fingerprint)| Subject {
                role: role.to_owned(),
                path: path.display().to_string(),
                fingerprint,
            });
        report::Report {
            what: "merge".to_owned(),
            subjects: subjects.collect(),
            device: report.device.clone(),
            seconds: report.seconds,
            bytes_read: report.bytes_read,
            notes: [self.plan().report.notes.clone(), self.remarks(report)].concat(),
            tensors: tensors.collect(),
        }
    }
}
