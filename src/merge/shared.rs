//! What all lanes share while a merge runs.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::device::{Degraded, Device};
use super::pool::{
    Averages, Busy, Carried, Changes, Deltas, Effects, Joints, Overflowed, Permits, Room, Spare,
};
use super::{MergeError, Progress};
use crate::checkpoint::Checkpoint;
use crate::dtype::Float;
use crate::exec::cpu::Level;
use crate::exec::{ExecError, Overflow, Stored};
use crate::kernel::{SlotId, Tally};
use crate::plan::{Input, JobId, OutputId, Part, Plan};
use crate::recipe::ModelId;

/// What all lanes share while a merge runs.
pub(super) struct Shared<'a> {
    pub(super) plan: &'a Plan,
    pub(super) checkpoints: &'a [Checkpoint],
    /// The device, if it is not the CPU.
    pub(super) device: Option<&'a Device>,
    pub(super) progress: &'a dyn Progress,
    pub(super) cancel: &'a AtomicBool,
    pub(super) permits: Permits,
    /// For the stages of the tensors at hand.
    pub(super) room: Room,
    /// The instruction set of what is computed while it is read.
    pub(super) level: Level,
    pub(super) deltas: Deltas,
    pub(super) averages: Averages,
    pub(super) joints: Joints,
    /// Whose codes are the base's.
    pub(super) carried: Carried,
    /// For codes.
    pub(super) spare: Spare,
    pub(super) reading: Busy,
    pub(super) writing: Busy,
    pub(super) bytes_read: AtomicU64,
    /// Results that their types could not hold.
    pub(super) overflowed: Overflowed,
    /// One tile in so many is measured.
    pub(super) every: u64,
    /// What the stored tensors change.
    pub(super) changes: Changes,
    /// Which models may change something.
    pub(super) effects: Effects,
    pub(super) degraded: Degraded<'a>,
}

impl Shared<'_> {
    /// Reads bytes of a model's file, unless the merge is stopped.
    pub(super) fn read(
        &self,
        (model, file): (ModelId, usize),
        offset: u64,
        target: &mut [u8],
    ) -> Result<(), MergeError> {
        self.check_running()?;
        let checkpoint = &self.checkpoints[model.index()];
        self.reading
            .during(|| checkpoint.read_at(file, offset, target))?;
        let bytes = target.len() as u64;
        self.bytes_read.fetch_add(bytes, Ordering::Relaxed);
        self.progress.advance(bytes);
        Ok(())
    }

    /// Bytes of arena that the inputs of a part take.
    pub(super) fn arena_bytes(&self, part: &Part) -> usize {
        self.plan.jobs[part.job].arena_bytes(part.len) as usize
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
    pub(super) fn contradiction(&self, job: JobId) -> MergeError {
        match self.check_unchanged() {
            Err(changed) => changed,
            Ok(()) => MergeError::Contradiction {
                key: self.plan.jobs[job].key.clone(),
            },
        }
    }

    /// Counts results that their types cannot hold; `of` gives the job and output of each piece.
    pub(super) fn count(&self, found: &[Overflow], of: impl Fn(usize) -> (JobId, OutputId)) {
        for overflow in found {
            let (job, output) = of(overflow.piece);
            let tensor = job.index() * self.plan.outputs + output.index();
            self.overflowed.add(tensor, overflow.values);
        }
    }

    /// Takes what a run of elements changed, if that was measured.
    pub(super) fn note(&self, (job, output): (JobId, OutputId), seen: u64, tallies: Vec<Tally>) {
        let tensor = job.index() * self.plan.outputs + output.index();
        let elements = self.plan.jobs[job].elements;
        for tally in tallies {
            if let Tally::Change(change) = tally {
                self.changes.add(tensor, (seen, elements), change);
            }
        }
    }

    /// Names the model and tensor of a fault in a batch; `of` gives the job and output of each
    /// piece.
    pub(super) fn fault_at(
        &self,
        fault: ExecError,
        of: impl Fn(usize) -> (JobId, OutputId),
    ) -> MergeError {
        let place = fault
            .place()
            .map_or_else(Default::default, |(piece, _)| of(piece));
        self.fault(fault, place)
    }

    /// Names the model and tensor of a fault in an output of a job.
    pub(super) fn fault(
        &self,
        fault: ExecError,
        (number, output): (JobId, OutputId),
    ) -> MergeError {
        let job = &self.plan.jobs[number];
        let refused = |slot: SlotId, element: u64, stored: Stored| {
            let mut inputs = job.slots(output);
            match inputs.find(|(own, _)| *own == slot) {
                Some((_, input)) => self.refused(number, input, element, stored),
                None => MergeError::Internal(format!("`{}` has no input {slot}", job.key)),
            }
        };
        match fault {
            ExecError::NonFinite { slot, element, .. } => refused(slot, element, Stored::Special),
            ExecError::Beyond {
                slot,
                element,
                bits,
                ..
            } => refused(slot, element, Stored::Beyond(f64::from_bits(bits))),
            ExecError::Overflow { element, bits, .. } => MergeError::Overflow {
                key: job.key.clone(),
                element,
                value: f32::from_bits(bits),
                float: job.dtype.float().unwrap_or(Float::F32),
                variant: (self.plan.outputs > 1).then_some(output.index() + 1),
            },
            ExecError::Lost(_) | ExecError::OutOfMemory(_) => {
                MergeError::Internal(fault.to_string())
            }
        }
    }

    /// The error about an element of a job's input.
    pub(super) fn refused(
        &self,
        job: JobId,
        input: &Input,
        element: u64,
        stored: Stored,
    ) -> MergeError {
        let model = self.checkpoints[input.model().index()].path().to_owned();
        let key = self.plan.jobs[job].key.clone();
        match stored {
            Stored::Beyond(value) => MergeError::Beyond {
                model,
                key,
                element,
                value,
            },
            Stored::Special | Stored::Number => MergeError::NonFinite {
                model,
                key,
                element,
            },
        }
    }
}
