//! Generates checkpoints of real size, with the key sets of real models, for benches and for trying
//! things out.
//!
//! Promise: the same arguments give the same bytes on any machine, in memory bounded by a few
//! megabytes per thread. Method: `base.safetensors` has values near normal with deviation 0.02
//! (scales of normalisation layers around 1); each fine-tune `a.safetensors`, `b.safetensors`, … is
//! the base plus deltas of deviation 0.001, rounded once. Run without `--out`, as a plain `cargo
//! bench` does, it generates nothing.

mod support;

use std::process::ExitCode;
use std::time::Instant;

use support::args::{Args, Family, USAGE};
use support::families::{Llama, Sd1, Tensor};
use support::values::Float;
use support::writer::{self, Model};

fn main() -> ExitCode {
    match Args::parse(std::env::args().skip(1)).and_then(|args| generate(&args)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("generate: {message}");
            ExitCode::from(2)
        }
    }
}

/// Writes all files and reports on each.
fn generate(args: &Args) -> Result<(), String> {
    let Some(out) = &args.out else {
        println!("generate: nothing to do without --out; usage: {USAGE}");
        return Ok(());
    };
    std::fs::create_dir_all(out).map_err(|error| format!("{}: {error}", out.display()))?;
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let (mut tensors, float): (Vec<Tensor>, Float) = match args.family {
        Family::Sd15 => (Sd1::FULL.tensors(args.position_ids), Float::F16),
        Family::Llama => (Llama::TINY_LLAMA_1B.tensors(), Float::Bf16),
        Family::Tiny => (Sd1::TINY.tensors(args.position_ids), Float::F16),
    };
    writer::file_order(&mut tensors);
    let parameters: u64 = tensors.iter().map(Tensor::elements).sum();
    println!(
        "{} tensors, {parameters} elements, {}",
        tensors.len(),
        float.name()
    );
    for number in 0..=args.models {
        let name = match number {
            0 => "base".to_owned(),
            _ => char::from(b'a' + number - 1).to_string(),
        };
        let path = out.join(format!("{name}.safetensors"));
        let start = Instant::now();
        let model = Model {
            tensors: &tensors,
            float,
            seed: args.seed,
            number: number.into(),
        };
        let bytes = writer::write(&model, &path, threads)
            .map_err(|error| format!("{}: {error}", path.display()))?;
        println!(
            "{}: {bytes} bytes in {:.1?}",
            path.display(),
            start.elapsed()
        );
    }
    Ok(())
}
