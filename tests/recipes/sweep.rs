//! Sweeps: several outputs from one read of the inputs.

use std::path::Path;

use super::{refuses, succeeds};
use wgmerge::recipe::{Sweep, SweepError};

const MODELS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/digits");

fn words(text: &str) -> Vec<&str> {
    text.split_whitespace().collect()
}

fn values(text: &str) -> Vec<f64> {
    Sweep::parse(text).expect(text).values().to_vec()
}

#[test]
fn both_ends_belong_to_a_sweep() {
    assert_eq!(values("alpha=0:1:0.25"), [0.0, 0.25, 0.5, 0.75, 1.0]);
    assert_eq!(values("alpha=0:0.3:0.1"), [0.0, 0.1, 0.2, 0.3]);
    assert_eq!(values("alpha=1:0:-0.5"), [1.0, 0.5, 0.0]);
    assert_eq!(values("alpha=0:1:0.4"), [0.0, 0.4, 0.8]);
    assert_eq!(values("alpha=2:2:1"), [2.0]);
    assert_eq!(values("k= 0.5, 3,-1e-3"), [0.5, 3.0, -0.001]);
}

#[test]
fn sweeps_that_are_none() {
    for text in [
        "alpha",
        "alpha=",
        "=1,2",
        "alpha=0:1",
        "alpha=0:1:x",
        "alpha=1,nan",
        "a=0:inf:1",
    ] {
        let fault = Sweep::parse(text).expect_err(text);
        assert!(matches!(fault, SweepError::Form { .. }), "{text}: {fault}");
    }
    for text in ["alpha=0:1:0", "alpha=0:1:-0.1", "alpha=1:0:0.1"] {
        let fault = Sweep::parse(text).expect_err(text);
        assert!(matches!(fault, SweepError::Empty { .. }), "{text}: {fault}");
    }
    let fault = Sweep::parse("alpha=0.1,0.2,0.1").expect_err("twice");
    assert_eq!(fault, SweepError::Twice { value: 0.1 });
    let fault = Sweep::parse("alpha=0:1:0.001").expect_err("too long");
    let message = "a sweep of 1001 values is too long: 101 at most";
    assert_eq!(fault.to_string(), message);
}

#[test]
fn values_that_are_no_sweep() {
    for values in [vec![], vec![f64::NAN]] {
        let fault = Sweep::new("alpha", values).expect_err("no values");
        assert_eq!(fault, SweepError::Values);
    }
    let fault = Sweep::new("alpha", vec![1.0, 1.0]).expect_err("twice");
    assert_eq!(fault, SweepError::Twice { value: 1.0 });
}

/// Merges with a sweep and, one by one, without: each output must be the same file. Returns how
/// many bytes the sweep and a single merge read.
fn compare(merge: &[&str], name: &str, values: &[&str]) -> (u64, u64) {
    let scratch = tempfile::tempdir().expect("a temporary folder");
    let path = |name: &str| scratch.path().join(name).display().to_string();
    let run = |arguments: &[&str], output: &str| {
        let mut all = merge.to_vec();
        all.extend(arguments);
        all.extend(["-o", output, "--json", "--device", "cpu"]);
        let report = succeeds(Path::new(MODELS), &all);
        let report: serde_json::Value = serde_json::from_str(&report).expect("JSON");
        report["bytes_read"].as_u64().expect("a number")
    };
    let sweep = format!("{name}={}", values.join(","));
    let together = run(&["--sweep", &sweep], &path("out.safetensors"));
    let mut alone = 0;
    for value in values {
        let setting = format!("{name}={value}");
        let single = path("single.safetensors");
        alone = run(&["-p", &setting, "--force"], &single);
        let swept = path(&format!("out-{name}-{value}.safetensors"));
        let (swept, single) = (std::fs::read(swept), std::fs::read(single));
        assert!(
            swept.expect("a file") == single.expect("a file"),
            "{name} {value}"
        );
    }
    (together, alone)
}

#[test]
fn a_sweep_writes_what_single_merges_write_and_reads_the_inputs_once() {
    let tuned = "rot180.safetensors flip.safetensors shift.safetensors";
    for (merge, name, values) in [
        (
            "-M slerp rot180.safetensors flip.safetensors",
            "t",
            "0.1 0.3 0.9",
        ),
        (
            "-M task_arithmetic -b base.safetensors",
            "lambda",
            "0.4 1 -0.7 2.5",
        ),
        (
            "-M ties -p density=0.3 -b base.safetensors",
            "lambda",
            "0.4 1 1.3",
        ),
        (
            "-M dare_ties -b base.safetensors --seed 3",
            "lambda",
            "0.5 1",
        ),
    ] {
        let tuned = if name == "t" { "" } else { tuned };
        let line = format!("merge {merge} {tuned}");
        let (together, alone) = compare(&words(&line), name, &words(values));
        assert_eq!(together, alone, "{line}");
    }
    for options in ["", "-p scope=model --memory 22MiB"] {
        let line = format!("merge -M ties -b base.safetensors {tuned} {options}");
        compare(&words(&line), "density", &["0.1", "0.5", "1"]);
    }
}

/// Sweeps the parameter of a recipe's last line and runs it with one of the values: the bytes must
/// be the same, and those of another value must not.
fn compare_recipe(lines: &[&str], name: &str, [one, other]: [&str; 2]) {
    let scratch = tempfile::tempdir().expect("a temporary folder");
    let recipe = |value: &str| {
        let models = ["base", "rot180", "flip"];
        let mut text = "version 0.1.0\n".to_owned();
        for model in models {
            text += &format!("model \"{model}.safetensors\"\n");
        }
        text + &lines.join("\n").replace("VALUE", value)
    };
    let run = |value: &str, options: &[&str], name: &str| {
        let path = scratch.path().join("r.mecha");
        std::fs::write(&path, recipe(value)).expect("written");
        let output = scratch.path().join(name).display().to_string();
        let line = ["run", path.to_str().expect("UTF-8"), "-o", &output, "-q"];
        let plain = ["--metadata", "none", "--memory", "26MiB"];
        succeeds(Path::new(MODELS), &[&line[..], &plain, options].concat());
    };
    let sweep = format!("{name}={one},{other}");
    run("0", &["--sweep", &sweep], "out.safetensors");
    run(other, &[], "single.safetensors");
    let read = |name: &str| std::fs::read(scratch.path().join(name)).expect("a file");
    let single = read("single.safetensors");
    assert!(read(&format!("out-{name}-{other}.safetensors")) == single);
    assert!(read(&format!("out-{name}-{one}.safetensors")) != single);
    assert!(!scratch.path().join("out.safetensors").exists());
}

#[test]
fn the_last_merge_of_a_recipe_that_has_the_parameter_is_swept() {
    let twice = [
        "merge \"weighted_sum\" &1 &2 alpha=0.2",
        "merge \"weighted_sum\" &3 &1 alpha=VALUE",
    ];
    compare_recipe(&twice, "alpha", ["0.5", "0.75"]);
}

#[test]
fn what_the_host_makes_is_swept() {
    let differences = ["merge \"subtract\" &1 &0", "merge \"subtract\" &2 &0"];
    let added = ["merge \"add_difference\" &0 &5 alpha=VALUE"];
    for method in [
        "merge \"ties_sum_with_dropout\" &3 &4 probability=0.5 seed=7",
        "merge \"ties_sum_with_dropout\" &3 &4 probability=0.5 seed=7 della_eps=0.1",
        "merge \"model_stock\" &3 &4",
        "merge \"geometric_median\" &3 &4 maxiter=3",
    ] {
        let lines = [&differences[..], &[method], &added].concat();
        compare_recipe(&lines, "alpha", ["0.5", "-1.5"]);
    }
}

#[test]
fn a_sweep_of_no_parameter_is_refused() {
    let refused = |sweep: &str| {
        let models = "rot180.safetensors flip.safetensors";
        let line = format!("merge -M slerp {models} -o never.safetensors --sweep {sweep}");
        refuses(Path::new(MODELS), &words(&line))
    };
    let message = "no merge of the recipe has a parameter `density` that is one number";
    assert!(refused("density=0:1:0.5").contains(message));
    assert!(refused("t=0:inf:1").contains("is not of the form NAME=START:END:STEP"));
}
