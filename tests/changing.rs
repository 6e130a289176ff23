//! Inputs that are written to while they are merged, and threads that cannot be started.
#![cfg(unix)]

use std::fs::OpenOptions;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use wgmerge::checkpoint::FileError;
use wgmerge::dtype::Float;
use wgmerge::kernel::{BINS, Contradiction, Selection, Ties};
use wgmerge::merge::MergeError;

use crate::support::models::{Case, floats, values, write};

/// Elements of the tensor: some chunks.
const ELEMENTS: usize = 300_000;

/// A base and two models of one tensor.
fn models(folder: &Path) -> Vec<PathBuf> {
    let path = |number: u64| folder.join(format!("{number}.safetensors"));
    for number in 0..3 {
        let values = values(ELEMENTS, 1, number);
        write(
            &path(number),
            &[floats("t", Float::F32, &[ELEMENTS as u64], &values)],
        );
    }
    (0..3).map(path).collect()
}

/// Runs `body` while a file's tensor is overwritten over and over, each time with other values.
fn while_written<T>(path: &Path, body: impl FnOnce() -> T) -> T {
    let file = OpenOptions::new().write(true).open(path).expect("a model");
    let begin = file.metadata().expect("its size").len() - 4 * ELEMENTS as u64;
    let images: Vec<Vec<u8>> = [0.0_f32, 1.5, 1e30]
        .iter()
        .map(|value| value.to_le_bytes().repeat(ELEMENTS))
        .collect();
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for image in images.iter().cycle() {
                if stop.load(Ordering::Relaxed) {
                    return;
                }
                file.write_all_at(image, begin)
                    .expect("room that was there");
            }
        });
        std::thread::sleep(Duration::from_millis(20));
        let result = body();
        stop.store(true, Ordering::Relaxed);
        result
    })
}

#[test]
fn counts_that_contradict_each_other_end_the_search() {
    let counts = |bin: usize, above: u64| {
        let mut counts = vec![0; BINS + 1];
        counts[bin] = 10;
        counts[BINS] = above;
        counts
    };
    // Nothing where the pass before found all.
    let mut selection = Selection::new(100, 5, Ties::Exact);
    assert_eq!(selection.feed(&counts(1000, 0)), Ok(()));
    assert_eq!(selection.feed(&vec![0; BINS + 1]), Err(Contradiction));
    // More above the last key than there can be.
    let mut selection = Selection::new(100, 5, Ties::Exact);
    assert_eq!(selection.feed(&counts(BINS - 1, 50)), Err(Contradiction));
    // Whatever the counts are, a few passes are the end of it.
    for seed in 0..500_u64 {
        let mut selection = Selection::new(100, 5, Ties::Exact);
        let mut guessed = [seed as u32 * 77, 900_000_000 + seed as u32];
        selection.guess(&mut guessed, 100);
        let mut passes = 0;
        while selection.grid().is_some() {
            passes += 1;
            assert!(passes <= 5, "it goes on");
            let random = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (passes * 9);
            let bin = (random % BINS as u64) as usize;
            if selection.feed(&counts(bin, random % 9)).is_err() {
                break;
            }
        }
    }
}

/// How often a merge may be over before its input is written to.
const TRIES: usize = 50;

#[test]
fn an_input_that_is_written_to_is_an_error() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let models = models(folder.path());
    let output = folder.path().join("out.safetensors");
    let works: &[(&str, &[&str])] = &[
        ("ties", &["density=0.3"]),
        ("ties", &["density=0.3", "scope=model"]),
        ("slerp", &["t=0.4"]),
        ("linear", &[]),
    ];
    for &(method, parameters) in works {
        for memory in [22 << 20, 1 << 30] {
            let base = (method == "ties").then_some(&models[0]);
            let case = Case {
                parameters,
                memory,
                threads: 2,
                ..Case::new(method, base, &models[1..])
            };
            let begun = Instant::now();
            let name = format!("{method} {parameters:?} {memory}");
            // On a busy machine a merge may be over before anything is written again.
            let mut tries = (0..TRIES).map(|_| {
                let result = while_written(&models[1], || case.run(&output, None));
                if result.is_ok() {
                    std::fs::remove_file(&output).expect("an output");
                }
                result.map(|(_, report)| report)
            });
            match tries.find(Result::is_err).expect("a merge that notices it") {
                Err(MergeError::Checkpoint(wgmerge::checkpoint::CheckpointError::File(
                    FileError::Changed { path },
                ))) => assert_eq!(path, models[1], "{name}"),
                other => panic!("{name}: {other:?}"),
            }
            assert!(!output.exists(), "{name}: an output");
            assert!(
                begun.elapsed() < Duration::from_secs(20),
                "{name}: too long"
            );
        }
    }
}

#[test]
fn an_input_that_is_replaced_is_an_error_and_one_that_loses_its_name_is_none() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let models = models(folder.path());
    let opened = wgmerge::checkpoint::Checkpoint::open(&models[1]).expect("a model");
    opened.check_unchanged().expect("an unchanged model");
    let other = folder.path().join("other");
    std::fs::rename(&models[1], &other).expect("a file");
    opened.check_unchanged().expect("a model of no name");
    std::fs::copy(&models[2], &models[1]).expect("a file");
    let fault = opened
        .check_unchanged()
        .expect_err("another file")
        .to_string();
    assert!(
        fault.contains("1.safetensors: the file was changed"),
        "{fault}"
    );
}

/// A process whose threads cannot be started: their stacks are larger than its address space.
fn without_threads(folder: &Path, arguments: &[&str]) -> std::process::Output {
    std::process::Command::new("bash")
        .current_dir(folder)
        .args(["-c", "ulimit -v 1500000; exec \"$@\"", "-"])
        .arg(env!("CARGO_BIN_EXE_wgmerge"))
        .args(arguments)
        .env("RUST_MIN_STACK", (4_u64 << 30).to_string())
        .output()
        .expect("a shell")
}

#[test]
fn where_no_thread_can_be_started_the_caller_does_the_work() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let models = models(folder.path());
    let output = folder.path().join("out.safetensors");
    let parameters = &["density=0.3"];
    let case = Case {
        parameters,
        ..Case::new("ties", Some(&models[0]), &models[1..])
    };
    let (expected, _) = case.run(&output, None).expect("a merge");
    let alone = without_threads(
        folder.path(),
        &[
            "merge",
            "-M",
            "ties",
            "-p",
            "density=0.3",
            "-b",
            "0.safetensors",
            "1.safetensors",
            "2.safetensors",
            "-o",
            "out.safetensors",
            "--force",
            "--device",
            "cpu",
            "--threads",
            "4",
        ],
    );
    let text = String::from_utf8_lossy(&alone.stderr);
    assert!(alone.status.success(), "{text}");
    let found = std::fs::read(&output).expect("the output");
    assert!(expected == found, "other bytes");
}

#[test]
fn a_measurement_ends_where_no_thread_can_be_started() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let bench = [
        "bench",
        "--device",
        "cpu",
        "--threads",
        "3",
        "--bytes",
        "1MiB",
    ];
    let alone = without_threads(folder.path(), &[&bench[..], &["--json"]].concat());
    let text = String::from_utf8_lossy(&alone.stderr);
    assert!(alone.status.success(), "{text}");
    let said = String::from_utf8_lossy(&alone.stdout);
    assert!(
        said.contains("\"threads\": 1,") && !said.contains("\"threads\": 3"),
        "{said}"
    );
}
