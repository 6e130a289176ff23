//! What is no average, found before a byte is written.

use wgmerge::dtype::Float;

use super::{name, names, run_of};
use crate::cli::World;
use crate::support::command::said;
use crate::support::models::{floats, values, write};

/// Expects exit code 2, a message with all of `parts`, and no new file.
#[track_caller]
fn refuses(world: &World, checkpoints: &[String], more: &[&str], parts: &[&str]) {
    let before = world.names();
    let mut all = vec!["average", "--device", "cpu"];
    all.extend(checkpoints.iter().map(String::as_str));
    all.extend(more);
    if !more.contains(&"-o") {
        all.extend(["-o", "out.safetensors"]);
    }
    let output = world.run(&all);
    let text = said(&output);
    assert_eq!(output.status.code(), Some(2), "{more:?}: {text}");
    for part in parts {
        assert!(text.contains(part), "{more:?}: no {part:?} in {text}");
    }
    assert_eq!(before, world.names(), "{more:?}: files were left");
}

#[test]
fn windows_and_checkpoints_that_make_no_average() {
    let world = run_of(3, Float::F32);
    let all = names(1..=3);
    refuses(
        &world,
        &all[..1],
        &[],
        &["at least 2 checkpoints, 1 checkpoint given"],
    );
    let twice = [&all[..], &all[..1]].concat();
    refuses(&world, &twice, &[], &["step-1.safetensors is given twice"]);
    let dotted = [&all[..], &[format!("./{}", name(2))]].concat();
    refuses(&world, &dotted, &[], &["are one checkpoint"]);
    // A checkpoint that is older than the window, under the name of the window's output.
    std::fs::copy(
        world.path(&name(1)),
        world.path("step-0-window-2.safetensors"),
    )
    .expect("a copy");
    let older = [&["step-0-window-2.safetensors".to_owned()], &all[1..]].concat();
    let onto = ["--windows", "2", "-o", "step-0.safetensors", "--force"];
    refuses(&world, &older, &onto, &["inputs are never written"]);
    for (windows, part) in [
        ("1,2", "a window of 1 checkpoints"),
        ("2,4", "a window of 4 checkpoints is too large: 3 are given"),
        ("2,3,2", "the window 2 is given twice"),
        ("2,x", "'x'"),
        ("", "''"),
    ] {
        refuses(&world, &all, &["--windows", windows], &[part]);
    }
    for schedule in ["cosine", "ema:0", "ema:2"] {
        let parts = ["uniform, linear, minus-sqrt or ema:A"];
        refuses(&world, &all, &["--schedule", schedule], &parts);
    }
    refuses(
        &world,
        &all,
        &["-o", "out.bin"],
        &["`.bin` is no file that wgmerge writes"],
    );
    let onto = [
        "--windows",
        "2",
        "-o",
        "step-{window}.safetensors",
        "--force",
    ];
    refuses(&world, &all, &onto, &["step-2.safetensors"]);
}

#[test]
fn counts_that_do_not_fit_are_listed() {
    let world = run_of(3, Float::F32);
    let all = names(1..=3);
    let given = |counts: &str, parts: &[&str]| {
        std::fs::write(world.path("counts.json"), counts).expect("a file");
        let parts = [&["counts.json: "], parts].concat();
        refuses(&world, &all, &["--weights", "counts.json"], &parts);
    };
    given("[1, 2]", &["not an object"]);
    given("{} {}", &["not an object", "trailing"]);
    given(r#"{"a": "x"}"#, &["not an object"]);
    given(r#"{"a": -1}"#, &["the count of `a` is -1.0: a count is"]);
    let huge = ["the count of `a` is 1e308: a count is a number from 0 to 1e30"];
    given(r#"{"a": 1e308}"#, &huge);
    given(r#"{"a": 1, "a": 2}"#, &["`a` is there twice"]);
    let unknown = r#"{"step-1.safetensors": 1, "step-4.safetensors": 1, "x": 1}"#;
    given(
        unknown,
        &["no checkpoint is called `step-4.safetensors`, `x`"],
    );
    let missing = ["2 checkpoints without a count: `step-1.safetensors`, `step-3.safetensors`"];
    given(r#"{"step-2.safetensors": 1}"#, &missing);
    let zeros = r#"{"step-1.safetensors": 0, "step-2.safetensors": 0, "step-3.safetensors": 0}"#;
    std::fs::write(world.path("counts.json"), zeros).expect("a file");
    let weights = ["--weights", "counts.json"];
    refuses(
        &world,
        &all,
        &weights,
        &["counts of the last 3 checkpoints are all 0"],
    );
    let both = [&weights[..], &["--schedule", "linear"]].concat();
    refuses(&world, &all, &both, &["cannot be used with"]);
    std::fs::create_dir(world.path("other")).expect("a folder");
    std::fs::copy(world.path(&name(1)), world.path("other/step-2.safetensors")).expect("a file");
    let counts = r#"{"step-1.safetensors": 1, "step-2.safetensors": 1}"#;
    std::fs::write(world.path("counts.json"), counts).expect("a file");
    let alike = [
        "step-1.safetensors",
        "step-2.safetensors",
        "other/step-2.safetensors",
    ];
    let alike = alike.map(str::to_owned);
    // The path as given comes before the name.
    let parts = ["1 checkpoint without a count: `other/step-2.safetensors`"];
    refuses(&world, &alike, &weights, &parts);
    let alike = [
        "step-1.safetensors",
        "./step-2.safetensors",
        "other/step-2.safetensors",
    ];
    let alike = alike.map(str::to_owned);
    refuses(
        &world,
        &alike,
        &weights,
        &["`step-2.safetensors` is the name of 2 checkpoints"],
    );
}

#[test]
fn checkpoints_of_other_keys_shapes_and_types() {
    let world = run_of(2, Float::F32);
    let odd = |tensors: &[(&str, Float, u64)]| {
        let tensors = tensors
            .iter()
            .map(|&(name, float, n)| floats(name, float, &[n], &values(n as usize, 1, 3)));
        write(&world.path(&name(3)), &tensors.collect::<Vec<_>>());
    };
    let all = names(1..=3);
    odd(&[("a.weight", Float::F32, 5000)]);
    refuses(&world, &all, &[], &["step-", "`b.bias`"]);
    odd(&[("a.weight", Float::F32, 5000), ("b.bias", Float::F32, 8)]);
    refuses(&world, &all, &[], &["`b.bias`", "F32 [7]", "F32 [8]"]);
    odd(&[("a.weight", Float::F32, 5000), ("b.bias", Float::BF16, 7)]);
    let parts = ["tensor `b.bias` is F32 [7]", "is BF16 [7]", "--dtype f32"];
    refuses(&world, &all, &[], &parts);
    for more in [["--dtype", "f32"], ["--exclude", "^b"]] {
        let more = [&more[..], &["-o", "x.safetensors", "--force"]].concat();
        super::average(&world, &all, &more);
    }
}

#[test]
fn a_dry_run_writes_nothing() {
    let world = run_of(3, Float::F32);
    let before = world.names();
    let all = names(1..=3);
    let plan = super::average(&world, &all, &["-o", "out.safetensors", "--dry-run"]);
    assert_eq!(
        (&plan["method"], &plan["files"]),
        (&"linear".into(), &1.into())
    );
    let windows = ["--windows", "2,3", "-o", "out.safetensors", "--dry-run"];
    let plan = super::average(&world, &all, &windows);
    assert_eq!(plan["files"], 2);
    assert_eq!(before, world.names());
}
