//! What the system allows a process: open files, and the length of files.
#![cfg(target_os = "linux")]

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Output};

use wgmerge::checkpoint::Checkpoint;
use wgmerge::dtype::Float;

use super::World;
use crate::support::command::said;
use crate::support::disk::TinyDisk;
use crate::support::models::{floats, values, write};

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

/// A merge into a file.
const MERGE: [&str; 6] = [
    "-M",
    "linear",
    "a.safetensors",
    "b.safetensors",
    "-o",
    "out.safetensors",
];

#[test]
fn more_shards_than_the_limit_of_open_files_work() {
    let world = World::new();
    let tensors = (0..TENSORS).map(|at| floats(&format!("t{at}"), Float::F32, &[1], &[1.0]));
    write(
        &world.path("many.safetensors"),
        &tensors.collect::<Vec<_>>(),
    );
    let shards = ["--max-shard-size", "4"];
    let shards = [
        &["-M", "n_average", "many.safetensors", "-o", "out"][..],
        &shards,
    ]
    .concat();
    let ended = limited(&world, "ulimit -n 64", &shards);
    assert!(ended.status.success(), "{}", said(&ended));
    let merged = Checkpoint::open(&world.path("out")).expect("a folder of shards");
    assert_eq!(merged.files().len(), TENSORS);
    drop(merged);
    let join = ["-M", "n_average", "out", "-o", "one.safetensors"];
    let ended = limited(&world, "ulimit -n 64", &join);
    assert!(ended.status.success(), "{}", said(&ended));
}

/// Writes a model of 40 shards with tensors larger than a chunk.
fn sharded(world: &World, name: &str, seed: u64) {
    let folder = world.path(name);
    std::fs::create_dir(&folder).expect("a folder");
    for at in 0..40_u64 {
        let data = values(30_000, 100 * seed + at, 5);
        write(
            &folder.join(format!("model-{:05}-of-00040.safetensors", at + 1)),
            &[floats(&format!("t{at:02}"), Float::F32, &[30_000], &data)],
        );
    }
    std::fs::write(folder.join("config.json"), "{}").expect("a file");
}

/// The files of a folder by name, hidden ones too.
fn everything(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = std::fs::read_dir(folder).expect("a folder").flatten();
    let named = entries.map(|entry| {
        let name = entry.file_name().to_string_lossy().into_owned();
        (name, std::fs::read(entry.path()).expect("a file"))
    });
    named.collect()
}

#[test]
fn few_open_files_change_no_byte() {
    let world = World::new();
    sharded(&world, "x", 1);
    sharded(&world, "y", 2);
    let merge = |limit: &str, output: &str, more: &[&str]| {
        let method = ["-M", "ties", "-b", "x", "x", "y", "--threads", "3"];
        let output = [
            "-p",
            "density=0.4",
            "-o",
            output,
            "--max-shard-size",
            "120kB",
        ];
        let ended = limited(&world, limit, &[&method[..], &output, more].concat());
        assert!(ended.status.success(), "{limit}: {}", said(&ended));
    };
    merge("ulimit -n 1024", "usual", &[]);
    let usual = everything(&world.path("usual"));
    assert_eq!(usual.len(), 43);
    let before = world.names().len();
    for limit in [32, 40] {
        let limit = format!("ulimit -n {limit}");
        merge(&limit, "few", &["--force"]);
        assert!(everything(&world.path("few")) == usual, "{limit}: new");
        // The selections of whole models read all shards several times.
        merge(&limit, "few", &["--force", "-p", "scope=model"]);
        assert!(everything(&world.path("few")) != usual, "{limit}: another");
        merge(&limit, "few", &["--force", "--memory", "30MiB"]);
        assert!(everything(&world.path("few")) == usual, "{limit}: over it");
    }
    assert_eq!(world.names().len(), before + 1, "{:?}", world.names());
    let sweep = ["--sweep", "density=0.1:0.9:0.05", "-M", "ties", "-b", "x"];
    let ended = limited(
        &world,
        "ulimit -n 32",
        &[&sweep[..], &["x", "y", "-o", "s.safetensors"]].concat(),
    );
    assert!(ended.status.success(), "{}", said(&ended));
    assert_eq!(world.names().len(), before + 1 + 17, "{:?}", world.names());
}

#[test]
fn too_few_open_files_are_refused_with_how_many_are_needed() {
    let world = World::new();
    let ended = limited(&world, "ulimit -n 20", &MERGE);
    assert_eq!(ended.status.code(), Some(2), "{}", said(&ended));
    let said = said(&ended);
    assert!(said.contains("needs at least 28 open files"), "{said}");
    assert!(said.contains("may have 20"), "{said}");
}

const CHILD: &str = "WGMERGE_TEST_FEW_FILES";

/// Not a test of its own: the process of the next one, which may have few files open.
#[test]
fn child_that_may_open_few_files() {
    if std::env::var_os(CHILD).is_none() {
        return;
    }
    let world = World::new();
    sharded(&world, "x", 1);
    let opened = Checkpoint::open(&world.path("x")).expect("a model");
    let read = |at: usize| opened.read_at(at, 8, &mut [0; 4]);
    (0..40).for_each(|at| read(at).expect("a file that is opened again"));
    opened.check_unchanged().expect("an unchanged model");
    let path = |at: usize| opened.files()[at].path.clone();
    // The first ones are closed by now; the last ones are open.
    let (replaced, written, gone, open) = (path(0), path(1), path(2), path(39));
    std::fs::copy(&replaced, world.path("copy")).expect("a file");
    let time = std::fs::metadata(&replaced).and_then(|found| found.modified());
    std::fs::rename(world.path("copy"), &replaced).expect("a file");
    let file = std::fs::File::options().write(true).open(&replaced);
    let set = file.and_then(|file| file.set_modified(time.expect("its time")));
    set.expect("the time of the old file");
    let longer = std::fs::File::options().append(true).open(&written);
    std::io::Write::write_all(&mut longer.expect("a file"), b"x").expect("a file");
    std::fs::remove_file(&gone).expect("a file");
    std::fs::remove_file(&open).expect("a file");
    for (at, path) in [(0, replaced), (1, written), (2, gone)] {
        let fault = read(at).expect_err("a file that was changed").to_string();
        let named = fault.starts_with(&path.display().to_string());
        assert!(named && fault.contains("was changed"), "{fault}");
    }
    read(39).expect("a file that is open");
    let fault = opened.check_unchanged().expect_err("a changed model");
    assert!(fault.to_string().contains("was changed"), "{fault}");
}

#[test]
fn a_file_that_is_opened_again_must_be_the_same() {
    let name = "cli::limits::child_that_may_open_few_files";
    let ended = Command::new("sh")
        .args(["-c", "ulimit -n 32; exec \"$0\" --exact \"$1\""])
        .arg(std::env::current_exe().expect("this program"))
        .arg(name)
        .env(CHILD, "1")
        .output()
        .expect("a shell");
    let printed = String::from_utf8_lossy(&ended.stdout);
    assert!(ended.status.success(), "{printed}\n{}", said(&ended));
    assert!(printed.contains("1 passed"), "{printed}");
}

#[test]
fn a_limit_on_the_length_of_files_is_an_error() {
    let world = World::new();
    let ended = limited(&world, "ulimit -f 4", &MERGE);
    assert_eq!(ended.status.code(), Some(1), "{}", said(&ended));
    assert!(said(&ended).contains("File too large"), "{}", said(&ended));
    assert!(!world.path("out.safetensors").exists());
}

#[test]
fn a_full_disk_leaves_nothing() {
    let Some(disk) = TinyDisk::mount("a_full_disk_leaves_nothing") else {
        return;
    };
    let world = World::new();
    for name in ["x.safetensors", "y.safetensors"] {
        let large = floats("w", Float::F32, &[300_000], &values(300_000, 1, 1));
        write(&world.path(name), &[large]);
    }
    let output = disk.path("out.safetensors");
    let output = output.to_str().expect("UTF-8");
    let merge = [
        "-M",
        "linear",
        "x.safetensors",
        "y.safetensors",
        "-o",
        output,
    ];
    world.ends(1, &merge, &["out.safetensors"]);
    let left = std::fs::read_dir(disk.folder())
        .expect("the folder")
        .count();
    assert_eq!(left, 0, "something is left");
}
