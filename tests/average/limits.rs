//! Very many checkpoints, few open files, little memory and a full disk.
#![cfg(target_os = "linux")]

use std::process::Command;

use wgmerge::checkpoint::Checkpoint;
use wgmerge::dtype::Float;

use super::{ELEMENTS, name, names, run_of};
use crate::support::command::said;
use crate::support::disk::TinyDisk;
use crate::support::process::peak_mib;
use crate::support::tensors::tensor;

const CHECKPOINTS: u64 = 1000;

/// Resident memory of the program itself and of what the system keeps for it, in MiB.
const BESIDES_MIB: u64 = 2;

#[test]
fn a_thousand_checkpoints_take_little_memory_and_few_open_files() {
    let world = run_of(CHECKPOINTS, Float::BF16);
    let script = "ulimit -n 40; exec \"$0\" average --device cpu -q --threads 2 \"$@\"";
    let mut command = Command::new("sh");
    command
        .args(["-c", script, env!("CARGO_BIN_EXE_wgmerge")])
        .args(names(1..=CHECKPOINTS))
        .args([
            "--memory",
            "64MiB",
            "--windows",
            "10,1000",
            "--dtype",
            "f32",
        ])
        .args(["-o", "out-{window}.safetensors"])
        .current_dir(world.folder());
    let peak = peak_mib(&mut command);
    println!("{peak} MiB");
    assert!(peak <= 64 + BESIDES_MIB, "{peak} MiB");
    for window in [10, CHECKPOINTS] {
        let mut sum = vec![0.0; ELEMENTS];
        for step in CHECKPOINTS - window + 1..=CHECKPOINTS {
            let own = Checkpoint::open(&world.path(&name(step))).expect("a checkpoint");
            for (sum, value) in sum.iter_mut().zip(tensor(&own, "a.weight")) {
                *sum += f64::from(value);
            }
        }
        let merged = world.path(&format!("out-{window}.safetensors"));
        let merged = Checkpoint::open(&merged).expect("an output");
        for (found, sum) in tensor(&merged, "a.weight").iter().zip(sum) {
            let mean = sum / window as f64;
            assert!(
                (f64::from(*found) - mean).abs() < 1e-6,
                "{window}: {found} {mean}"
            );
        }
    }
}

#[test]
fn a_disk_that_is_too_small_for_all_windows_gets_none() {
    let Some(disk) = TinyDisk::mount("a_disk_that_is_too_small_for_all_windows_gets_none") else {
        return;
    };
    // Each output takes 20 kB; the disk holds a MiB.
    let world = run_of(60, Float::F32);
    let output = disk.path("out.safetensors").display().to_string();
    let windows: Vec<String> = (2..=60).map(|window| window.to_string()).collect();
    let mut all = vec!["average".to_owned(), "--device=cpu".to_owned()];
    all.extend(names(1..=60));
    all.extend([
        "--windows".to_owned(),
        windows.join(","),
        "-o".to_owned(),
        output,
    ]);
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    let ended = world.run(&all);
    assert_eq!(ended.status.code(), Some(1), "{}", said(&ended));
    let left = std::fs::read_dir(disk.folder())
        .expect("the folder")
        .count();
    assert_eq!(left, 0, "{}", said(&ended));
}
