//! How close merges come to the floor: reading the inputs once and writing the output.
//!
//! `cargo bench --bench floor -- --data DIR [--runs N]`, where `DIR/sd15` and `DIR/llama` were
//! made by the bench `generate` (`base`, `a` and `b`). For every work it measures, in turn and with
//! a warm page cache, the floor F (`cat` of the inputs to /dev/null, then `dd bs=8M conv=fsync` of
//! the output's size) and the merge, and prints the medians, their ratio and the peak of resident
//! memory.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// A merge, the files it reads (the base first, if it has one) and the ratio it should keep.
struct Work {
    name: &'static str,
    set: &'static str,
    arguments: &'static [&'static str],
    inputs: &'static [&'static str],
    ratio_max: f64,
}

const MEMORY: &str = "256MiB";
const RESIDENT_MIB_MAX: u64 = 256 + 64;

const WORKS: &[Work] = &[
    Work {
        name: "linear, 2 x f16",
        set: "sd15",
        arguments: &["-M", "linear"],
        inputs: &["a", "b"],
        ratio_max: 1.25,
    },
    Work {
        name: "TIES, base + 2 x bf16, density 0.2",
        set: "llama",
        arguments: &["-M", "ties", "-p", "density=0.2"],
        inputs: &["base", "a", "b"],
        ratio_max: 2.0,
    },
    Work {
        name: "DARE-linear, base + 2 x bf16, density 0.5",
        set: "llama",
        arguments: &["-M", "dare_linear", "-p", "density=0.5"],
        inputs: &["base", "a", "b"],
        ratio_max: 1.6,
    },
    Work {
        name: "slerp, 2 x bf16",
        set: "llama",
        arguments: &["-M", "slerp"],
        inputs: &["a", "b"],
        ratio_max: 2.0,
    },
];

/// One measurement of a work.
struct Sample {
    read: Duration,
    write: Duration,
    merge: Duration,
    resident_kib: u64,
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let value = |name: &str| {
        let at = arguments.iter().position(|argument| argument == name)?;
        arguments.get(at + 1)
    };
    let Some(data) = value("--data").map(PathBuf::from) else {
        println!(
            "floor: give the folder of generated checkpoints, --data DIR; see benches/README.md"
        );
        return;
    };
    let runs = value("--runs")
        .and_then(|runs| runs.parse().ok())
        .unwrap_or(3);
    let extra: Vec<&str> =
        value("--device").map_or(vec!["--device", "cpu"], |d| vec!["--device", d]);
    println!("| work | F: read + write, s | merge, s | ratio | at most | peak resident, MiB |");
    println!("|---|---|---|---|---|---|");
    for work in WORKS {
        let samples: Vec<Sample> = (0..runs).map(|_| measure(work, &data, &extra)).collect();
        report(work, &samples);
    }
}

fn measure(work: &Work, data: &Path, extra: &[&str]) -> Sample {
    let folder = data.join(work.set);
    let inputs: Vec<PathBuf> = work
        .inputs
        .iter()
        .map(|name| folder.join(format!("{name}.safetensors")))
        .collect();
    let copy = data.join("floor.tmp");
    let output = data.join("floor.safetensors");
    let read = timed(Command::new("cat").args(&inputs));
    let source = format!("if={}", inputs[0].display());
    let target = format!("of={}", copy.display());
    let write =
        timed(Command::new("dd").args([&source, &target, "bs=8M", "conv=fsync", "status=none"]));
    remove(&copy);
    let mut merge = Command::new(env!("CARGO_BIN_EXE_wgmerge"));
    merge
        .arg("merge")
        .args(work.arguments)
        .args(extra)
        .args(["--memory", MEMORY, "--quiet"]);
    let models = match inputs.len() {
        3 => {
            merge.arg("--base").arg(&inputs[0]);
            &inputs[1..]
        }
        _ => &inputs[..],
    };
    merge.args(models).arg("-o").arg(&output);
    let (merge, resident_kib) = watched(&mut merge);
    remove(&output);
    Sample {
        read,
        write,
        merge,
        resident_kib,
    }
}

fn timed(command: &mut Command) -> Duration {
    let begun = Instant::now();
    let status = command.stdout(Stdio::null()).status();
    let status = status.unwrap_or_else(|fault| panic!("{command:?}: {fault}"));
    assert!(status.success(), "{command:?}: {status}");
    begun.elapsed()
}

/// The time of a command and the peak of its resident memory in KiB (0 where /proc does not tell).
fn watched(command: &mut Command) -> (Duration, u64) {
    let begun = Instant::now();
    let mut child = command
        .spawn()
        .unwrap_or_else(|fault| panic!("{command:?}: {fault}"));
    let status = format!("/proc/{}/status", child.id());
    let mut resident = 0;
    loop {
        if let Some(code) = child
            .try_wait()
            .unwrap_or_else(|fault| panic!("{command:?}: {fault}"))
        {
            assert!(code.success(), "{command:?}: {code}");
            return (begun.elapsed(), resident);
        }
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        let peak = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let peak = peak.and_then(|rest| rest.split_whitespace().next()?.parse().ok());
        resident = peak.unwrap_or(resident).max(resident);
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn remove(path: &Path) {
    if let Err(fault) = std::fs::remove_file(path) {
        eprintln!("floor: {}: {fault}", path.display());
    }
}

fn report(work: &Work, samples: &[Sample]) {
    let median = |of: fn(&Sample) -> f64| {
        let mut values: Vec<f64> = samples.iter().map(of).collect();
        values.sort_by(f64::total_cmp);
        values[values.len() / 2]
    };
    let read = median(|sample| sample.read.as_secs_f64());
    let write = median(|sample| sample.write.as_secs_f64());
    let merge = median(|sample| sample.merge.as_secs_f64());
    let resident = samples
        .iter()
        .map(|sample| sample.resident_kib)
        .max()
        .unwrap_or(0)
        / 1024;
    let ratio = median(|s| s.merge.as_secs_f64() / (s.read + s.write).as_secs_f64());
    let verdict = match ratio <= work.ratio_max && resident <= RESIDENT_MIB_MAX {
        true => "",
        false => " (!)",
    };
    println!(
        "| {} | {read:.2} + {write:.2} | {merge:.2} | {ratio:.2} F{verdict} | {} F | {} |",
        work.name,
        work.ratio_max,
        format_args!("{resident} of {RESIDENT_MIB_MAX}")
    );
}
