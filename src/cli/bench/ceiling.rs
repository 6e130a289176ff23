//! The ceilings: memory and disk.

use crate::disk::available_bytes;
use crate::figures::{binary, counted};
use std::hint::black_box;
use std::io::{self, Read, Seek, Write};
use std::num::NonZeroUsize;
use std::path::Path;
use std::time::{Duration, Instant};

use serde::Serialize;

use super::crowd::{Gate, crowd};
use crate::cli::failure::Failure;

/// Bytes that all threads together copy from, and as many to: more than caches hold.
const COPY_BYTES: usize = 128 << 20;
/// How long a rate is measured.
const LEAST: Duration = Duration::from_millis(300);
/// Bytes of one read or write.
const BLOCK_BYTES: usize = 4 << 20;

/// The rate of a memory copy.
#[derive(Debug, Serialize)]
pub(super) struct Copy {
    /// Threads that copy at the same time.
    pub(super) threads: usize,
    /// 10^9 bytes per second, read and written bytes together.
    pub(super) gb_per_s: f64,
}

/// The rates of a disk.
#[derive(Debug, Serialize)]
pub(super) struct Disk {
    /// The folder.
    pub(super) dir: String,
    /// Bytes of the file.
    pub(super) bytes: u64,
    /// 10^9 bytes per second, the final sync included.
    pub(super) write_gb_per_s: f64,
    /// 10^9 bytes per second of ordinary reads of the file just written.
    pub(super) read_gb_per_s: f64,
}

/// Measures the copy of memory, each thread from a buffer of its own to another.
pub(super) fn copy(threads: NonZeroUsize) -> Copy {
    let bytes = (COPY_BYTES / threads).max(1);
    let rates = crowd(threads.get(), |gate| copy_for_a_while(bytes, gate));
    Copy {
        threads: rates.len(),
        gb_per_s: rates.iter().sum::<f64>() / 1e9,
    }
}

fn copy_for_a_while(bytes: usize, gate: &Gate) -> f64 {
    // Ones, as fresh zeros may be one page many times over.
    let from = vec![1u8; bytes];
    let mut to = vec![2u8; bytes];
    gate.wait();
    let begun = Instant::now();
    let mut runs = 0u32;
    while begun.elapsed() < LEAST {
        to.copy_from_slice(black_box(&from));
        black_box(&mut to);
        runs += 1;
    }
    2.0 * bytes as f64 * f64::from(runs) / begun.elapsed().as_secs_f64()
}

/// Measures the disk under a folder with a file that has no name, so that nothing can be left over.
///
/// # Errors
/// [`Failure::Usage`] where the folder takes no file, [`Failure::Run`] where the disk fails.
pub(super) fn disk(dir: &Path, bytes: u64) -> Result<Disk, Failure> {
    let file = tempfile::tempfile_in(dir).map_err(|fault| {
        let hint = "--dir names a folder in which the disk can be measured";
        let message = format!("cannot create a file in {}: {fault}", dir.display());
        Failure::usage(&message, Some(hint.to_owned()))
    })?;
    if let Some(available) = available_bytes(dir)
        .ok()
        .flatten()
        .filter(|free| *free < bytes)
    {
        let dir = dir.display();
        let message = format!(
            "{dir} has {} free, {} are to be written: give less by --bytes, or another --dir",
            binary(available),
            binary(bytes)
        );
        return Err(Failure::Run(message));
    }
    let (written, read) = disk_seconds(file, bytes).map_err(|fault| {
        let dir = dir.display();
        Failure::Run(format!(
            "cannot measure the disk with {} in {dir}: {fault}",
            counted(bytes, "byte")
        ))
    })?;
    Ok(Disk {
        dir: dir.display().to_string(),
        bytes,
        write_gb_per_s: bytes as f64 / 1e9 / written,
        read_gb_per_s: bytes as f64 / 1e9 / read,
    })
}

/// Seconds of writing and of reading.
fn disk_seconds(mut file: std::fs::File, bytes: u64) -> io::Result<(f64, f64)> {
    let mut block = vec![0; BLOCK_BYTES];
    // Some disks store zeros, and blocks that repeat, without writing them.
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let begun = Instant::now();
    let mut filling = Duration::ZERO;
    for len in blocks(bytes) {
        let fill_begun = Instant::now();
        for word in block.as_chunks_mut::<8>().0 {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            *word = state.to_le_bytes();
        }
        filling += fill_begun.elapsed();
        file.write_all(&block[..len])?;
    }
    file.sync_all()?;
    let written = begun.elapsed().saturating_sub(filling);
    file.rewind()?;
    let begun = Instant::now();
    for len in blocks(bytes) {
        file.read_exact(&mut block[..len])?;
        black_box(&mut block);
    }
    let floor = |time: Duration| time.as_secs_f64().max(1e-9);
    Ok((floor(written), floor(begun.elapsed())))
}

/// The lengths of the blocks of a file.
fn blocks(bytes: u64) -> impl Iterator<Item = usize> {
    let starts = (0..bytes).step_by(BLOCK_BYTES);
    starts.map(move |start| (bytes - start).min(BLOCK_BYTES as u64) as usize)
}
