//! A worker: its buffers, and the reading of inputs into them.

use super::MergeError;
use super::engine::Engine;
use super::pool::Buffer;
use super::read::{Maker, Place, read_input};
use super::shared::Shared;
use crate::exec::cpu::Level;
use crate::exec::{ExecError, Piece};
use crate::kernel::{Program, Row, SlotId, TILE};
use crate::plan::{Action, Input, InputId, Job, JobId, OutputId, Part, Plan};

/// Bytes that are sent to a device at a time while more are read.
const STRETCH_BYTES: u64 = 8 << 20;

/// A worker with its buffers and its executor.
pub(super) struct Lane<'a> {
    pub(super) shared: &'a Shared<'a>,
    pub(super) engine: Engine<'a>,
    pub(super) arena: Buffer,
    pub(super) output: Buffer,
    /// What is written of codes.
    pub(super) staging: Buffer,
    maker: Maker<'a>,
    kept: Option<Kept>,
}

/// A tensor whose inputs lie in the arena, as far as they were read.
struct Kept {
    job: JobId,
    /// The arena offset of each input that was read.
    offsets: Vec<Option<usize>>,
    /// Where they end.
    end: usize,
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

    /// A part of it.
    pub(super) fn piece_of<'r>(&self, plan: &Plan, part: &Part, row: &'r Row) -> Piece<'r> {
        let job = &plan.jobs[part.job];
        let skip = part.start - self.part.start;
        let mut piece = self.piece(row);
        piece.start = part.start;
        piece.len = part.len as usize;
        for (slot, input) in job.slots(OutputId::FIRST) {
            piece.inputs[slot.index()] += (skip * input.element_bytes) as usize;
        }
        piece
    }
}

impl<'a> Lane<'a> {
    pub(super) fn new(shared: &'a Shared<'a>, level: Level) -> Lane<'a> {
        let Shared {
            plan,
            device,
            permits,
            degraded,
            ..
        } = shared;
        let memory = &plan.memory;
        Lane {
            shared,
            engine: Engine::new(*device, memory, permits, degraded, level),
            arena: Buffer::with_capacity(memory.arena_bytes),
            output: Buffer::with_capacity(memory.window_stride() * plan.outputs),
            staging: Buffer::default(),
            maker: Maker::new(shared, level),
            kept: None,
        }
    }

    /// Reads what Programs read of a part chunk by chunk and hands each chunk to `work`. A chunk is
    /// read right before it is used, so it is found in the cache.
    pub(super) fn stream<'p>(
        &mut self,
        (part, output): (Part, OutputId),
        row: &Row,
        programs: impl IntoIterator<Item = &'p Program>,
        mut work: impl FnMut(&mut Engine<'a>, &Piece<'_>, &[u8]) -> Result<(), ExecError>,
    ) -> Result<(), MergeError> {
        let rows = std::slice::from_ref(row);
        let outputs = [(output, slots(programs))];
        self.stream_group(part, &outputs, rows, |engine, pieces, arena| {
            work(engine, &pieces[0], arena)
        })
    }

    /// The same for several outputs, each with the slots that are read: what they share is read
    /// once. Each chunk comes with a piece per output; a fault names the piece.
    pub(super) fn stream_group(
        &mut self,
        part: Part,
        outputs: &[(OutputId, Vec<SlotId>)],
        rows: &[Row],
        mut work: impl FnMut(&mut Engine<'a>, &[Piece<'_>], &[u8]) -> Result<(), ExecError>,
    ) -> Result<(), MergeError> {
        let shared = self.shared;
        let plan = shared.plan;
        let job = &plan.jobs[part.job];
        let chunk = plan.chunk_of(job);
        self.engine.rest(job.streams);
        for start in (0..part.len).step_by(chunk as usize) {
            shared.check_running()?;
            let chunk = Part {
                start: part.start + start,
                len: chunk.min(part.len - start),
                ..part
            };
            let (loaded, bytes) = self.load_group(chunk, outputs, rows)?;
            let pieces: Vec<Piece<'_>> = loaded
                .iter()
                .zip(rows)
                .map(|(loaded, row)| loaded.piece(row))
                .collect();
            let arena = self.arena.get(bytes);
            let sent = self.engine.upload(arena, 0..bytes);
            let done = sent.and_then(|()| work(&mut self.engine, &pieces, arena));
            done.map_err(|fault| shared.fault_at(fault, |piece| (part.job, outputs[piece].0)))?;
        }
        Ok(())
    }

    /// Keeps nothing of what lies in the arena.
    pub(super) fn forget(&mut self) {
        self.kept = None;
    }

    /// Gives back what it holds of a whole tensor.
    pub(super) fn give_back(&mut self) {
        self.maker.forget();
    }

    /// The arena, of which nothing that lies there is kept.
    pub(super) fn blank(&mut self, bytes: usize) -> &mut [u8] {
        self.forget();
        self.arena.take(bytes)
    }

    /// Reads the inputs of parts for an output, that take at most `bytes` of arena, and sends each
    /// stretch of them to the device while the next is read.
    pub(super) fn load(
        &mut self,
        parts: &[Part],
        output: OutputId,
        bytes: usize,
    ) -> Result<Vec<Loaded>, MergeError> {
        let shared = self.shared;
        self.kept = None;
        self.engine.rest(false);
        let arena = self.arena.take(bytes);
        let mut at = 0;
        let mut loaded = Vec::with_capacity(parts.len());
        for part in parts {
            let job = &shared.plan.jobs[part.job];
            let mut inputs = vec![0; job.slot_count(output)];
            let mut offsets = vec![None; job.inputs().len()];
            let numbers = job.work(output).map_or(&[][..], |work| &work.slots);
            for (slot, input) in job.slots(output) {
                inputs[slot.index()] = at;
                if let Some(Some(number)) = numbers.get(slot.index()) {
                    offsets[number.index()] = Some(at);
                }
                for stretch in stretches(job, input, part) {
                    let end = read_input(shared, &stretch, input, arena, at)?;
                    let sent = self.engine.upload(arena, at..end);
                    sent.map_err(|fault| shared.fault(fault, (part.job, output)))?;
                    at = end;
                }
            }
            if !numbers.is_empty() {
                shared.effects.look(job, &offsets, part.len, arena);
            }
            loaded.push(Loaded {
                part: *part,
                inputs,
            });
        }
        Ok(loaded)
    }

    /// Reads the inputs of a part for several outputs, those they share once, and makes the planes
    /// beside them. Returns what lies where, and the bytes of arena that it takes. A small tensor
    /// is read as a whole, once for all its statistics.
    fn load_group(
        &mut self,
        part: Part,
        outputs: &[(OutputId, Vec<SlotId>)],
        rows: &[Row],
    ) -> Result<(Vec<Loaded>, usize), MergeError> {
        let plan = self.shared.plan;
        let job = &plan.jobs[part.job];
        let is_whole = plan.is_small(job);
        let read = match is_whole {
            true => Part {
                start: 0,
                len: job.elements,
                ..part
            },
            false => part,
        };
        let bytes = job.arena_bytes(read.len) as usize;
        let known = self
            .kept
            .take()
            .filter(|kept| is_whole && kept.job == part.job);
        let mut kept = known.unwrap_or_else(|| Kept {
            job: part.job,
            offsets: vec![None; job.inputs().len()],
            end: 0,
        });
        let arena = self.arena.take(bytes);
        let mut loaded = Vec::with_capacity(outputs.len());
        for (output, reads) in outputs {
            let mut inputs = vec![0; job.slot_count(*output)];
            let slots = job.work(*output).map_or(&[][..], |work| &work.slots);
            for &slot in reads {
                let slot = slot.index();
                let Some(number) = slots.get(slot).and_then(|at| at.map(InputId::index)) else {
                    continue;
                };
                let input = &job.inputs()[number];
                let offset = match kept.offsets[number] {
                    Some(offset) => offset,
                    None => {
                        let offset = kept.end;
                        kept.end = read_input(self.shared, &read, input, arena, offset)?;
                        kept.offsets[number] = Some(offset);
                        offset
                    }
                };
                inputs[slot] = offset + ((part.start - read.start) * input.element_bytes) as usize;
            }
            loaded.push(Loaded { part, inputs });
        }
        self.shared
            .effects
            .look(job, &kept.offsets, read.len, arena);
        let mut at = kept.end;
        self.kept = is_whole.then_some(kept);
        for ((loaded, row), (output, reads)) in loaded.iter_mut().zip(rows).zip(outputs) {
            let place = Place {
                part,
                output: *output,
                row,
            };
            let inputs = &mut loaded.inputs;
            at = self.maker.make(place, reads, arena, at, inputs)?;
        }
        Ok((loaded, bytes))
    }
}

/// Cuts a part for one of its inputs, so that what was read can be sent while the next is read.
fn stretches(job: &Job, input: &Input, part: &Part) -> impl Iterator<Item = Part> + use<> {
    let unit = match job.action {
        // A copy's parts are counted in bytes.
        Action::Copy(_) | Action::Part => 1,
        Action::Merge { .. } => input.element_bytes,
    };
    let tile = TILE as u64;
    let len = match input.bytes.is_strided() {
        // What is stored in another order is read best as a whole.
        true => part.len,
        false => (STRETCH_BYTES / unit / tile * tile).max(tile),
    };
    let part = *part;
    let starts = (0..part.len).step_by(len.max(1) as usize);
    starts.map(move |skip| Part {
        start: part.start + skip,
        len: len.min(part.len - skip),
        ..part
    })
}

/// The input slots that Programs read.
pub(super) fn slots<'p>(programs: impl IntoIterator<Item = &'p Program>) -> Vec<SlotId> {
    programs.into_iter().flat_map(Program::slots).collect()
}
