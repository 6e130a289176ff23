//! `--threads` is how many threads compute, whatever a merge computes.

use std::path::Path;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use crate::memory::write_model;
use crate::support::command::wgmerge;

/// Ticks of a second, in which Linux gives times of processes.
const TICKS: f64 = 100.0;

/// Seconds that a process was computing in its own code, once it has ended and is not yet waited
/// for.
fn user_seconds(child: &Child) -> Option<f64> {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", child.id())).ok()?;
    let (_, fields) = stat.rsplit_once(") ")?;
    let fields: Vec<&str> = fields.split(' ').collect();
    let ended = fields[0] == "Z";
    ended.then(|| fields[11].parse::<f64>().map(|ticks| ticks / TICKS).ok())?
}

/// Seconds of computing, and seconds that passed, of a command that succeeds.
fn times(command: &mut Command) -> (f64, f64) {
    let begin = Instant::now();
    let mut child = command.spawn().expect("the binary runs");
    let user = loop {
        match user_seconds(&child) {
            Some(user) => break user,
            None => std::thread::sleep(Duration::from_millis(1)),
        }
    };
    let passed = begin.elapsed().as_secs_f64();
    let status = child.wait().expect("a child");
    assert!(status.success(), "{command:?}: {status}");
    (user, passed)
}

/// Writes models: three of some tensors, and an adapter for them.
fn models(folder: &Path) {
    let stems = (0..8).map(|number| {
        let (block, attention, kind) = (number / 4, number / 2 % 2, number % 2 + 1);
        format!("down_blocks.{block}.attentions.{attention}.transformer_blocks.0.attn{kind}.to_q")
    });
    let stems: Vec<String> = stems.collect();
    for number in 0..3 {
        let tensors = stems.iter();
        let tensors = tensors.map(|stem| (format!("unet.{stem}.weight"), vec![1024, 1024]));
        write_model(
            &folder.join(format!("{number}.safetensors")),
            number + 1,
            tensors,
        );
    }
    let factors = stems.iter().flat_map(|stem| {
        let stem = format!("lora_unet_{}", stem.replace('.', "_"));
        [
            (format!("{stem}.lora_up.weight"), vec![1024, 64]),
            (format!("{stem}.lora_down.weight"), vec![64, 1024]),
        ]
    });
    write_model(&folder.join("lora.safetensors"), 7, factors);
}

/// What is computed beside the batches: sums over rows, random masks of torch, ranks, and deltas of
/// adapters.
const RECIPES: &[&[&str]] = &[
    &[
        "merge \"subtract\" &1 &0",
        "merge \"subtract\" &2 &0",
        "merge \"model_stock\" &4 &5",
        "merge \"add_difference\" &0 &6 1.0",
    ],
    &[
        "merge \"subtract\" &1 &0",
        "merge \"subtract\" &2 &0",
        "merge \"ties_sum_with_dropout\" &4 &5 probability=0.5 seed=7",
        "merge \"add_difference\" &0 &6 1.0",
    ],
    &[
        "merge \"subtract\" &1 &0",
        "merge \"subtract\" &2 &0",
        "merge \"ties_sum_with_dropout\" &4 &5 probability=0.5 della_eps=0.1 seed=7",
        "merge \"add_difference\" &0 &6 1.0",
    ],
    &[
        "merge \"convert_'sd1-kohya_kohya_lora'_to_base\" &3",
        "merge \"add_difference\" &0 &4 0.5",
    ],
];

#[test]
fn one_thread_computes_as_long_as_the_merge_takes_at_most() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    models(folder.path());
    let mut head = "version 0.1.0\n".to_owned();
    for name in ["0", "1", "2", "lora"] {
        head += &format!("model \"{name}.safetensors\"\n");
    }
    for lines in RECIPES {
        let text = format!("{head}{}\n", lines.join("\n"));
        std::fs::write(folder.path().join("r.mecha"), text).expect("written");
        let mut command = wgmerge();
        command.current_dir(folder.path());
        command.args([
            "run",
            "--device",
            "cpu",
            "--quiet",
            "--force",
            "--threads",
            "1",
        ]);
        command.args(["r.mecha", "-o", "out.safetensors"]);
        let (user, passed) = times(&mut command);
        println!("{lines:?}: {user:.2} s of computing in {passed:.2} s");
        assert!(user > 0.05, "{lines:?}: nothing was computed");
        assert!(
            user <= passed * 1.1 + 0.05,
            "{lines:?}: {user} s in {passed} s"
        );
    }
}
