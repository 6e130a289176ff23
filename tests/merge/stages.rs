//! Merges in which the host works on whole values.

use std::path::Path;

use wgmerge::dtype::Float;
use wgmerge::exec::cpu::Level;
use wgmerge::kernel::HostOp;
use wgmerge::kernel::host::{Crossover, Exchange, Rotate};

use crate::support::command::{refuses, said, wgmerge};
use crate::support::models::{floats, values, write};
use crate::support::process::peak_mib;
use crate::support::tensors::read;

const SHAPES: &[(&str, &[u64])] = &[
    ("scalar", &[]),
    ("empty", &[0, 3]),
    ("line", &[4097]),
    ("matrix", &[513, 700]),
    ("wide", &[64, 2049]),
    ("conv", &[40, 30, 3, 3]),
];

/// Two models, and what they hold.
fn models(folder: &Path) -> Vec<[Vec<f32>; 2]> {
    let all = SHAPES.iter().zip(0..).map(|((_, shape), seed)| {
        let n = shape.iter().product::<u64>() as usize;
        [0, 1].map(|model| values(n, seed, model))
    });
    let all: Vec<[Vec<f32>; 2]> = all.collect();
    for (number, name) in ["a", "b"].into_iter().enumerate() {
        let tensors = SHAPES.iter().zip(&all);
        let tensors = tensors.map(|((key, shape), x)| floats(key, Float::F32, shape, &x[number]));
        let tensors: Vec<_> = tensors.collect();
        write(&folder.join(format!("{name}.safetensors")), &tensors);
    }
    all
}

fn merge(folder: &Path, method: &[&str], limits: &[&str]) -> Vec<u8> {
    let mut command = wgmerge();
    command
        .current_dir(folder)
        .args(["merge", "-M"])
        .args(method);
    command.args(["a.safetensors", "b.safetensors", "-o", "o.safetensors"]);
    command
        .args(["--device", "cpu", "-q", "--force"])
        .args(limits);
    let output = command.output().expect("it runs");
    assert!(output.status.success(), "{}", said(&output));
    std::fs::read(folder.join("o.safetensors")).expect("an output")
}

#[test]
fn whole_values_are_worked_on_whatever_the_limits() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let all = models(folder.path());
    let crossover = ["crossover", "-p", "alpha=0.3", "-p", "tilt=0.5"];
    let exchange = ["top_k_tensor_sum", "-p", "width=0.5"];
    let rotate = ["rotate", "-p", "alpha=0.25"];
    let ops: [(&[&str], &dyn HostOp); 3] = [
        (
            &crossover,
            &Crossover {
                alpha: 0.3,
                tilt: 0.5,
            },
        ),
        (
            &exchange,
            &Exchange {
                width: 0.5,
                offset: 0.0,
            },
        ),
        (
            &rotate,
            &Rotate {
                alignment: 1.0,
                alpha: 0.25,
                centralization: 1.0,
                stiefel_eps: 1e-8,
                stiefel_max_iters: 100,
            },
        ),
    ];
    for (method, op) in ops {
        let merged = merge(
            folder.path(),
            method,
            &["--threads", "1", "--memory", "1GiB"],
        );
        for ((key, shape), x) in SHAPES.iter().zip(&all) {
            let wanted = op.run(&Level::BASELINE, shape, x.to_vec());
            assert_eq!(read(&merged, key), wanted, "{method:?}: {key}");
        }
        for limits in [
            ["--threads", "3", "--memory", "1GiB"],
            ["--threads", "2", "--memory", "80MiB"],
        ] {
            assert!(
                merge(folder.path(), method, &limits) == merged,
                "{method:?} {limits:?}"
            );
        }
    }
}

#[test]
#[cfg(target_os = "linux")]
fn what_whole_values_take_is_planned() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for (name, model) in [("a", 0), ("b", 1)] {
        let tensors = (0..3).map(|number| {
            let x = values(1 << 21, number, model);
            floats(&format!("t{number}"), Float::F32, &[1024, 2048], &x)
        });
        let tensors: Vec<_> = tensors.collect();
        write(&folder.path().join(format!("{name}.safetensors")), &tensors);
    }
    let command = |method: &str, memory: &str| {
        let mut command = wgmerge();
        command.current_dir(folder.path());
        command.args(["merge", "-M", method, "a.safetensors", "b.safetensors"]);
        command.args(["-o", "o.safetensors", "--force", "-q", "--device", "cpu"]);
        command.args(["--threads", "2", "--memory", memory]);
        command
    };
    for method in ["crossover", "top_k_tensor_sum"] {
        let arguments = [
            "merge",
            "-M",
            method,
            "a.safetensors",
            "b.safetensors",
            "-o",
            "x.safetensors",
        ];
        let limits = ["--memory", "32MiB", "--device", "cpu"];
        let text = refuses(folder.path(), &[&arguments[..], &limits].concat());
        let named = text.contains("as a whole: that needs") && text.contains("raise --memory");
        assert!(named, "{text}");
        for memory in [96, 160, 400] {
            let peak = peak_mib(&mut command(method, &format!("{memory}MiB")));
            println!("{method}: {peak} MiB of {memory}");
            assert!(peak <= memory, "{method}: {peak} MiB of {memory}");
        }
    }
}
