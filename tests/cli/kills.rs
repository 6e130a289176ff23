//! Merges that are killed at a system call, as `strace` can.
#![cfg(target_os = "linux")]

use std::path::Path;
use std::process::{Command, Output, Stdio};

use wgmerge::checkpoint::Checkpoint;
use wgmerge::dtype::Float;

use super::World;
use crate::support::models::{floats, values, write};
use crate::support::tensors;

/// The calls by which names change and folders are synced.
const CALLS: [&str; 5] = ["linkat", "renameat2", "unlink", "rmdir", "fsync"];

/// What happens to a merge: a call, and what becomes of it as strace has it.
type Fate<'a> = Option<(&'a str, &'a str)>;

fn merge(world: &World, other: &str, output: &str, fate: Fate<'_>) -> bool {
    run(world, other, output, fate).status.success()
}

fn run(world: &World, other: &str, output: &str, fate: Fate<'_>) -> Output {
    let binary = env!("CARGO_BIN_EXE_wgmerge");
    let mut command = Command::new(if fate.is_some() { "strace" } else { binary });
    if let Some((call, what)) = fate {
        command.args(["-f", "-o", "/dev/null", "-e", &format!("trace={call}")]);
        command.args(["-e", &format!("inject={call}:{what}"), binary]);
    }
    command.args(["merge", "--device", "cpu", "-M", "linear"]);
    command.args(["base.safetensors", other, "-o", output, "--force"]);
    command.args(["--threads", "1"]);
    command.args((output == "shards").then_some("--max-shard-size=4kB"));
    command.current_dir(world.folder());
    command.output().expect("the command runs")
}

/// Merges another model into an output and then `a`: the bytes of the old output, which is there
/// now, and of the new one.
fn old_and_new(world: &World, other: &str, output: &str) -> (Vec<u8>, Vec<u8>) {
    assert!(merge(world, other, output, None));
    let new = bytes(&world.path(output));
    assert!(merge(world, "a.safetensors", output, None));
    let old = bytes(&world.path(output));
    assert!(old != new);
    (old, new)
}

/// The bytes of the tensors in a folder, which a loader must be able to open.
fn bytes(folder: &Path) -> Vec<u8> {
    let checkpoint = Checkpoint::open(folder).expect("a model, old or new");
    let keys = checkpoint.tensors().keys();
    keys.flat_map(|key| tensors::bytes(&checkpoint, key))
        .collect()
}

/// Whether calls can be made to fail.
fn has_strace() -> bool {
    let mut strace = Command::new("strace");
    let found = strace.arg("-V").stdout(Stdio::null()).status();
    let found = found.is_ok_and(|status| status.success());
    if !found {
        eprintln!("SKIPPED: there is no strace");
    }
    found
}

/// A world with a model `c` of other values than `a`.
fn with_another() -> World {
    let world = World::new();
    let tensors = [
        floats("one.weight", Float::F32, &[40, 30], &values(1200, 1, 5)),
        floats("two.bias", Float::F32, &[30], &values(30, 2, 5)),
    ];
    write(&world.path("c.safetensors"), &tensors);
    world
}

#[test]
fn a_kill_at_any_call_leaves_the_old_output_or_the_new_one() {
    if !has_strace() {
        return;
    }
    let world = with_another();
    let (old, new) = old_and_new(&world, "c.safetensors", "shards");
    std::fs::write(world.path("shards/notes.txt"), "mine").expect("a file");
    let mut killed = 0;
    let mut before = old.clone();
    for (call, when) in CALLS
        .iter()
        .flat_map(|call| [1, 3].map(|when| (call, when)))
    {
        let kill = format!("signal=KILL:when={when}");
        let other = match before == old {
            true => "c.safetensors",
            false => "a.safetensors",
        };
        killed += usize::from(!merge(&world, other, "shards", Some((call, &kill))));
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

/// Calls that fail, and how. The first two reads are those of the system, which loads libraries.
const FAULTS: &[(&str, &str)] = &[
    ("pread64", "error=EIO:when=3+"),
    ("pwrite64", "error=ENOSPC:when=1+"),
    ("pwrite64", "error=EIO:when=2+"),
    ("pwrite64", "error=EDQUOT:when=3"),
    ("fallocate", "error=ENOSPC:when=1"),
    ("fallocate", "error=EIO:when=2"),
    ("fsync", "error=EIO:when=1"),
    ("fsync", "error=EDQUOT:when=2"),
    ("fsync", "error=ENOSPC:when=3+"),
    ("linkat", "error=EIO:when=1"),
    ("linkat", "error=EXDEV:when=2+"),
    ("linkat", "error=EDQUOT:when=1+"),
    ("renameat2", "error=EIO:when=1"),
    ("renameat2", "error=EXDEV:when=1+"),
    ("rename", "error=EIO:when=1"),
    ("rename", "error=EXDEV:when=1+"),
    ("mkdir", "error=ENOSPC:when=1+"),
    ("mkdirat", "error=ENOSPC:when=1+"),
    ("ftruncate", "error=EIO:when=1"),
];
/// How any of the calls may fail that open a file.
const CANNOT_OPEN: [&str; 3] = ["EIO", "EMFILE", "ENOSPC"];
/// Calls that are told to be done again, which is no fault.
const AGAIN: &[&str] = &["pread64", "pwrite64", "fallocate", "linkat", "renameat2"];

#[test]
fn a_call_that_fails_leaves_one_whole_output_and_nothing_hidden() {
    if !has_strace() {
        return;
    }
    let world = with_another();
    let mut failed = 0;
    for output in ["shards", "one.safetensors"] {
        let (old, new) = old_and_new(&world, "c.safetensors", output);
        let before = world.names();
        let again = AGAIN.iter().map(|call| (*call, "error=EINTR:when=3"));
        for (call, what) in FAULTS.iter().copied().chain(again) {
            let done = merge(&world, "c.safetensors", output, Some((call, what)));
            assert!(done || !what.contains("EINTR"), "{output}, {call} {what}");
            failed += usize::from(!done);
            let found = bytes(&world.path(output));
            assert!(found == old || found == new, "{output}, {call} {what}");
            assert!(!done || found == new, "{output}, {call} {what}: not told");
            assert_eq!(world.names(), before, "{output}, {call} {what}");
            let inside = std::fs::read_dir(world.path(output)).into_iter().flatten();
            let mut inside = inside.flatten().map(|entry| entry.file_name());
            let hidden = inside.find(|name| name.to_string_lossy().starts_with('.'));
            assert_eq!(hidden, None, "{output}, {call} {what}");
            assert!(merge(&world, "a.safetensors", output, None));
        }
    }
    assert!(failed > 15, "only {failed} merges failed");
}

#[test]
fn a_file_that_cannot_be_opened_leaves_one_whole_output_and_nothing_hidden() {
    if !has_strace() {
        return;
    }
    let world = with_another();
    for output in ["shards", "one.safetensors"] {
        let (old, new) = old_and_new(&world, "c.safetensors", output);
        let before = world.names();
        let mut failed = 0;
        for (number, error) in (1..).zip(CANNOT_OPEN.iter().cycle()) {
            let fault = format!("error={error}:when={number}");
            let run = run(&world, "c.safetensors", output, Some(("openat", &fault)));
            let (done, said) = (run.status.success(), String::from_utf8_lossy(&run.stderr));
            let found = bytes(&world.path(output));
            let case = format!("{output}, open {number}: {error}: {said}");
            assert!(found == old || found == new, "{case}");
            assert!(!done || found == new, "{case}");
            for name in world.names() {
                // The replaced folder cannot be removed where it cannot be listed.
                let told = done && said.contains(&name);
                assert!(told || before.contains(&name), "{case}: {name} is left");
                if !before.contains(&name) {
                    std::fs::remove_dir_all(world.path(&name)).expect("it goes");
                }
            }
            failed += usize::from(!done);
            assert!(merge(&world, "a.safetensors", output, None));
            if number > 120 {
                break;
            }
        }
        assert!(failed > 1, "{output}: only {failed} merges failed");
    }
}

#[test]
fn a_kill_at_any_call_leaves_the_old_file_or_the_new_one() {
    if !has_strace() {
        return;
    }
    let world = World::new();
    let output = "one.safetensors";
    let (old, new) = old_and_new(&world, "b.safetensors", output);
    let mut killed = 0;
    for call in ["linkat", "rename", "renameat2", "fsync", "pwrite64"] {
        let kill = Some((call, "signal=KILL:when=1"));
        killed += usize::from(!merge(&world, "b.safetensors", output, kill));
        let found = bytes(&world.path(output));
        assert!(found == old || found == new, "{call}: a mixture");
        assert!(merge(&world, "a.safetensors", output, None));
    }
    assert!(killed >= 3, "only {killed} merges were killed");
}
