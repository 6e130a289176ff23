//! Composes a recipe in Rust and merges it: the mean of two fine-tunes, plus what TIES makes of
//! what they learned over their base.
//!
//! ```sh
//! cargo run --release --example compose -- base.safetensors a.safetensors b.safetensors
//! ```

use std::sync::atomic::AtomicBool;

use wgmerge::exec::cpu::Level;
use wgmerge::merge::{Merge, Settings, Silent};
use wgmerge::recipe::Options;
use wgmerge::recipe::compose::{merge, model};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut paths = std::env::args().skip(1);
    let mut next = || paths.next().ok_or("give a base and two models");
    let (base, a, b) = (model(next()?), model(next()?), model(next()?));
    let mean = merge("weighted_sum").input(&a).input(&b).value();
    let ties = merge("ties_sum")
        .input(&a - &base)
        .input(&b - &base)
        .set("k", 0.3)
        .value();
    let recipe = (mean + ties * 0.5).into_recipe(Options::default())?;
    let settings = Settings {
        output: "composed.safetensors".into(),
        reads: Vec::new(),
        overwrite: true,
        memory: 256 << 20,
        threads: std::thread::available_parallelism()?.get(),
        device: None,
        level: Level::detect(),
    };
    let report = Merge::prepare(recipe, settings)?.run(&Silent, &AtomicBool::new(false))?;
    println!("{} tensors merged", report.merged);
    Ok(())
}
