//! What the system allows a process: open files, and the length of files.
#![cfg(target_os = "linux")]

use std::process::{Command, Output};

use wgmerge::checkpoint::Checkpoint;
use wgmerge::dtype::Float;

use super::World;
use crate::support::models::{floats, write};

/// More tensors than the limit allows open files.
const TENSORS: usize = 500;

/// Runs a merge under limits that a shell sets.
fn limited(world: &World, limits: &str, arguments: &[&str]) -> Output {
    let script = format!("{limits}; exec \"$0\" merge --device cpu \"$@\"");
    Command::new("sh")
        .args(["-c", &script, env!("CARGO_BIN_EXE_wgmerge")])
        .args(arguments)
        .current_dir(world.folder())
        .output()
        .expect("a shell")
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn more_shards_than_the_soft_limit_of_open_files_work() {
    let world = World::new();
    let tensors = (0..TENSORS).map(|at| floats(&format!("t{at}"), Float::F32, &[1], &[1.0]));
    write(
        &world.path("many.safetensors"),
        &tensors.collect::<Vec<_>>(),
    );
    let shards = [
        "-M",
        "n_average",
        "many.safetensors",
        "-o",
        "out",
        "--max-shard-size",
        "4",
    ];
    let ended = limited(&world, "ulimit -n 64", &shards);
    assert_eq!(ended.status.code(), Some(2), "{}", text(&ended));
    assert!(text(&ended).contains("open files"), "{}", text(&ended));
    assert!(!world.path("out").exists());
    let ended = limited(&world, "ulimit -Sn 64", &shards);
    assert!(ended.status.success(), "{}", text(&ended));
    let merged = Checkpoint::open(&world.path("out")).expect("a folder of shards");
    assert_eq!(merged.files().len(), TENSORS);
    drop(merged);
    let join = ["-M", "n_average", "out", "-o", "one.safetensors"];
    assert!(limited(&world, "ulimit -Sn 64", &join).status.success());
    let ended = limited(&world, "ulimit -n 64", &[&join[..], &["--force"]].concat());
    assert_eq!(ended.status.code(), Some(2), "{}", text(&ended));
    assert!(text(&ended).contains("ulimit -n"), "{}", text(&ended));
}

#[test]
fn a_limit_on_the_length_of_files_is_an_error() {
    let world = World::new();
    let merge = [
        "-M",
        "linear",
        "a.safetensors",
        "b.safetensors",
        "-o",
        "out.safetensors",
    ];
    let ended = limited(&world, "ulimit -f 4", &merge);
    assert_eq!(ended.status.code(), Some(1), "{}", text(&ended));
    assert!(text(&ended).contains("File too large"), "{}", text(&ended));
    assert!(!world.path("out.safetensors").exists());
}
