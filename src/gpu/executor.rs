//! Batches on the GPU, with the CPU for what the GPU must not be trusted with.

use std::ops::Range;
use std::sync::Arc;

use super::answer::Answers;
use super::device::GpuDevice;
use super::slot::{Need, Slot};
use crate::exec::cpu::{CpuExecutor, Level};
use crate::exec::{Batch, ExecError, Executor, Overflow, Piece, Results};
use crate::kernel::table::{Record, Table};
use crate::kernel::{BINS, Grid, Output, Tally};

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

    /// Runs some pieces of a batch, numbered in it, whose results go to `begins` in the output.
    /// Adds what the device may be trusted with; returns the numbers of the other pieces.
    fn run_some(
        &mut self,
        batch: &Batch<'_>,
        numbers: &[usize],
        results: &mut Results<'_>,
    ) -> Result<Vec<usize>, ExecError> {
        let gpu = Arc::clone(self.slot.gpu());
        let pipeline = gpu.pipeline(batch.program)?;
        let bytes = batch.program.storing().map_or(0, |own| own.float.bytes());
        let asked = batch.program.asked().count();
        let mut table = Table::new(pipeline.layout.clone());
        // On the device the results lie densely, each from a whole word, so that as little as
        // possible is read back; their places in the output need no alignment.
        let mut end = 0;
        let mut answers = Answers::new(&pipeline.layout, numbers.len());
        for &number in numbers {
            let piece = &batch.pieces[number];
            let tallies = &results.tallies[number * asked..][..asked];
            table.push(&Record {
                row: piece.row,
                start: piece.start,
                len: piece.len,
                inputs: &piece.inputs,
                output_word: end,
                grids: &grids(batch, tallies),
            });
            answers.push(end, table.groups());
            end += (piece.len * bytes).div_ceil(4);
        }
        let need = Need {
            output_bytes: 4 * end as u64,
            partial_words: answers.words() as u64,
        };
        let limit = self.slot.output_bytes();
        assert!(
            need.output_bytes <= limit,
            "results of {} bytes in {limit}",
            need.output_bytes
        );
        if table.groups() == 0 {
            return Ok(Vec::new());
        }
        let found = self.slot.run(&pipeline, &table, need)?;
        let mut hazardous = Vec::new();
        for (nth, &number) in numbers.iter().enumerate() {
            if answers.is_hazard(&found.partials, nth) {
                hazardous.push(number);
                continue;
            }
            let piece = &batch.pieces[number];
            if let Some(output) = &found.output {
                let len = piece.len * bytes;
                let stored = &output[4 * answers.begin(nth)..][..len];
                results.stored[piece.output..][..len].copy_from_slice(stored);
            }
            let tallies = &mut results.tallies[number * asked..][..asked];
            answers.add(&found.partials, nth, batch, number, tallies);
        }
        self.slot.release(found);
        Ok(hazardous)
    }

    /// Computes one piece of a batch on the CPU; an error names the piece by its number in it.
    fn on_cpu(
        &mut self,
        batch: &Batch<'_>,
        number: usize,
        arena: &[u8],
        results: &mut Results<'_>,
    ) -> Result<(), ExecError> {
        let asked = batch.program.asked().count();
        let one = Batch {
            program: batch.program,
            pieces: &batch.pieces[number..=number],
        };
        let mut own = Results {
            stored: results.stored,
            overflows: Vec::new(),
            tallies: &mut results.tallies[number * asked..][..asked],
        };
        let done = self.cpu.run(&one, arena, &mut own);
        let overflows = own.overflows.into_iter().map(|overflow| Overflow {
            piece: number,
            ..overflow
        });
        results.overflows.extend(overflows);
        done.map_err(|error| error.of_piece(number))
    }
}

/// The grids in which a piece's values are counted.
fn grids(batch: &Batch<'_>, tallies: &[Tally]) -> Vec<Grid> {
    let outputs = batch.program.asked().zip(tallies);
    let counted = outputs.filter(|(output, _)| matches!(output, Output::Count(_)));
    let grids = counted.map(|(_, tally)| match tally {
        Tally::Counts(counts) => counts.grid,
        _ => Grid::IDLE,
    });
    grids.collect()
}

/// Whether a device does a piece: what is small the CPU counts sooner, and some questions the host
/// alone answers.
fn is_for_device(batch: &Batch<'_>, piece: &Piece<'_>, tallies: &[Tally]) -> bool {
    let stores = batch.program.storing().is_some();
    let counts = tallies
        .iter()
        .any(|tally| matches!(tally, Tally::Counts(_)));
    let nothing = tallies.iter().all(|tally| *tally == Tally::Nothing);
    let small = counts && !stores && piece.len < COUNT_ELEMENTS_MIN;
    let words = batch.program.asked().count() * (BINS + 1);
    let large = counts && words > COUNT_WORDS_MAX;
    let asks = stores || !nothing;
    asks && !small && !large && tallies.iter().all(Tally::is_for_devices)
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
    fn upload(&mut self, arena: &[u8], bytes: Range<usize>) -> Result<(), ExecError> {
        let (end, limit) = (bytes.end, self.slot.arena_bytes());
        assert!(end as u64 <= limit, "an arena of {end} bytes in {limit}");
        self.slot.upload(&arena[bytes.clone()], bytes.start)
    }

    fn run(
        &mut self,
        batch: &Batch<'_>,
        arena: &[u8],
        results: &mut Results<'_>,
    ) -> Result<(), ExecError> {
        check_inputs(batch, arena);
        let asked = batch.program.asked().count();
        let expected = asked * batch.pieces.len();
        assert_eq!(results.tallies.len(), expected, "what is asked of a batch");
        let for_device = |number: &usize| {
            let tallies = &results.tallies[number * asked..][..asked];
            is_for_device(batch, &batch.pieces[*number], tallies)
        };
        let all = 0..batch.pieces.len();
        let (device, host): (Vec<usize>, Vec<usize>) = all.partition(for_device);
        // Bins of too many pieces would be more than a dispatch should have.
        let counted = batch.program.asked();
        let counted = counted.filter(|output| matches!(output, Output::Count(_)));
        let words = counted.count() * (BINS + 1);
        let together = (COUNT_WORDS_MAX / words.max(1)).max(1);
        let mut left = Vec::new();
        for numbers in device.chunks(together) {
            left.extend(self.run_some(batch, numbers, results)?);
        }
        self.rescued += left.len() as u64;
        left.extend(host);
        left.sort_unstable();
        for number in left {
            let tallies = &results.tallies[number * asked..][..asked];
            let asks = tallies.iter().any(|tally| *tally != Tally::Nothing);
            if asks || batch.program.storing().is_some() {
                self.on_cpu(batch, number, arena, results)?;
            }
        }
        Ok(())
    }
}
