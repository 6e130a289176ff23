//! A merge that is stopped while it writes leaves no output, no hidden file, and what was there.
#![cfg(target_os = "linux")]

use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::support::big::big_model;
use crate::support::command::wgmerge;
use crate::support::process::{moved, signal, stop, until};

/// Bytes of tensors after which a merge is in the middle of writing.
const BEGUN: u64 = 16 << 20;

struct World {
    folder: tempfile::TempDir,
}

impl World {
    fn new() -> World {
        let folder = tempfile::tempdir().expect("a temporary folder");
        for seed in [1, 2] {
            big_model(&folder.path().join(format!("{seed}.safetensors")), seed);
        }
        std::fs::create_dir(folder.path().join("out")).expect("a folder");
        World { folder }
    }

    fn out(&self) -> PathBuf {
        self.folder.path().join("out")
    }

    /// Starts a merge into `output` of the folder `out` and waits until it is writing tensors.
    fn writing(&self, output: &str, arguments: &[&str]) -> Child {
        self.begun(output, "wchar", &[&["-M", "slerp"], arguments].concat())
    }

    /// Starts a merge that looks for the statistics of whole models, and waits until it reads.
    fn surveying(&self, output: &str) -> Child {
        let ties = ["-M", "ties", "-b", "1.safetensors", "-p", "density=0.3"];
        let child = self.begun(
            output,
            "rchar",
            &[&ties[..], &["-p", "scope=model"]].concat(),
        );
        assert!(moved(&child, "wchar") < BEGUN, "it writes before it knows");
        child
    }

    /// Starts a merge and waits until the system has moved so many bytes for it.
    fn begun(&self, output: &str, counter: &str, arguments: &[&str]) -> Child {
        let mut command = wgmerge();
        command
            .current_dir(self.folder.path())
            .args(["merge", "--device", "cpu", "--threads", "1"])
            .args(["--memory", "32MiB"])
            .args(["1.safetensors", "2.safetensors", "-o"])
            .arg(Path::new("out").join(output))
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().expect("the binary runs");
        until(&mut child, |child| moved(child, counter) >= BEGUN);
        child
    }
}

#[test]
fn what_was_ignored_at_the_start_stays_ignored() {
    let world = World::new();
    let mut command = std::process::Command::new("sh");
    command
        .current_dir(world.folder.path())
        .args(["-c", "trap '' HUP; exec \"$@\"", "sh"])
        .arg(env!("CARGO_BIN_EXE_wgmerge"))
        .args(["merge", "--device", "cpu", "-M", "linear", "-q"])
        .args(["1.safetensors", "2.safetensors", "-o", "out/x.safetensors"]);
    let mut child = command.spawn().expect("a shell");
    until(&mut child, |child| moved(child, "wchar") >= BEGUN);
    signal(&child, Signal::HUP);
    assert!(child.wait().expect("a child").success());
}

/// Every path below a folder, hidden ones too, with the bytes of small files.
fn everything(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(everything(&path));
        }
        let small = entry.metadata().is_ok_and(|data| data.len() < 1 << 20) && path.is_file();
        let bytes = small.then(|| std::fs::read(&path).expect("a file"));
        found.push((path, bytes.unwrap_or_default()));
    }
    found.sort();
    found
}

/// Stops merges into `output` by each signal and compares what there is with what there was.
fn check(world: &World, output: &str, arguments: &[&str]) {
    check_begun(world, output, || world.writing(output, arguments));
}

fn check_begun(world: &World, output: &str, begin: impl Fn() -> Child) {
    let before = everything(world.folder.path());
    for signal in [Signal::INT, Signal::TERM, Signal::QUIT, Signal::KILL] {
        let child = begin();
        let told = Instant::now();
        let ended = stop(child, signal);
        assert!(
            told.elapsed() < Duration::from_secs(5),
            "{output}, {signal:?}: too long"
        );
        let text = String::from_utf8_lossy(&ended.stderr);
        if matches!(signal, Signal::KILL | Signal::QUIT) {
            let by = Some(signal.as_raw());
            assert_eq!(ended.status.signal(), by, "{output}: {text}");
        } else {
            assert_eq!(
                ended.status.code(),
                Some(130),
                "{output}, {signal:?}: {text}"
            );
            assert!(text.contains("interrupted; nothing was written"), "{text}");
            assert!(!text.contains("tensors merged"), "{text}");
        }
        // With --json the error is an object, where there is time to say it.
        let said = String::from_utf8_lossy(&ended.stdout);
        let error = said.is_empty() || said.contains("\"code\": 130");
        assert!(error && !said.contains("seconds"), "{signal:?}: {said}");
        let after = everything(world.folder.path());
        assert!(before == after, "{output}, {signal:?}: {:?}", names(&after));
    }
}

fn names(found: &[(PathBuf, Vec<u8>)]) -> Vec<&PathBuf> {
    found.iter().map(|(path, _)| path).collect()
}

#[test]
fn stopped_while_it_writes() {
    let world = World::new();
    let merged = world.out().join("merged");
    let older = |path: PathBuf| std::fs::write(path, "an older result").expect("a file");
    check(&world, "merged.safetensors", &["--json"]);
    check(&world, "merged", &["--max-shard-size", "100MiB"]);
    older(world.out().join("merged.safetensors"));
    check(&world, "merged.safetensors", &["--force"]);
    std::fs::create_dir(&merged).expect("a folder");
    older(merged.join("model.safetensors"));
    older(merged.join("config.json"));
    check(&world, "merged", &["--force"]);
}

#[test]
fn stopped_while_it_looks_for_statistics() {
    let world = World::new();
    check_begun(&world, "merged.safetensors", || {
        world.surveying("merged.safetensors")
    });
}

/// Writes a model of very many tensors.
fn many_tensors(path: &Path) {
    let mut header = String::from("{");
    for at in 0..60_000_u64 {
        let comma = if at > 0 { "," } else { "" };
        header += &format!(
            "{comma}\"layers.{at}.weight\":{{\"dtype\":\"F32\",\"shape\":[1],\
             \"data_offsets\":[{},{}]}}",
            4 * at,
            4 * at + 4
        );
    }
    header += "}";
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend(header.as_bytes());
    bytes.extend(vec![0; 4 * 60_000]);
    std::fs::write(path, bytes).expect("a model");
}

#[test]
fn stopped_while_it_plans_and_after_it_wrote() {
    let world = World::new();
    let folder = world.folder.path();
    for name in ["3.safetensors", "4.safetensors"] {
        many_tensors(&folder.join(name));
    }
    let before = everything(folder);
    let start = |arguments: &[&str]| {
        let mut command = wgmerge();
        let command = command.current_dir(folder).args(arguments);
        let command = command.args(["-M", "linear", "--device", "cpu", "--json"]);
        let streams = command.stdout(Stdio::piped()).stderr(Stdio::piped());
        streams.spawn().expect("the binary runs")
    };
    let mut child = start(&[
        "merge",
        "3.safetensors",
        "4.safetensors",
        "-o",
        "out/x.safetensors",
    ]);
    until(&mut child, |child| moved(child, "rchar") > 4 << 20);
    let ended = stop(child, Signal::INT);
    let (said, json) = (
        String::from_utf8_lossy(&ended.stderr),
        String::from_utf8_lossy(&ended.stdout),
    );
    assert_eq!(ended.status.code(), Some(130), "{said}");
    assert_eq!(said, "error: interrupted; nothing was written\n");
    assert!(json.contains("\"code\": 130"), "{json}");
    assert!(before == everything(folder));
    let output = world.out().join("x.safetensors");
    let models = ["1.safetensors", "2.safetensors", "-o", "out/x.safetensors"];
    let mut child = start(&[&["merge", "--hash"], &models[..]].concat());
    until(&mut child, |_| output.exists());
    let ended = stop(child, Signal::INT);
    let said = String::from_utf8_lossy(&ended.stderr);
    assert_eq!(ended.status.code(), Some(130), "{said}");
    assert!(
        said.contains("interrupted; one output was complete"),
        "{said}"
    );
    wgmerge::checkpoint::Checkpoint::open(&output).expect("a whole output");
}
