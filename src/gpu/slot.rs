//! The buffers of one worker, and one run of a kernel over them.
//!
//! Buffers that a kernel uses have a twin that the host can map: bytes go host, twin, device and
//! back. The arena's bytes go through a few smaller ones, in turn. All are allocated once; only the
//! table and the partial results grow, by doubling, when a batch needs more than any before.

use std::sync::Arc;
use std::sync::mpsc::channel;

use wgpu::{Buffer, BufferUsages, MapMode};

use super::device::GpuDevice;
use super::pipeline::{PARAMS_BYTES, Pipeline};
use super::staging::Staging;
use crate::exec::ExecError;
use crate::kernel::table::{Table, word};

/// What the table and the partial results hold at first, in bytes.
const SMALL_BYTES: u64 = 256 << 10;

/// Workgroups in a row of a dispatch. A dimension allows 65535, so one would not do for all tiles
/// of a large arena; rows of this length make every large batch use both.
const COLUMNS: usize = 256;

/// A buffer of the device with its twin in mappable memory.
#[derive(Clone, Debug)]
struct Twin {
    device: Buffer,
    host: Buffer,
}

impl Twin {
    fn new(gpu: &GpuDevice, label: &str, bytes: u64, direction: Direction) -> Twin {
        let (usage, host_usage) = match direction {
            Direction::Up => (
                BufferUsages::COPY_DST,
                BufferUsages::MAP_WRITE | BufferUsages::COPY_SRC,
            ),
            Direction::Down => (
                BufferUsages::COPY_SRC | BufferUsages::COPY_DST,
                BufferUsages::MAP_READ | BufferUsages::COPY_DST,
            ),
        };
        let create = |usage, size, mapped_at_creation| {
            gpu.device.create_buffer(&wgpu::BufferDescriptor {
                label: Some(label),
                size,
                usage,
                mapped_at_creation,
            })
        };
        let up = matches!(direction, Direction::Up);
        Twin {
            device: create(usage | BufferUsages::STORAGE, bytes, false),
            // The params travel in front of the table.
            host: create(host_usage, bytes + if up { PARAMS_BYTES } else { 0 }, up),
        }
    }

    fn bytes(&self) -> u64 {
        self.device.size()
    }
}

enum Direction {
    Up,
    Down,
}

/// What one run of a kernel leaves behind.
#[derive(Clone, Copy, Debug)]
pub(super) struct Need {
    /// Bytes of the output that are read back.
    pub(super) output_bytes: u64,
    /// Words of partial results after the hazard flags.
    pub(super) partial_words: u64,
}

/// What one run left behind, still in the mapped buffers.
pub(super) struct ReadBack {
    /// One hazard flag per piece, then the partial results.
    pub(super) partials: wgpu::BufferView,
    /// The output, if any of it was asked for.
    pub(super) output: Option<wgpu::BufferView>,
}

/// The buffers of one worker.
#[derive(Debug)]
pub(super) struct Slot {
    gpu: Arc<GpuDevice>,
    params: Buffer,
    arena: Buffer,
    table: Twin,
    output: Twin,
    partials: Twin,
    bind_group: wgpu::BindGroup,
    staging: Staging,
}

/// Buffer sizes are whole words, and no binding may be empty.
fn rounded(bytes: usize) -> u64 {
    (bytes as u64).next_multiple_of(16).max(16)
}

impl Slot {
    pub(super) fn new(
        gpu: Arc<GpuDevice>,
        arena_bytes: usize,
        output_bytes: usize,
    ) -> Result<Slot, ExecError> {
        let limit = gpu.limits().binding_bytes;
        let (arena_bytes, output_bytes) = (rounded(arena_bytes), rounded(output_bytes));
        for (name, bytes) in [("arena", arena_bytes), ("output", output_bytes)] {
            if bytes > limit {
                let text = format!("an {name} of {bytes} bytes exceeds the device's {limit}");
                return Err(ExecError::OutOfMemory(text));
            }
        }
        let inner = Arc::clone(&gpu);
        gpu.allocate(move || {
            let params = inner.device.create_buffer(&wgpu::BufferDescriptor {
                label: Some("params"),
                size: PARAMS_BYTES,
                usage: BufferUsages::UNIFORM | BufferUsages::COPY_DST,
                mapped_at_creation: false,
            });
            let arena = inner.device.create_buffer(&wgpu::BufferDescriptor {
                label: Some("arena"),
                size: arena_bytes,
                usage: BufferUsages::COPY_DST | BufferUsages::STORAGE,
                mapped_at_creation: false,
            });
            let staging = Staging::new(&inner, arena_bytes);
            let table = Twin::new(&inner, "table", SMALL_BYTES, Direction::Up);
            let output = Twin::new(&inner, "output", output_bytes, Direction::Down);
            let partials = Twin::new(&inner, "partials", SMALL_BYTES, Direction::Down);
            let bind_group = bind(&inner, &params, &arena, [&table, &output, &partials]);
            Slot {
                gpu: inner,
                params,
                arena,
                table,
                output,
                partials,
                bind_group,
                staging,
            }
        })
    }

    pub(super) fn gpu(&self) -> &Arc<GpuDevice> {
        &self.gpu
    }

    /// Bytes of an arena that fit.
    pub(super) fn arena_bytes(&self) -> u64 {
        self.arena.size()
    }

    /// Bytes of output that fit.
    pub(super) fn output_bytes(&self) -> u64 {
        self.output.bytes()
    }

    /// What [`Slot::new`] allocates, in bytes.
    pub(super) fn device_bytes(arena_bytes: usize, output_bytes: usize) -> u64 {
        let arena = rounded(arena_bytes) + Staging::bytes(rounded(arena_bytes));
        let twins = rounded(output_bytes) + 2 * SMALL_BYTES;
        arena + 2 * twins + 2 * PARAMS_BYTES
    }

    /// Starts to copy bytes to the device's arena, from byte `begin` of it on; does not wait for
    /// the copy.
    pub(super) fn upload(&mut self, bytes: &[u8], begin: usize) -> Result<(), ExecError> {
        self.gpu.check()?;
        self.staging.send(&self.gpu, bytes, &self.arena, begin)
    }

    /// Runs a kernel over the pieces of a table, of which there is at least one.
    pub(super) fn run(
        &mut self,
        pipeline: &Pipeline,
        table: &Table,
        need: Need,
    ) -> Result<ReadBack, ExecError> {
        self.gpu.check()?;
        let partial_bytes = 4 * (table.pieces() as u64 + need.partial_words);
        self.grow(4 * table.len() as u64, partial_bytes)?;
        let columns = table.groups().min(COLUMNS);
        self.write_table(table, columns)?;
        let mut encoder = self.gpu.device.create_command_encoder(&Default::default());
        let host = &self.table.host;
        encoder.copy_buffer_to_buffer(host, 0, &self.params, 0, PARAMS_BYTES);
        let table_bytes = 4 * table.len() as u64;
        encoder.copy_buffer_to_buffer(host, PARAMS_BYTES, &self.table.device, 0, table_bytes);
        encoder.clear_buffer(&self.partials.device, 0, Some(partial_bytes));
        {
            let mut pass = encoder.begin_compute_pass(&Default::default());
            pass.set_pipeline(&pipeline.compute);
            pass.set_bind_group(0, &self.bind_group, &[]);
            let rows = table.groups().div_ceil(columns);
            pass.dispatch_workgroups(word(columns), word(rows), 1);
        }
        let down = [
            (&self.partials, partial_bytes),
            (&self.output, need.output_bytes),
        ];
        for (twin, bytes) in down {
            if bytes > 0 {
                encoder.copy_buffer_to_buffer(&twin.device, 0, &twin.host, 0, bytes);
            }
        }
        let submission = self.gpu.queue.submit([encoder.finish()]);
        self.collect(&submission, partial_bytes, need.output_bytes)
    }

    /// Writes params and table where the host sees them.
    fn write_table(&self, table: &Table, columns: usize) -> Result<(), ExecError> {
        let params = [0, word(table.groups()), word(columns), word(table.pieces())];
        let end = PARAMS_BYTES + 4 * table.len() as u64;
        let mut view = self
            .table
            .host
            .get_mapped_range_mut(..end)
            .map_err(|error| self.gpu.fail(error.to_string()))?;
        let mut at = 0;
        for words in [params.as_slice()].into_iter().chain(table.words()) {
            let bytes: &[u8] = bytemuck::cast_slice(words);
            view.slice(at..at + bytes.len()).copy_from_slice(bytes);
            at += bytes.len();
        }
        drop(view);
        self.table.host.unmap();
        Ok(())
    }

    /// Maps what came back, and the table's twin for the next run, and waits for all of it.
    fn collect(
        &self,
        submission: &wgpu::SubmissionIndex,
        partial_bytes: u64,
        output_bytes: u64,
    ) -> Result<ReadBack, ExecError> {
        let (sender, mapped) = channel();
        let mut count = 0;
        let mut map = |buffer: &Buffer, mode, bytes: u64| {
            let sender = sender.clone();
            count += 1;
            buffer.map_async(mode, ..bytes, move |result| {
                let _ = sender.send(result);
            });
        };
        map(&self.table.host, MapMode::Write, self.table.host.size());
        map(&self.partials.host, MapMode::Read, partial_bytes);
        if output_bytes > 0 {
            map(&self.output.host, MapMode::Read, output_bytes);
        }
        self.gpu.wait(submission, &mapped, count)?;
        let view = |buffer: &Buffer, bytes: u64| {
            let view = buffer.get_mapped_range(..bytes);
            view.map_err(|error| self.gpu.fail(error.to_string()))
        };
        let partials = view(&self.partials.host, partial_bytes)?;
        let output = match output_bytes {
            0 => None,
            _ => Some(view(&self.output.host, output_bytes)?),
        };
        Ok(ReadBack { partials, output })
    }

    /// Unmaps what [`Slot::run`] returned, after the views of it were dropped.
    pub(super) fn release(&self, results: ReadBack) {
        let ReadBack { partials, output } = results;
        drop(partials);
        self.partials.host.unmap();
        if output.is_some() {
            drop(output);
            self.output.host.unmap();
        }
    }

    fn grow(&mut self, table_bytes: u64, partial_bytes: u64) -> Result<(), ExecError> {
        if table_bytes <= self.table.bytes() && partial_bytes <= self.partials.bytes() {
            return Ok(());
        }
        let limit = self.gpu.limits().binding_bytes;
        let enough = |have: u64, need: u64| match need {
            need if need <= have => Ok(None),
            need if need > limit => Err(ExecError::OutOfMemory(format!(
                "a batch's table or sums take {need} bytes, the device allows {limit}"
            ))),
            need => Ok(Some(need.next_power_of_two().min(limit))),
        };
        let table = enough(self.table.bytes(), table_bytes)?;
        let partials = enough(self.partials.bytes(), partial_bytes)?;
        let gpu = Arc::clone(&self.gpu);
        let (table, partials) = gpu.allocate(|| {
            let table = table.map(|bytes| Twin::new(&gpu, "table", bytes, Direction::Up));
            let partials =
                partials.map(|bytes| Twin::new(&gpu, "partials", bytes, Direction::Down));
            (table, partials)
        })?;
        self.table = table.unwrap_or_else(|| self.table.clone());
        self.partials = partials.unwrap_or_else(|| self.partials.clone());
        let twins = [&self.table, &self.output, &self.partials];
        self.bind_group = bind(&gpu, &self.params, &self.arena, twins);
        gpu.check()
    }
}

fn bind(gpu: &GpuDevice, params: &Buffer, arena: &Buffer, twins: [&Twin; 3]) -> wgpu::BindGroup {
    let twins = twins.map(|twin| &twin.device);
    let buffers = [params, arena].into_iter().chain(twins);
    let entries: Vec<wgpu::BindGroupEntry<'_>> = (0..)
        .zip(buffers)
        .map(|(binding, buffer)| wgpu::BindGroupEntry {
            binding,
            resource: buffer.as_entire_binding(),
        })
        .collect();
    gpu.device.create_bind_group(&wgpu::BindGroupDescriptor {
        label: Some("slot"),
        layout: &gpu.bind_group_layout,
        entries: &entries,
    })
}
