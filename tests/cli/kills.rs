//! Merges that are killed at a system call, as `strace` can.
#![cfg(target_os = "linux")]

use std::path::Path;
use std::process::{Command, Stdio};

use wgmerge::checkpoint::Checkpoint;
use wgmerge::dtype::Float;

use super::World;
use crate::support::models::{floats, values, write};

/// The calls by which names change and folders are synced.
const CALLS: [&str; 5] = ["linkat", "renameat2", "unlink", "rmdir", "fsync"];

fn merge(world: &World, other: &str, output: &str, before: &[&str]) -> bool {
    let (program, arguments) = match before {
        [] => (env!("CARGO_BIN_EXE_wgmerge"), Vec::new()),
        [first, rest @ ..] => {
            let mut arguments = rest.to_vec();
            arguments.push(env!("CARGO_BIN_EXE_wgmerge"));
            (*first, arguments)
        }
    };
    let status = Command::new(program)
        .args(arguments)
        .args([
            "merge",
            "--device",
            "cpu",
            "-q",
            "-M",
            "linear",
            "base.safetensors",
            other,
        ])
        .args(["-o", output, "--force", "--threads", "1"])
        .args((output == "shards").then_some("--max-shard-size=4kB"))
        .current_dir(world.folder())
        .stderr(Stdio::null())
        .status();
    status.is_ok_and(|status| status.success())
}

/// The bytes of the tensors in a folder, which a loader must be able to open.
fn bytes(folder: &Path) -> Vec<u8> {
    let checkpoint = Checkpoint::open(folder).expect("a model, old or new");
    let mut bytes = Vec::new();
    for info in checkpoint.tensors().values() {
        let mut tensor = vec![0; info.bytes() as usize];
        checkpoint
            .read_at(info.file, info.span.start, &mut tensor)
            .expect("its bytes");
        bytes.extend(tensor);
    }
    bytes
}

#[test]
fn a_kill_at_any_call_leaves_the_old_output_or_the_new_one() {
    if !Command::new("strace")
        .arg("-V")
        .stdout(Stdio::null())
        .status()
        .is_ok_and(|s| s.success())
    {
        eprintln!("SKIPPED: there is no strace");
        return;
    }
    let world = World::new();
    let tensors = [
        floats("one.weight", Float::F32, &[40, 30], &values(1200, 1, 5)),
        floats("two.bias", Float::F32, &[30], &values(30, 2, 5)),
    ];
    write(&world.path("c.safetensors"), &tensors);
    assert!(merge(&world, "a.safetensors", "shards", &[]));
    assert!(merge(&world, "c.safetensors", "single", &[]));
    let (old, new) = (bytes(&world.path("shards")), bytes(&world.path("single")));
    assert!(old != new);
    std::fs::write(world.path("shards/notes.txt"), "mine").expect("a file");
    let mut killed = 0;
    let mut before = old.clone();
    for (call, when) in CALLS
        .iter()
        .flat_map(|call| [1, 3].map(|when| (call, when)))
    {
        let inject = format!("inject={call}:signal=KILL:when={when}");
        let trace = format!("trace={call}");
        let strace = [
            "strace",
            "-f",
            "-o",
            "/dev/null",
            "-e",
            &trace,
            "-e",
            &inject,
        ];
        let other = match before == old {
            true => "c.safetensors",
            false => "a.safetensors",
        };
        killed += usize::from(!merge(&world, other, "shards", &strace));
        let found = bytes(&world.path("shards"));
        assert!(found == old || found == new, "{call} {when}: a mixture");
        let notes = std::fs::read(world.path("shards/notes.txt")).expect("what was there");
        assert_eq!(notes, b"mine", "{call} {when}");
        before = found;
    }
    assert!(killed > 5, "only {killed} merges were killed");
    // What a kill leaves is hidden, and the next merge tells of it.
    let left = world
        .names()
        .into_iter()
        .filter(|name| name.ends_with(".wgmerge-partial"));
    let left: Vec<String> = left.collect();
    let again = ["-M", "linear", "base.safetensors", "a.safetensors"];
    let again = [&again[..], &["-o", "shards", "--force"]].concat();
    let said = world.merges(&again);
    for name in left {
        assert!(
            said.contains(&format!("{name} was left by a merge that was killed")),
            "{said}"
        );
    }
}
