//! Batches on the GPU, with the CPU for what the GPU must not be trusted with.

use std::sync::Arc;

use super::device::GpuDevice;
use super::slot::{Need, Results, Slot};
use crate::exec::cpu::{CpuExecutor, Level};
use crate::exec::{Batch, ExecError, Executor, Overflow, Piece};
use crate::kernel::table::{Record, Table};
use crate::kernel::{BINS, End, Window};

/// Pieces below this many elements are counted on the CPU: a workgroup's bins would cost more.
const COUNT_ELEMENTS_MIN: usize = 4096;

/// Bins of one dispatch, in words; more pieces go into further dispatches.
const COUNT_WORDS_MAX: usize = 1 << 20;

/// One worker's slot on a device.
///
/// Several executors may run on one device, each in its own thread.
#[derive(Debug)]
pub struct GpuExecutor {
    slot: Slot,
    cpu: CpuExecutor,
    rescued: u64,
}

impl GpuExecutor {
    /// Allocates a slot for arenas of up to `arena_bytes` and results of up to `output_bytes`, of
    /// which neither may exceed the device's [`binding_bytes`](super::GpuLimits::binding_bytes).
    /// What a device may not decide is computed on the CPU at `level`. Fails if the device is lost
    /// or has no memory for it.
    pub fn new(
        device: Arc<GpuDevice>,
        arena_bytes: usize,
        output_bytes: usize,
        level: Level,
    ) -> Result<GpuExecutor, ExecError> {
        Ok(GpuExecutor {
            slot: Slot::new(device, arena_bytes, output_bytes)?,
            cpu: CpuExecutor::new(level),
            rescued: 0,
        })
    }

    /// What one slot holds in device memory and in memory that device and host share, in bytes.
    /// Tables and sums of unusually large batches come on top.
    pub fn device_bytes(arena_bytes: usize, output_bytes: usize) -> u64 {
        Slot::device_bytes(arena_bytes, output_bytes)
    }

    /// The device.
    pub fn device(&self) -> &Arc<GpuDevice> {
        self.slot.gpu()
    }

    /// How many pieces were computed again on the CPU so far, because infinities, NaN or results
    /// beyond their stored type appeared in them.
    pub fn rescued_pieces(&self) -> u64 {
        self.rescued
    }

    /// Runs a Program over pieces; `None` if they have no elements.
    fn run(
        &mut self,
        batch: &Batch<'_>,
        windows: &[Window],
        output_words: &[usize],
        need: Need,
    ) -> Result<Option<Results>, ExecError> {
        let gpu = Arc::clone(self.slot.gpu());
        let pipeline = gpu.pipeline(batch.program)?;
        let mut table = Table::new(pipeline.layout.clone());
        for (number, piece) in batch.pieces.iter().enumerate() {
            let per_piece = windows.len() / batch.pieces.len();
            table.push(&Record {
                row: piece.row,
                start: piece.start,
                len: piece.len,
                inputs: &piece.inputs,
                output_word: output_words.get(number).copied().unwrap_or(0),
                windows: &windows[number * per_piece..][..per_piece],
            });
        }
        if table.groups() == 0 {
            return Ok(None);
        }
        self.slot.run(&pipeline, &table, need).map(Some)
    }

    /// Computes one piece of a batch again on the CPU.
    fn rescue<T>(
        &mut self,
        batch: &Batch<'_>,
        number: usize,
        compute: impl FnOnce(&mut CpuExecutor, &Batch<'_>) -> Result<T, ExecError>,
    ) -> Result<T, ExecError> {
        self.rescued += 1;
        on_cpu(&mut self.cpu, batch, number, compute)
    }

    /// Counts pieces that fit one dispatch into `counts`; returns their hazard flags.
    fn count_some(
        &mut self,
        batch: &Batch<'_>,
        windows: &[Window],
        counts: &mut [u64],
    ) -> Result<Vec<bool>, ExecError> {
        let need = Need {
            output_bytes: 0,
            partial_words: counts.len() as u64,
        };
        let Some(results) = self.run(batch, windows, &[], need)? else {
            return Ok(vec![false; batch.pieces.len()]);
        };
        let (hazards, words) = split(&results.partials, batch.pieces.len());
        for (count, word) in counts.iter_mut().zip(words) {
            *count = u64::from(u32::from_le_bytes(*word));
        }
        self.slot.release(results);
        Ok(hazards)
    }
}

/// Computes one piece of a batch on the CPU; an error names the piece by its number in the batch.
fn on_cpu<T>(
    cpu: &mut CpuExecutor,
    batch: &Batch<'_>,
    number: usize,
    compute: impl FnOnce(&mut CpuExecutor, &Batch<'_>) -> Result<T, ExecError>,
) -> Result<T, ExecError> {
    let one = Batch {
        program: batch.program,
        pieces: &batch.pieces[number..=number],
    };
    compute(cpu, &one).map_err(|error| error.of_piece(number))
}

/// Hazard flags, and the words behind them.
fn split(partials: &[u8], pieces: usize) -> (Vec<bool>, &[[u8; 4]]) {
    let (words, _) = partials.as_chunks::<4>();
    let (flags, words) = words.split_at(pieces);
    (flags.iter().map(|flag| *flag != [0; 4]).collect(), words)
}

/// Panics if a piece reads beyond the arena: the plan that made the batch is wrong.
fn check_inputs(batch: &Batch<'_>, arena: &[u8]) {
    for (slot, float) in batch.program.loads() {
        for piece in batch.pieces {
            let end = piece.inputs[slot.index()] + piece.len * float.bytes();
            assert!(
                end <= arena.len(),
                "input {slot} ends at byte {end} of {}",
                arena.len()
            );
        }
    }
}

impl Executor for GpuExecutor {
    fn upload(&mut self, arena: &[u8]) -> Result<(), ExecError> {
        let limit = self.slot.arena_bytes();
        assert!(
            arena.len() as u64 <= limit,
            "an arena of {} bytes in {limit}",
            arena.len()
        );
        self.slot.upload(arena)
    }

    fn store(
        &mut self,
        batch: &Batch<'_>,
        arena: &[u8],
        output: &mut [u8],
    ) -> Result<Vec<Overflow>, ExecError> {
        let End::Store { float, .. } = batch.program.end() else {
            panic!("a Program that stores was expected");
        };
        check_inputs(batch, arena);
        // On the device the results lie densely, each from a whole word, so that as little as
        // possible is read back; their places in `output` need no alignment.
        let bytes = |piece: &Piece<'_>| piece.len * float.bytes();
        let mut end = 0;
        let mut begins = Vec::with_capacity(batch.pieces.len());
        for piece in batch.pieces {
            begins.push(end);
            end += bytes(piece).div_ceil(4);
        }
        let need = Need {
            output_bytes: 4 * end as u64,
            partial_words: 0,
        };
        let limit = self.slot.output_bytes();
        assert!(
            need.output_bytes <= limit,
            "results of {} bytes in {limit}",
            need.output_bytes
        );
        let Some(results) = self.run(batch, &[], &begins, need)? else {
            return Ok(Vec::new());
        };
        let (hazards, _) = split(&results.partials, batch.pieces.len());
        if let Some(stored) = &results.output {
            for ((piece, begin), hazard) in batch.pieces.iter().zip(begins).zip(&hazards) {
                if !hazard {
                    let stored = &stored[4 * begin..][..bytes(piece)];
                    output[piece.output..][..bytes(piece)].copy_from_slice(stored);
                }
            }
        }
        self.slot.release(results);
        let mut found = Vec::new();
        for number in (0..hazards.len()).filter(|number| hazards[*number]) {
            let own = self.rescue(batch, number, |cpu, one| cpu.store(one, arena, output))?;
            found.extend(own.into_iter().map(|overflow| Overflow {
                piece: number,
                ..overflow
            }));
        }
        Ok(found)
    }

    fn sum(&mut self, batch: &Batch<'_>, arena: &[u8]) -> Result<Vec<f32>, ExecError> {
        let End::Sum(values) = batch.program.end() else {
            panic!("a Program that sums was expected");
        };
        check_inputs(batch, arena);
        let tiles: usize = batch.pieces.iter().map(Piece::tiles).sum();
        let need = Need {
            output_bytes: 0,
            partial_words: (tiles * values.len()) as u64,
        };
        let Some(results) = self.run(batch, &[], &[], need)? else {
            return Ok(Vec::new());
        };
        let (hazards, words) = split(&results.partials, batch.pieces.len());
        let mut sums: Vec<f32> = words.iter().map(|word| f32::from_le_bytes(*word)).collect();
        self.slot.release(results);
        let mut at = 0;
        for (number, piece) in batch.pieces.iter().enumerate() {
            let count = piece.tiles() * values.len();
            if hazards[number] {
                let again = self.rescue(batch, number, |cpu, one| cpu.sum(one, arena))?;
                sums[at..at + count].copy_from_slice(&again);
            }
            at += count;
        }
        Ok(sums)
    }

    fn count(
        &mut self,
        batch: &Batch<'_>,
        windows: &[Window],
        arena: &[u8],
    ) -> Result<Vec<u64>, ExecError> {
        let End::Count(values) = batch.program.end() else {
            panic!("a Program that counts was expected");
        };
        check_inputs(batch, arena);
        let values = values.len();
        let per_piece = values * (BINS + 1);
        let mut counts = vec![0; batch.pieces.len() * per_piece];
        // What is small, or has too many values for one dispatch, the CPU does.
        let large =
            |piece: &Piece<'_>| piece.len >= COUNT_ELEMENTS_MIN && per_piece <= COUNT_WORDS_MAX;
        let numbers = (0..batch.pieces.len()).filter(|n| large(&batch.pieces[*n]));
        let numbers: Vec<usize> = numbers.collect();
        let mut trusted = vec![false; batch.pieces.len()];
        for numbers in numbers.chunks((COUNT_WORDS_MAX / per_piece).max(1)) {
            let pieces: Vec<Piece<'_>> = numbers.iter().map(|n| batch.pieces[*n].clone()).collect();
            let some = Batch {
                program: batch.program,
                pieces: &pieces,
            };
            let windows: Vec<Window> = numbers
                .iter()
                .flat_map(|n| &windows[n * values..][..values])
                .copied()
                .collect();
            let mut found = vec![0; pieces.len() * per_piece];
            let hazards = self.count_some(&some, &windows, &mut found)?;
            for ((number, hazard), found) in
                numbers.iter().zip(hazards).zip(found.chunks(per_piece))
            {
                counts[number * per_piece..][..per_piece].copy_from_slice(found);
                trusted[*number] = !hazard;
            }
        }
        for number in (0..trusted.len()).filter(|number| !trusted[*number]) {
            let windows = &windows[number * values..][..values];
            let count = |cpu: &mut CpuExecutor, one: &Batch<'_>| cpu.count(one, windows, arena);
            let again = if large(&batch.pieces[number]) {
                self.rescue(batch, number, count)?
            } else {
                on_cpu(&mut self.cpu, batch, number, count)?
            };
            counts[number * per_piece..][..per_piece].copy_from_slice(&again);
        }
        Ok(counts)
    }
}
