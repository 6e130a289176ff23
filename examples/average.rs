//! Averages checkpoints from a program: `cargo run --example average -- OUT A B…`.

use std::path::PathBuf;

use wgmerge::{Cancel, Merge, Options, Settings, Silent, merge_of};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut paths = std::env::args_os().skip(1).map(PathBuf::from);
    let output = paths
        .next()
        .ok_or("give an output and the models to average")?;
    let recipe = merge_of("n_average", None, paths.collect(), &[], Options::default())?;
    let merge = Merge::prepare(recipe, Settings::new(output))?;
    println!("{}", merge.plan().summary());
    let report = merge.run(&Silent, &Cancel::new(false))?;
    println!("{} bytes in {:.2} s", report.bytes_written, report.seconds);
    Ok(())
}
