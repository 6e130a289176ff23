//! A worker: its buffers, and the reading of inputs into them.

use std::sync::atomic::Ordering;

use super::buffer::Buffer;
use super::engine::Engine;
use super::planes::Maker;
use super::{MergeError, Shared, arrange, window};
use crate::exec::cpu::Level;
use crate::exec::{ExecError, Piece};
use crate::kernel::{ARENA_ALIGNMENT, Program, Row};
use crate::plan::{Action, Bytes, Input, Job, Part};

/// A worker with its buffers and its executor.
pub(super) struct Lane<'a> {
    pub(super) shared: &'a Shared<'a>,
    pub(super) engine: Engine<'a>,
    pub(super) arena: Buffer,
    pub(super) output: Buffer,
    maker: Maker<'a>,
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
            output: Buffer::with_capacity(window::stride(memory) * shared.merge.plan().variants),
            maker: Maker::new(shared, level),
        }
    }

    /// Reads what Programs read of a part chunk by chunk and hands each chunk to `work`, with a
    /// permit to compute. A chunk is read right before it is used, so it is found in the cache.
    pub(super) fn stream<'p>(
        &mut self,
        part: Part,
        row: &Row,
        programs: impl IntoIterator<Item = &'p Program>,
        mut work: impl FnMut(&mut Engine<'a>, &Piece<'_>, &[u8]) -> Result<(), ExecError>,
    ) -> Result<(), MergeError> {
        let rows = std::slice::from_ref(row);
        let jobs = [(part.job, slots(programs))];
        self.stream_group(part, &jobs, rows, |engine, pieces, arena| {
            work(engine, &pieces[0], arena)
        })
    }

    /// The same for several jobs of one tensor, each with the slots that are read: what they share
    /// is read once. Each chunk comes with a piece per job.
    pub(super) fn stream_group(
        &mut self,
        part: Part,
        jobs: &[(usize, Vec<u16>)],
        rows: &[Row],
        mut work: impl FnMut(&mut Engine<'a>, &[Piece<'_>], &[u8]) -> Result<(), ExecError>,
    ) -> Result<(), MergeError> {
        let shared = self.shared;
        let plan = shared.merge.plan();
        let chunk = plan.memory.chunk_elements.unwrap_or(usize::MAX) as u64;
        for start in (0..part.len).step_by(chunk as usize) {
            let chunk = Part {
                start: part.start + start,
                len: chunk.min(part.len - start),
                ..part
            };
            let bytes = match jobs {
                [_] => plan.arena_bytes(&chunk),
                _ => plan.group_bytes(&chunk),
            } as usize;
            let loaded = self.load_group(chunk, jobs, rows, bytes)?;
            let pieces: Vec<Piece<'_>> = loaded
                .iter()
                .zip(rows)
                .map(|(loaded, row)| loaded.piece(row))
                .collect();
            let arena = self.arena.get(bytes);
            shared
                .permits
                .with(|| work(&mut self.engine, &pieces, arena))
                .map_err(|fault| shared.fault(fault, part.job))?;
        }
        Ok(())
    }

    /// Reads the inputs of parts, that take at most `bytes` of arena.
    pub(super) fn load(&mut self, parts: &[Part], bytes: usize) -> Result<Vec<Loaded>, MergeError> {
        let merge = self.shared.merge;
        let arena = self.arena.take(bytes);
        let mut at = 0;
        let mut loaded = Vec::with_capacity(parts.len());
        for part in parts {
            let slots = match &merge.plan().jobs[part.job].action {
                Action::Copy(_) => 1,
                Action::Merge { inputs, .. } => inputs.len(),
            };
            let mut inputs = vec![0; slots];
            at = read_inputs(self.shared, part, arena, at, &mut inputs)?;
            loaded.push(Loaded {
                part: *part,
                inputs,
            });
        }
        Ok(loaded)
    }

    /// Reads the inputs of a part for several jobs, those they share once, and makes the planes
    /// beside them.
    fn load_group(
        &mut self,
        part: Part,
        jobs: &[(usize, Vec<u16>)],
        rows: &[Row],
        bytes: usize,
    ) -> Result<Vec<Loaded>, MergeError> {
        let plan = self.shared.merge.plan();
        let arena = self.arena.take(bytes);
        let mut known: Vec<(&Input, usize)> = Vec::new();
        let mut loaded = Vec::with_capacity(jobs.len());
        let mut at = 0;
        for (job, reads) in jobs {
            let job = *job;
            let part = Part { job, ..part };
            let slots = match &plan.jobs[job].action {
                Action::Copy(_) => 1,
                Action::Merge { inputs, .. } => inputs.len(),
            };
            let mut inputs = vec![0; slots];
            let own = plan.jobs[job].inputs();
            for (slot, input) in own.filter(|(slot, _)| reads.contains(&(*slot as u16))) {
                inputs[slot] = match known.iter().find(|(other, _)| *other == input) {
                    Some((_, offset)) => *offset,
                    None => {
                        let offset = at;
                        at = read_input(self.shared, &part, input, arena, at)?;
                        known.push((input, offset));
                        offset
                    }
                };
            }
            loaded.push(Loaded { part, inputs });
        }
        for ((loaded, row), (_, reads)) in loaded.iter_mut().zip(rows).zip(jobs) {
            at = self
                .maker
                .make(loaded.part, (row, reads), arena, at, &mut loaded.inputs)?;
        }
        Ok(loaded)
    }
}

/// The input slots that Programs read.
pub(super) fn slots<'p>(programs: impl IntoIterator<Item = &'p Program>) -> Vec<u16> {
    programs.into_iter().flat_map(Program::slots).collect()
}

/// Reads the inputs of a part into the arena from `at` on; `inputs` gets their offsets. Returns
/// where they end.
pub(super) fn read_inputs(
    shared: &Shared<'_>,
    part: &Part,
    arena: &mut [u8],
    mut at: usize,
    inputs: &mut [usize],
) -> Result<usize, MergeError> {
    let job = &shared.merge.plan().jobs[part.job];
    for (slot, input) in job.inputs() {
        inputs[slot] = at;
        at = read_input(shared, part, input, arena, at)?;
    }
    Ok(at)
}

/// Reads one input of a part into the arena at `at`. Returns where it ends, zeros included.
fn read_input(
    shared: &Shared<'_>,
    part: &Part,
    input: &Input,
    arena: &mut [u8],
    at: usize,
) -> Result<usize, MergeError> {
    let job = &shared.merge.plan().jobs[part.job];
    let unit = match job.action {
        // A copy's parts are counted in bytes.
        Action::Copy(_) => 1,
        Action::Merge { .. } => input.element_bytes,
    };
    let end = at + (part.len * unit) as usize;
    let padded = end.next_multiple_of(ARENA_ALIGNMENT);
    let target = &mut arena[at..end];
    match job.action {
        Action::Copy(_) => shared.read_copy(job, input, part.start, target)?,
        Action::Merge { .. } => {
            let form = (job.shape.as_slice(), unit);
            arrange::read(shared, &input.bytes, form, part.start, target)?;
        }
    }
    arena[end..padded].fill(0);
    Ok(padded)
}

impl Shared<'_> {
    /// Reads bytes of a copied tensor. Its parts are counted in bytes, and begin between elements.
    pub(super) fn read_copy(
        &self,
        job: &Job,
        input: &Input,
        start: u64,
        target: &mut [u8],
    ) -> Result<(), MergeError> {
        let unit = match input.bytes {
            Bytes::Run { .. } => 1,
            _ => input.element_bytes,
        };
        let form = (job.shape.as_slice(), unit);
        arrange::read(self, &input.bytes, form, start / unit, target)
    }

    /// Reads bytes of a model's file.
    pub(super) fn read(
        &self,
        (model, file): (usize, usize),
        offset: u64,
        target: &mut [u8],
    ) -> Result<(), MergeError> {
        let checkpoint = &self.merge.checkpoints()[model];
        self.reading
            .during(|| checkpoint.read_at(file, offset, target))?;
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
