//! What all lanes share while a merge runs.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::device::{Degraded, Device};
use super::pool::{Busy, Deltas, Permits};
use super::{MergeError, Progress};
use crate::checkpoint::Checkpoint;
use crate::exec::ExecError;
use crate::exec::cpu::Level;
use crate::plan::{Part, Plan};

/// What all lanes share while a merge runs.
pub(super) struct Shared<'a> {
    pub(super) plan: &'a Plan,
    pub(super) checkpoints: &'a [Checkpoint],
    /// The device, if it is not the CPU.
    pub(super) device: Option<&'a Device>,
    pub(super) progress: &'a dyn Progress,
    pub(super) cancel: &'a AtomicBool,
    pub(super) permits: Permits,
    /// The instruction set of what is computed while it is read.
    pub(super) level: Level,
    pub(super) deltas: Deltas,
    pub(super) reading: Busy,
    pub(super) writing: Busy,
    pub(super) bytes_read: AtomicU64,
    pub(super) degraded: Degraded,
}

impl Shared<'_> {
    /// Reads bytes of a model's file, unless the merge is stopped.
    pub(super) fn read(
        &self,
        (model, file): (usize, usize),
        offset: u64,
        target: &mut [u8],
    ) -> Result<(), MergeError> {
        self.check_running()?;
        let checkpoint = &self.checkpoints[model];
        self.reading
            .during(|| checkpoint.read_at(file, offset, target))?;
        let bytes = target.len() as u64;
        self.bytes_read.fetch_add(bytes, Ordering::Relaxed);
        self.progress.advance(bytes);
        Ok(())
    }

    /// Bytes of arena that the inputs of a part take.
    pub(super) fn arena_bytes(&self, part: &Part) -> usize {
        self.plan.arena_bytes(part) as usize
    }

    /// Stops what goes on once the user has said so.
    pub(super) fn check_running(&self) -> Result<(), MergeError> {
        match self.cancel.load(Ordering::Relaxed) {
            true => Err(MergeError::Interrupted),
            false => Ok(()),
        }
    }

    /// Checks that no input was changed since it was opened.
    pub(super) fn check_unchanged(&self) -> Result<(), MergeError> {
        for checkpoint in self.checkpoints {
            checkpoint.check_unchanged()?;
        }
        Ok(())
    }

    /// The fault of a job of which two readings do not agree.
    pub(super) fn contradiction(&self, job: usize) -> MergeError {
        match self.check_unchanged() {
            Err(changed) => changed,
            Ok(()) => MergeError::Contradiction {
                key: self.plan.jobs[job].key.clone(),
            },
        }
    }

    /// Names the model and tensor of a fault in a batch; `job_of` gives the job of each piece.
    pub(super) fn fault_at(&self, fault: ExecError, job_of: impl Fn(usize) -> usize) -> MergeError {
        let job = match fault {
            ExecError::NonFinite { piece, .. } => job_of(piece),
            _ => 0,
        };
        self.fault(fault, job)
    }

    /// Names the model and tensor of a fault in a job.
    pub(super) fn fault(&self, fault: ExecError, job: usize) -> MergeError {
        let ExecError::NonFinite { slot, element, .. } = fault else {
            return MergeError::Internal(fault.to_string());
        };
        let job = &self.plan.jobs[job];
        let model = job
            .inputs()
            .find(|(number, _)| *number == usize::from(slot));
        let path = model.map(|(_, input)| self.checkpoints[input.model].path().to_owned());
        MergeError::NonFinite {
            model: path.unwrap_or_default(),
            key: job.key.clone(),
            element,
        }
    }
}
