//! Composes a recipe in Rust and merges it: the mean of two fine-tunes, plus what TIES makes of
//! what they learned over their base.
//!
//! ```sh
//! cargo run --release --example compose -- base.safetensors a.safetensors b.safetensors
//! ```

use wgmerge::recipe::compose::{merge, model};
use wgmerge::{Cancel, Merge, Options, Settings, Silent};

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
        overwrite: true,
        memory: 256 << 20,
        ..Settings::new("composed.safetensors")
    };
    let report = Merge::prepare(recipe, settings)?.run(&Silent, &Cancel::new(false))?;
    println!("{} tensors computed", report.computed);
    Ok(())
}
