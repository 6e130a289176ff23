//! How close merges come to the floor: reading the inputs once and writing the output.
//!
//! `cargo bench --bench floor -- --data DIR [--runs N] [--only WORD]`, where `DIR/sd15` and
//! `DIR/llama` were made by the bench `generate` (`base`, `a` and `b`). For every work it measures,
//! in turn and with a warm page cache, the floor F (`cat` of the inputs to /dev/null, then `dd
//! bs=4M oflag=direct conv=fsync` of the output's size), the same with a write through the page
//! cache (`dd bs=8M conv=fsync`), and the merge. Printed are medians, the merge's share of both
//! floors, its CPU seconds, and the peak of resident memory, with what each should keep.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// A merge, the files it reads (the base first, if it has one) and what it should keep.
struct Work {
    name: &'static str,
    set: &'static str,
    command: Job,
    inputs: &'static [&'static str],
    goal: Goal,
}

/// What is run on the inputs.
enum Job {
    /// `merge` with these arguments.
    Merge(&'static [&'static str]),
    /// `run` of a chain of so many weighted sums, one on the other.
    Chain(usize),
}

/// What a work should keep.
struct Goal {
    /// Times the floor.
    ratio: f64,
    /// CPU seconds.
    cpu: f64,
    /// Peak of resident memory.
    mib: u64,
}

const MEMORY: &str = "256MiB";
/// What the system counts CPU time in, per second.
const TICKS: f64 = 100.0;

const WORKS: &[Work] = &[
    Work {
        name: "linear, 2 x f16",
        set: "sd15",
        command: Job::Merge(&["-M", "linear"]),
        inputs: &["a", "b"],
        goal: Goal {
            ratio: 0.78,
            cpu: 1.1,
            mib: 40,
        },
    },
    Work {
        name: "linear, 2 x bf16",
        set: "llama",
        command: Job::Merge(&["-M", "linear"]),
        inputs: &["a", "b"],
        goal: Goal {
            ratio: 0.78,
            cpu: 1.1,
            mib: 40,
        },
    },
    Work {
        name: "TIES, base + 2 x bf16, density 0.2",
        set: "llama",
        command: Job::Merge(&["-M", "ties", "-p", "density=0.2"]),
        inputs: &["base", "a", "b"],
        goal: Goal {
            ratio: 1.1,
            cpu: 4.0,
            mib: 64,
        },
    },
    Work {
        name: "TIES over the whole model",
        set: "llama",
        command: Job::Merge(&["-M", "ties", "-p", "density=0.2", "-p", "scope=model"]),
        inputs: &["base", "a", "b"],
        goal: Goal {
            ratio: 1.9,
            cpu: 6.0,
            mib: 64,
        },
    },
    Work {
        name: "DARE-linear, base + 2 x bf16, density 0.5",
        set: "llama",
        command: Job::Merge(&["-M", "dare_linear", "-p", "density=0.5"]),
        inputs: &["base", "a", "b"],
        goal: Goal {
            ratio: 0.85,
            cpu: 2.8,
            mib: 40,
        },
    },
    Work {
        name: "slerp, 2 x bf16",
        set: "llama",
        command: Job::Merge(&["-M", "slerp"]),
        inputs: &["a", "b"],
        goal: Goal {
            ratio: 1.1,
            cpu: 4.0,
            mib: 64,
        },
    },
    Work {
        name: "one weighted sum, 2 x f16",
        set: "sd15",
        command: Job::Chain(1),
        inputs: &["a", "b"],
        goal: Goal {
            ratio: 0.78,
            cpu: 1.1,
            mib: 48,
        },
    },
    Work {
        name: "nine weighted sums, one on the other, 2 x f16",
        set: "sd15",
        command: Job::Chain(9),
        inputs: &["a", "b"],
        goal: Goal {
            ratio: 0.86,
            cpu: 2.2,
            mib: 48,
        },
    },
];

/// One measurement of a work.
struct Sample {
    read: Duration,
    direct: Duration,
    cached: Duration,
    merge: Measured,
}

/// What a merge took.
struct Measured {
    wall: Duration,
    cpu: f64,
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
    println!(
        "| work | F: read + direct write, s | merge, s | of F | of the buffered floor | CPU s | \
         peak resident, MiB |"
    );
    println!("|---|---|---|---|---|---|---|");
    let wanted = value("--only").cloned().unwrap_or_default();
    for work in WORKS.iter().filter(|work| work.name.contains(&wanted)) {
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
    let write = |how: &[&str]| {
        let mut dd = Command::new("dd");
        dd.args([&source, &target, "conv=fsync", "status=none"]);
        let took = timed(dd.args(how));
        remove(&copy);
        took
    };
    let direct = write(&["bs=4M", "oflag=direct"]);
    let cached = write(&["bs=8M"]);
    let recipe = data.join("floor.mecha");
    let mut merge = Command::new(env!("CARGO_BIN_EXE_wgmerge"));
    match work.command {
        Job::Merge(arguments) => {
            merge.arg("merge").args(arguments);
            let models = match inputs.len() {
                3 => {
                    merge.arg("--base").arg(&inputs[0]);
                    &inputs[1..]
                }
                _ => &inputs[..],
            };
            merge.args(models);
        }
        Job::Chain(length) => {
            let text = chain(length, &inputs);
            std::fs::write(&recipe, text).unwrap_or_else(|fault| panic!("{fault}"));
            merge.arg("run").arg(&recipe);
        }
    }
    merge.args(extra).args(["--memory", MEMORY, "--quiet"]);
    merge.arg("-o").arg(&output);
    let merge = watched(&mut merge);
    remove(&output);
    Sample {
        read,
        direct,
        cached,
        merge,
    }
}

/// A recipe of weighted sums of two models, one on the other.
fn chain(length: usize, inputs: &[PathBuf]) -> String {
    let mut text = String::from("version 0.1.0\n");
    for (number, input) in inputs.iter().enumerate() {
        text += &format!("model \"{}\"\n", input.display());
        assert!(number < 2, "a chain is of two models");
    }
    for step in 0..length {
        let last = if step == 0 { 0 } else { step + 1 };
        text += &format!("merge \"weighted_sum\" &{last} &1 alpha=0.{}\n", step + 1);
    }
    text
}

fn timed(command: &mut Command) -> Duration {
    let begun = Instant::now();
    let status = command.stdout(Stdio::null()).status();
    let status = status.unwrap_or_else(|fault| panic!("{command:?}: {fault}"));
    assert!(status.success(), "{command:?}: {status}");
    begun.elapsed()
}

/// What a command takes (no memory and no CPU time where /proc does not tell).
fn watched(command: &mut Command) -> Measured {
    let before = children_seconds();
    let begun = Instant::now();
    let mut child = command
        .spawn()
        .unwrap_or_else(|fault| panic!("{command:?}: {fault}"));
    let status = format!("/proc/{}/status", child.id());
    let mut resident_kib = 0;
    loop {
        if let Some(code) = child
            .try_wait()
            .unwrap_or_else(|fault| panic!("{command:?}: {fault}"))
        {
            assert!(code.success(), "{command:?}: {code}");
            return Measured {
                wall: begun.elapsed(),
                cpu: children_seconds() - before,
                resident_kib,
            };
        }
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        let peak = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let peak = peak.and_then(|rest| rest.split_whitespace().next()?.parse().ok());
        resident_kib = peak.unwrap_or(resident_kib).max(resident_kib);
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// CPU seconds, user and system, of all commands so far.
fn children_seconds() -> f64 {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The name, in parentheses, may hold spaces; `cutime` and `cstime` are the 14th and 15th
    // behind it.
    let fields = text.rsplit(')').next().unwrap_or_default();
    let ticks = fields.split_whitespace().skip(13).take(2);
    ticks
        .filter_map(|ticks| ticks.parse::<f64>().ok())
        .sum::<f64>()
        / TICKS
}

fn remove(path: &Path) {
    if let Err(fault) = std::fs::remove_file(path) {
        eprintln!("floor: {}: {fault}", path.display());
    }
}

fn report(work: &Work, samples: &[Sample]) {
    let median = |of: &dyn Fn(&Sample) -> f64| {
        let mut values: Vec<f64> = samples.iter().map(of).collect();
        values.sort_by(f64::total_cmp);
        values[values.len() / 2]
    };
    let seconds = |of: fn(&Sample) -> Duration| {
        let mut values: Vec<Duration> = samples.iter().map(of).collect();
        values.sort();
        values[values.len() / 2].as_secs_f64()
    };
    let read = seconds(|sample| sample.read);
    let direct = seconds(|sample| sample.direct);
    let merge = seconds(|sample| sample.merge.wall);
    let share = |write: fn(&Sample) -> Duration, s: &Sample| {
        s.merge.wall.as_secs_f64() / (s.read + write(s)).as_secs_f64()
    };
    let of_direct = median(&|s| share(|s| s.direct, s));
    let of_cached = median(&|s| share(|s| s.cached, s));
    let cpu = median(&|s| s.merge.cpu);
    let resident = samples.iter().map(|sample| sample.merge.resident_kib).max();
    let resident = resident.unwrap_or(0) / 1024;
    let Goal {
        ratio,
        cpu: most,
        mib,
    } = work.goal;
    let mark = |kept: bool| if kept { "" } else { " (!)" };
    println!(
        "| {} | {read:.2} + {direct:.2} | {merge:.2} | {of_direct:.2}{} of {ratio} | \
         {of_cached:.2} | {cpu:.2}{} of {most} | {resident}{} of {mib} |",
        work.name,
        mark(of_direct <= ratio),
        mark(cpu <= most),
        mark(resident <= mib),
    );
}
