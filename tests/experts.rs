//! Experts of a layer that are stored as one tensor: merged as that, or each by itself.

use std::path::Path;

use wgmerge::checkpoint::Checkpoint;
use wgmerge::dtype::Float;

use crate::support::command::{refuses, says};
use crate::support::models::{Tensor, floats, values, write};
use crate::support::tensors::tensor;

const EXPERTS: usize = 4;
const LAYER: &str = "model.layers.0.mlp.experts";
/// The matrices of experts that are stored as one, and their dimensions.
const FUSED: [(&str, [usize; 2]); 2] = [("gate_up_proj", [6, 5]), ("down_proj", [5, 3])];

fn fused(part: &str) -> String {
    format!("{LAYER}.{part}")
}

fn single(part: &str, expert: usize) -> String {
    format!("{LAYER}.{expert}.{part}")
}

/// The values of an expert's matrix in a model, of which some are larger than others.
fn matrix(model: u64, part: usize, expert: usize) -> Vec<f32> {
    let [rows, columns] = FUSED[part].1;
    let seed = (part * EXPERTS + expert) as u64 + 1;
    let size = (expert + 1) as f32;
    let own = values(rows * columns, seed, model);
    own.into_iter().map(|value| value * size).collect()
}

/// Writes a model twice: its experts stored as one tensor, and one by one.
fn models(folder: &Path, model: u64, name: &str) {
    let gate = floats(
        "model.layers.0.mlp.gate.weight",
        Float::F32,
        &[4, 5],
        &values(20, 99, model),
    );
    let (mut together, mut apart) = (vec![], vec![]);
    for (part, (name, [rows, columns])) in FUSED.into_iter().enumerate() {
        let each = (0..EXPERTS).map(|expert| matrix(model, part, expert));
        let all: Vec<f32> = each.clone().flatten().collect();
        let shape = [EXPERTS, rows, columns].map(|n| n as u64);
        together.push(floats(&fused(name), Float::F32, &shape, &all));
        let own = |(expert, own): (usize, Vec<f32>)| {
            floats(&single(name, expert), Float::F32, &shape[1..], &own)
        };
        apart.extend(each.enumerate().map(own));
    }
    let write = |to: &str, tensors: Vec<Tensor>, gate: Tensor| {
        let tensors: Vec<Tensor> = tensors.into_iter().chain([gate]).collect();
        write(&folder.join(format!("{to}.safetensors")), &tensors);
    };
    let again = Tensor {
        name: gate.name.clone(),
        dtype: gate.dtype,
        shape: gate.shape.clone(),
        bytes: gate.bytes.clone(),
    };
    write(&format!("{name}_fused"), together, gate);
    write(&format!("{name}_apart"), apart, again);
}

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for (model, name) in [(0, "base"), (1, "a"), (2, "b")] {
        models(folder.path(), model, name);
    }
    folder
}

/// Merges the models of a form.
fn merged(folder: &Path, form: &str, flags: &[&str], output: &str) -> Checkpoint {
    let file = |name: &str| format!("{name}_{form}.safetensors");
    let (base, a, b) = (file("base"), file("a"), file("b"));
    let line = ["merge", "--device", "cpu", "-o", output];
    let needs_base = flags.contains(&"ties") || flags.contains(&"dare_ties");
    let base = ["-b", &base];
    let base = if needs_base { &base[..] } else { &[] };
    says(folder, &[&line, flags, base, &[&a, &b]].concat());
    Checkpoint::open(&folder.join(output)).expect("a sound output")
}

/// Each expert comes out as if it were stored by itself, whatever a method looks at.
#[test]
fn each_expert_is_merged_by_itself() {
    let folder = folder();
    for method in [
        &["-M", "ties", "-p", "density=0.4"][..],
        &["-M", "slerp", "-p", "t=0.3"],
        &["-M", "nuslerp"],
        &["-M", "nuslerp", "-p", "angles=column"],
        &["-M", "add_cosine_a", "-p", "alpha=0.9"],
        &["-M", "karcher"],
        &["-M", "linear", "-p", "weight=0.3,0.7"],
    ] {
        let each = [method, &["--experts", "each", "--force"]].concat();
        let together = merged(folder.path(), "fused", &each, "each.safetensors");
        let apart = merged(
            folder.path(),
            "apart",
            &[method, &["--force"]].concat(),
            "apart.sft",
        );
        for (part, [rows, columns]) in FUSED {
            let all = tensor(&together, &fused(part));
            let info = together.get(&fused(part)).expect("the tensor");
            assert_eq!(
                info.shape.to_vec(),
                [4, rows as u64, columns as u64],
                "{method:?}"
            );
            for (expert, own) in all.chunks(rows * columns).enumerate() {
                assert_eq!(
                    own,
                    tensor(&apart, &single(part, expert)),
                    "{method:?} {expert}"
                );
            }
        }
        let gate = "model.layers.0.mlp.gate.weight";
        assert_eq!(tensor(&together, gate), tensor(&apart, gate));
        assert_eq!(together.tensors().len(), 3);
    }
}

/// Of every expert the same share of entries moves; where they are one tensor, those of the
/// experts that differ more.
#[test]
fn a_share_is_kept_of_each_expert_or_of_all() {
    let folder = folder();
    let method = ["-M", "ties", "-p", "density=0.2", "--force"];
    let base = Checkpoint::open(&folder.path().join("base_fused.safetensors")).expect("a model");
    let moved = |experts: &str| {
        let flags = [&method[..], &["--experts", experts]].concat();
        let made = merged(folder.path(), "fused", &flags, "moved.safetensors");
        let name = fused("gate_up_proj");
        let (own, base) = (tensor(&made, &name), tensor(&base, &name));
        let pairs = own.chunks(30).zip(base.chunks(30));
        let counts = pairs.map(|(own, base)| {
            own.iter()
                .zip(base)
                .filter(|(own, base)| own != base)
                .count()
        });
        counts.collect::<Vec<usize>>()
    };
    // Two models keep 6 of 30 entries each.
    let each = moved("each");
    assert!(
        each.iter().all(|count| (6..=12).contains(count)),
        "{each:?}"
    );
    let stored = moved("stored");
    assert!(stored[0] < 6 && stored[3] > 12, "{stored:?}");
}

/// Masks are those of an expert, not of its place in memory: equal experts get different ones.
#[test]
fn masks_differ_between_experts() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for (name, value) in [("base", 0.0), ("a", 1.0)] {
        let shape = [2, 16, 16];
        let own = floats(&fused("down_proj"), Float::BF16, &shape, &vec![value; 512]);
        write(&folder.path().join(format!("{name}.safetensors")), &[own]);
    }
    let line = [
        "merge",
        "-M",
        "dare_linear",
        "-b",
        "base.safetensors",
        "a.safetensors",
    ];
    let flags = [
        "-o",
        "out.safetensors",
        "-p",
        "density=0.5",
        "--experts",
        "each",
    ];
    says(folder.path(), &[&line[..], &flags].concat());
    let made = Checkpoint::open(&folder.path().join("out.safetensors")).expect("an output");
    let all = tensor(&made, &fused("down_proj"));
    assert_ne!(all[..256], all[256..]);
}

/// A tensor that is computed in several jobs stays in one shard, and is once in the index.
#[test]
fn shards_hold_whole_tensors() {
    let folder = folder();
    std::fs::create_dir(folder.path().join("own")).expect("a folder");
    let line = ["--experts", "each", "-M", "ties", "--max-shard-size", "500"];
    let made = merged(folder.path(), "fused", &line, "own/made/");
    assert_eq!(made.tensors().len(), 3);
    assert!(made.files().len() > 1, "{}", made.files().len());
    let whole = merged(
        folder.path(),
        "fused",
        &["--experts", "each", "-M", "ties"],
        "whole.sft",
    );
    for (part, _) in FUSED {
        assert_eq!(tensor(&made, &fused(part)), tensor(&whole, &fused(part)));
    }
    let index = folder.path().join("own/made/model.safetensors.index.json");
    let index = std::fs::read_to_string(index).expect("an index");
    assert_eq!(index.matches("gate_up_proj").count(), 1, "{index}");
}

#[test]
fn numbers_of_experts_that_differ_are_refused() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for (name, experts) in [("a", 2), ("b", 4)] {
        let own = values(experts * 6, 1, 0);
        let own = floats(
            &fused("down_proj"),
            Float::F32,
            &[experts as u64, 2, 3],
            &own,
        );
        write(&folder.path().join(format!("{name}.safetensors")), &[own]);
    }
    let line = [
        "merge",
        "-M",
        "ties",
        "-b",
        "a.safetensors",
        "b.safetensors",
    ];
    let flags = ["-o", "out.safetensors", "--experts", "each"];
    let said = refuses(folder.path(), &[&line[..], &flags].concat());
    for part in ["down_proj", "b.safetensors", "[2, 2, 3]", "[4, 2, 3]"] {
        assert!(said.contains(part), "{part}: {said}");
    }
}
