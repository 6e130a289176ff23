//! The same bytes, whatever computes them.

use std::path::Path;

use wgmerge::dtype::Float;
use wgmerge::exec::cpu::Level;

use super::models::Models;
use crate::support::command::{said, wgmerge};
use crate::support::models::{floats, values, write};

/// What is computed with codes: they are made, merged with statistics, and merged by chance.
const COMMANDS: &[&[&str]] = &[
    &["convert", "large-a.safetensors"],
    &["merge", "-M", "linear", "CODED", "large-b.safetensors"],
    &[
        "merge",
        "-M",
        "ties",
        "-p",
        "density=0.4",
        "--base",
        "CODED",
        "large-b.safetensors",
    ],
    &[
        "merge",
        "-M",
        "linear",
        "CODED",
        "large-b.safetensors",
        "--format-rounding",
        "stochastic",
        "--seed",
        "7",
    ],
];

/// The formats that are compared: a scale of the tensor, of rows, of groups and tiles, of blocks.
const CHOSEN: [&str; 4] = ["comfy-fp8", "comfy-int8", "comfy-nvfp4", "block-fp8"];

/// How a command is run.
struct Means {
    threads: &'static str,
    memory: &'static str,
    device: String,
    simd: &'static str,
}

impl Means {
    fn cpu(threads: &'static str, memory: &'static str, simd: &'static str) -> Means {
        let device = "cpu".to_owned();
        Means {
            threads,
            memory,
            device,
            simd,
        }
    }
}

/// All that a machine has.
fn all_means() -> Vec<Means> {
    let mut means = vec![
        Means::cpu("2", "64MiB", "baseline"),
        Means::cpu("1", "1GiB", "baseline"),
        Means::cpu("2", "1GiB", "baseline"),
    ];
    let others = ["avx2", "avx512"].into_iter();
    let others = others.filter(|word| Level::named(word).is_ok());
    means.extend(others.map(|word| Means::cpu("2", "64MiB", word)));
    #[cfg(feature = "gpu")]
    for adapter in crate::support::backends::found() {
        means.push(Means {
            device: format!("gpu:{}", adapter.index),
            ..Means::cpu("2", "1GiB", "baseline")
        });
    }
    means
}

/// The bytes of what a command writes.
fn output(folder: &Path, command: &[&str], means: &Means) -> Vec<u8> {
    let run = wgmerge()
        .current_dir(folder)
        .args(command)
        .args(["-o", "out.safetensors", "--force", "-q"])
        .args(["--threads", means.threads, "--memory", means.memory])
        .args(["--device", &means.device])
        .env(Level::VARIABLE, means.simd)
        .output()
        .expect("the binary runs");
    assert!(run.status.success(), "{command:?}: {}", said(&run));
    std::fs::read(folder.join("out.safetensors")).expect("the output")
}

/// Writes a base and a fine-tune of which one tensor is cut into several tasks.
fn large(models: &Models) {
    for (model, name) in (0..).zip(["large-a", "large-b"]) {
        let shapes: [(&str, [u64; 2]); 3] = [
            ("model.layers.0.mlp.up_proj.weight", [1152, 512]),
            ("model.layers.0.mlp.down_proj.weight", [128, 256]),
            ("model.layers.0.self_attn.k_proj.weight", [33, 80]),
        ];
        let tensors = shapes.iter().zip(1..).map(|((name, shape), seed)| {
            let count = shape.iter().product::<u64>() as usize;
            floats(name, Float::BF16, shape, &values(count, seed, model))
        });
        let tensors: Vec<_> = tensors.collect();
        write(&models.path(&format!("{name}.safetensors")), &tensors);
    }
}

#[test]
fn threads_memory_instructions_and_devices_change_no_byte() {
    let models = Models::new();
    large(&models);
    let usual = Means::cpu("1", "64MiB", "baseline");
    let all = all_means();
    for format in CHOSEN {
        let coded = models.coded("large-a", format);
        for command in COMMANDS {
            let mut line: Vec<&str> = command.to_vec();
            for word in &mut line {
                if *word == "CODED" {
                    *word = &coded;
                }
            }
            if line[0] == "convert" {
                line.extend(["--format", format]);
            }
            let expected = output(models.folder(), &line, &usual);
            for means in &all {
                let Means {
                    threads,
                    memory,
                    device,
                    simd,
                } = means;
                let place = format!("{threads} threads, {memory}, {device}, {simd}");
                let found = output(models.folder(), &line, means);
                assert!(found == expected, "{format}: {line:?}: {place}");
            }
        }
    }
}
