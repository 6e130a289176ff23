//! `wgmerge bench`: what this machine can do at most, and what the methods do of it.
//!
//! A merge is bound by the disk, by memory or by its arithmetic. The ceilings are those of the
//! first two. The methods' own arithmetic is run as a merge runs it, on synthetic tensors that lie
//! in memory, without the passes that find statistics and without any file.

mod ceiling;
mod crowd;
mod kernel;

use std::num::NonZeroUsize;

use serde::Serialize;

use self::ceiling::{Copy, Disk};
use self::kernel::{Engine, Rate};
use super::args::BenchArgs;
use super::failure::Failure;
use super::out::{self, Kind};
use super::table::{Align, Table};
use crate::dtype::Float;
use crate::exec::cpu::Level;
use crate::figures::{counted, human};
use crate::merge::choose_device;
use crate::method::METHODS;

/// What was measured; also the JSON of it. Rates are in 10^9 bytes per second.
#[derive(Debug, Serialize)]
struct Bench {
    memory_copy: Vec<Copy>,
    disk: Disk,
    kernels: Vec<Rate>,
}

/// Measures and prints.
pub(super) fn run(args: &BenchArgs) -> Result<(), Failure> {
    let level = Level::chosen()?;
    let threads = super::threads(args.threads);
    let chosen = choose_device(&args.device, threads)?;
    if let (Some(note), false) = (&chosen.note, args.json) {
        out::say(Kind::Note, note);
    }
    let threads = NonZeroUsize::new(threads).unwrap_or(NonZeroUsize::MIN);
    let disk = ceiling::disk(&args.dir, args.bytes)?;
    let memory_copy = copies(threads);
    let ceiling = memory_copy.last().map_or(f64::NAN, |copy| copy.gb_per_s);
    let engines = std::iter::once(Engine::cpu(threads)).chain(chosen.device.map(Engine::device));
    let mut kernels = Vec::new();
    for engine in engines {
        for method in METHODS {
            for float in [Float::BF16, Float::F32] {
                kernels.push(kernel::rate(&engine, method, float, level, ceiling)?);
            }
        }
    }
    let bench = Bench {
        memory_copy,
        disk,
        kernels,
    };
    if args.json {
        out::print_json(&bench)
    } else {
        out::print(&render(&bench))
    }
}

/// The memory's rate with one thread and with all of them.
fn copies(threads: NonZeroUsize) -> Vec<Copy> {
    let mut copies = vec![ceiling::copy(NonZeroUsize::MIN)];
    if threads > NonZeroUsize::MIN {
        copies.push(ceiling::copy(threads));
    }
    copies
}

fn render(bench: &Bench) -> String {
    let mut ceilings = Table::new(&[("ceiling", Align::Left), ("GB/s", Align::Right)]);
    for copy in &bench.memory_copy {
        let name = format!(
            "memory copy, {}, read and written",
            counted(copy.threads, "thread")
        );
        ceilings.row(vec![name, rate(copy.gb_per_s)]);
    }
    let disk = &bench.disk;
    let (bytes, dir) = (human(disk.bytes), out::escape(&disk.dir));
    ceilings.row(vec![
        format!("disk, {bytes} written and synced in {dir}"),
        rate(disk.write_gb_per_s),
    ]);
    ceilings.row(vec![
        "disk, the same read from the page cache".to_owned(),
        rate(disk.read_gb_per_s),
    ]);
    let columns = [
        ("device", Align::Left),
        ("method", Align::Left),
        ("dtype", Align::Left),
        ("inputs", Align::Right),
        ("GB/s", Align::Right),
        ("of copy", Align::Right),
    ];
    let mut kernels = Table::new(&columns);
    for kernel in &bench.kernels {
        kernels.row(vec![
            out::escape(&kernel.device).into_owned(),
            kernel.method.to_owned(),
            kernel.dtype.to_owned(),
            kernel.inputs.to_string(),
            rate(kernel.gb_per_s),
            format!("{:.0} %", 100.0 * kernel.share_of_copy),
        ]);
    }
    format!("{}\n{}\n{NOTE}", ceilings.text(), kernels.text())
}

const NOTE: &str = "\
A method's GB/s are bytes of inputs and output together, its share is that of the memory copy with
all threads. Its tensors are synthetic and small enough for caches, so the share may exceed 100 %.
Shares such as density are 0.5. Passes that find statistics are not included; on a device the
transfers in both directions are.
";

fn rate(gb_per_s: f64) -> String {
    format!("{gb_per_s:.2}")
}
