//! The way of an arena's bytes to the device: through a few buffers that the host can write, in
//! turn. While one is copied the next is written, and the host reads what comes after it.

use std::sync::mpsc::{Receiver, channel};

use wgpu::{Buffer, BufferUsages, MapMode};

use super::device::GpuDevice;
use crate::exec::ExecError;

/// How many there are.
const STAGES: u64 = 3;
/// Bytes of one, at most: enough that a copy outweighs its submission.
const STAGE_BYTES: u64 = 8 << 20;

pub(super) type Mapped = Receiver<Result<(), wgpu::BufferAsyncError>>;

/// Buffers that the host writes and the device copies.
#[derive(Debug)]
pub(super) struct Staging {
    stages: Vec<Stage>,
    next: usize,
}

#[derive(Debug)]
struct Stage {
    buffer: Buffer,
    /// The copy in flight, after which it is mapped again.
    copy: Option<(wgpu::SubmissionIndex, Mapped)>,
}

impl Staging {
    /// Buffers for an arena of so many bytes, mapped.
    pub(super) fn new(gpu: &GpuDevice, arena_bytes: u64) -> Staging {
        let size = stage_bytes(arena_bytes);
        let stage = |_| Stage {
            buffer: gpu.device.create_buffer(&wgpu::BufferDescriptor {
                label: Some("staging"),
                size,
                usage: BufferUsages::MAP_WRITE | BufferUsages::COPY_SRC,
                mapped_at_creation: true,
            }),
            copy: None,
        };
        Staging {
            stages: (0..STAGES).map(stage).collect(),
            next: 0,
        }
    }

    /// What they hold, in bytes.
    pub(super) fn bytes(arena_bytes: u64) -> u64 {
        STAGES * stage_bytes(arena_bytes)
    }

    /// Starts to copy bytes into a buffer from byte `begin` on.
    pub(super) fn send(
        &mut self,
        gpu: &GpuDevice,
        bytes: &[u8],
        target: &Buffer,
        begin: usize,
    ) -> Result<(), ExecError> {
        let size = self.stages[0].buffer.size() as usize;
        for (part, begin) in bytes.chunks(size).zip((begin as u64..).step_by(size)) {
            let stage = &mut self.stages[self.next];
            self.next = (self.next + 1) % STAGES as usize;
            stage.send(gpu, part, target, begin)?;
        }
        Ok(())
    }
}

impl Stage {
    fn send(
        &mut self,
        gpu: &GpuDevice,
        bytes: &[u8],
        target: &Buffer,
        begin: u64,
    ) -> Result<(), ExecError> {
        if let Some((submission, mapped)) = self.copy.take() {
            gpu.wait(&submission, &mapped, 1)?;
        }
        let size = bytes.len().next_multiple_of(4);
        let mut view = self
            .buffer
            .get_mapped_range_mut(..size as u64)
            .map_err(|error| gpu.fail(error.to_string()))?;
        view.slice(..bytes.len()).copy_from_slice(bytes);
        view.slice(bytes.len()..)
            .copy_from_slice(&[0; 4][..size - bytes.len()]);
        drop(view);
        self.buffer.unmap();
        let mut encoder = gpu.device.create_command_encoder(&Default::default());
        encoder.copy_buffer_to_buffer(&self.buffer, 0, target, begin, size as u64);
        let submission = gpu.queue.submit([encoder.finish()]);
        let (sender, mapped) = channel();
        self.buffer.map_async(MapMode::Write, .., move |result| {
            // Nobody listens once the slot is gone.
            let _ = sender.send(result);
        });
        self.copy = Some((submission, mapped));
        Ok(())
    }
}

/// Bytes of one buffer: all of them are not more than the arena.
fn stage_bytes(arena_bytes: u64) -> u64 {
    let share = arena_bytes.div_ceil(STAGES).next_multiple_of(16);
    share.clamp(16, STAGE_BYTES)
}
