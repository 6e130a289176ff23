//! Averages checkpoints from a program: `cargo run --example average -- OUT A B…`.

use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

use wgmerge::exec::cpu::Level;
use wgmerge::merge::{Merge, Settings, Silent};
use wgmerge::recipe::{Options, merge_of};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut paths = std::env::args_os().skip(1).map(PathBuf::from);
    let output = paths
        .next()
        .ok_or("give an output and the models to average")?;
    let recipe = merge_of("n_average", None, paths.collect(), &[], Options::default())?;
    let settings = Settings {
        output,
        reads: Vec::new(),
        overwrite: false,
        memory: 1 << 30,
        threads: std::thread::available_parallelism().map_or(1, usize::from),
        device: None,
        level: Level::detect(),
    };
    let merge = Merge::prepare(recipe, settings)?;
    println!("{}", merge.plan().summary());
    let report = merge.run(&Silent, &AtomicBool::new(false))?;
    println!("{} bytes in {:.2} s", report.bytes_written, report.seconds);
    Ok(())
}
