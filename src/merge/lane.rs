//! A worker: its buffers, and the reading of inputs into them.

use std::sync::atomic::Ordering;

use super::buffer::{Buffer, PAGE};
use super::engine::Engine;
use super::{MergeError, Shared, reshape};
use crate::exec::cpu::Level;
use crate::exec::{ExecError, Piece};
use crate::kernel::{ARENA_ALIGNMENT, Row};
use crate::plan::{Action, Input, Part};

/// A worker with its buffers and its executor.
pub(super) struct Lane<'a> {
    pub(super) shared: &'a Shared<'a>,
    pub(super) engine: Engine<'a>,
    pub(super) arena: Buffer,
    pub(super) output: Buffer,
}

/// A part whose inputs lie in the arena.
#[derive(Clone, Debug)]
pub(super) struct Loaded {
    pub(super) part: Part,
    /// Arena offset of each input slot; of the bytes of a copy.
    pub(super) inputs: Vec<usize>,
}

impl Loaded {
    /// The part as an executor sees it.
    pub(super) fn piece<'r>(&self, row: &'r Row) -> Piece<'r> {
        Piece {
            row,
            start: self.part.start,
            len: self.part.len as usize,
            inputs: self.inputs.clone(),
            output: 0,
        }
    }
}

impl<'a> Lane<'a> {
    pub(super) fn new(shared: &'a Shared<'a>, level: Level) -> Lane<'a> {
        let memory = &shared.merge.plan().memory;
        Lane {
            shared,
            engine: Engine::new(shared, level),
            arena: Buffer::with_capacity(memory.arena_bytes),
            output: Buffer::with_capacity(memory.output_bytes + PAGE),
        }
    }

    /// Reads a part chunk by chunk and hands each chunk to `work`, with a permit to compute. A
    /// chunk is read right before it is used, so it is found in the cache.
    pub(super) fn stream(
        &mut self,
        part: Part,
        row: &Row,
        mut work: impl FnMut(&mut Engine<'a>, &Piece<'_>, &[u8]) -> Result<(), ExecError>,
    ) -> Result<(), MergeError> {
        let shared = self.shared;
        let chunk = shared
            .merge
            .plan()
            .memory
            .chunk_elements
            .unwrap_or(usize::MAX) as u64;
        for start in (0..part.len).step_by(chunk as usize) {
            let len = chunk.min(part.len - start);
            let chunk = Part {
                job: part.job,
                start: part.start + start,
                len,
            };
            let bytes = shared.merge.arena_bytes(&chunk);
            let loaded = self.load(&[chunk], bytes)?;
            let piece = loaded[0].piece(row);
            let arena = self.arena.get(bytes);
            shared
                .permits
                .with(|| work(&mut self.engine, &piece, arena))
                .map_err(|fault| shared.fault(fault, part.job))?;
        }
        Ok(())
    }

    /// Reads bytes of a model's file.
    pub(super) fn read(
        &self,
        input: &Input,
        offset: u64,
        target: &mut [u8],
    ) -> Result<(), MergeError> {
        self.shared.read(input, offset, target)
    }

    /// Reads the inputs of parts, that take at most `bytes` of arena.
    pub(super) fn load(&mut self, parts: &[Part], bytes: usize) -> Result<Vec<Loaded>, MergeError> {
        let merge = self.shared.merge;
        let arena = self.arena.take(bytes);
        let mut at = 0;
        let mut loaded = Vec::with_capacity(parts.len());
        for part in parts {
            let job = &merge.plan().jobs[part.job];
            let slots = match &job.action {
                Action::Copy(_) => 1,
                Action::Merge { inputs, .. } => inputs.len(),
            };
            let mut inputs = vec![0; slots];
            for (slot, input) in job.inputs() {
                // A copy's parts are counted in bytes.
                let unit = match job.action {
                    Action::Copy(_) => 1,
                    Action::Merge { .. } => input.element_bytes,
                };
                let len = (part.len * unit) as usize;
                let end = at + len;
                let padded = end.next_multiple_of(ARENA_ALIGNMENT);
                let offset = input.offset + part.start * unit;
                let target = &mut arena[at..end];
                match &input.shape {
                    None => self.shared.read(input, offset, target)?,
                    Some(stored) => {
                        let shapes = (job.shape.as_slice(), stored.as_slice());
                        reshape::read(self.shared, input, shapes, part.start, target)?;
                    }
                }
                arena[end..padded].fill(0);
                inputs[slot] = at;
                at = padded;
            }
            loaded.push(Loaded {
                part: *part,
                inputs,
            });
        }
        Ok(loaded)
    }
}

impl Shared<'_> {
    /// Reads bytes of a model's file.
    pub(super) fn read(
        &self,
        input: &Input,
        offset: u64,
        target: &mut [u8],
    ) -> Result<(), MergeError> {
        let checkpoint = &self.merge.checkpoints()[input.model];
        self.reading
            .during(|| checkpoint.read_at(input.file, offset, target))?;
        let bytes = target.len() as u64;
        self.bytes_read.fetch_add(bytes, Ordering::Relaxed);
        self.progress.advance(bytes);
        Ok(())
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
        let job = &self.merge.plan().jobs[job];
        let model = job
            .inputs()
            .find(|(number, _)| *number == usize::from(slot));
        let path = model.map(|(_, input)| self.merge.checkpoints()[input.model].path().to_owned());
        MergeError::NonFinite {
            model: path.unwrap_or_default(),
            key: job.key.clone(),
            element,
        }
    }
}
