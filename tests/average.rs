//! `wgmerge average`: schedules, counts, windows, order.

mod limits;
mod refusals;

use std::collections::BTreeMap;

use serde_json::Value;
use wgmerge::checkpoint::Checkpoint;
use wgmerge::dtype::{DType, Float};
use wgmerge::recipe::average::{Schedule, by_name};

use crate::cli::World;
use crate::support::command::said;
use crate::support::models::{Tensor, floats, values, write};
use crate::support::tensors::{bytes, tensor};

/// Elements of the larger tensor of each checkpoint.
const ELEMENTS: usize = 5000;

/// A world with checkpoints `step-1` to `step-N` of one run.
fn run_of(checkpoints: u64, float: Float) -> World {
    let world = World::new();
    for step in 1..=checkpoints {
        let steps = Tensor {
            name: "steps".to_owned(),
            dtype: DType::I64,
            shape: vec![],
            bytes: step.to_le_bytes().to_vec(),
        };
        let weight = values(ELEMENTS, 1, step);
        let bias = values(7, 2, step);
        let tensors = [
            floats("a.weight", float, &[ELEMENTS as u64], &weight),
            floats("b.bias", float, &[7], &bias),
            steps,
        ];
        write(&world.path(&name(step)), &tensors);
    }
    world
}

fn name(step: u64) -> String {
    format!("step-{step}.safetensors")
}

fn names(steps: impl IntoIterator<Item = u64>) -> Vec<String> {
    steps.into_iter().map(name).collect()
}

/// Averages in a world; the JSON of the report.
#[track_caller]
fn average(world: &World, checkpoints: &[String], more: &[&str]) -> Value {
    let mut all = vec!["average", "--device", "cpu", "--json"];
    all.extend(checkpoints.iter().map(String::as_str));
    all.extend(more);
    let output = world.run(&all);
    assert!(output.status.success(), "{more:?}: {}", said(&output));
    serde_json::from_slice(&output.stdout).expect("JSON")
}

/// That an output is the sum of the last checkpoints up to `last` under weights, the oldest first.
#[track_caller]
fn check_sum(world: &World, output: &str, last: u64, weights: &[f64]) {
    let merged = Checkpoint::open(&world.path(output)).expect("an output");
    let mut sum = vec![0.0; ELEMENTS];
    for (step, weight) in (1..=last).rev().zip(weights.iter().rev()) {
        let own = Checkpoint::open(&world.path(&name(step))).expect("a checkpoint");
        for (sum, value) in sum.iter_mut().zip(tensor(&own, "a.weight")) {
            *sum += weight * f64::from(value);
        }
    }
    for (found, expected) in tensor(&merged, "a.weight").iter().zip(sum) {
        let off = (f64::from(*found) - expected).abs();
        assert!(off < 5e-7, "{output}: {found} is not {expected}");
    }
    assert_eq!(bytes(&merged, "steps"), last.to_le_bytes(), "{output}");
}

/// Weights by schedule and number of checkpoints, as other tools compute them.
fn golden() -> BTreeMap<String, BTreeMap<usize, Vec<f64>>> {
    let mut golden: BTreeMap<String, BTreeMap<usize, Vec<f64>>> =
        serde_json::from_str(include_str!("data/average/weights.json")).expect("its form");
    let even = [2, 3, 8, 16].map(|n| (n, vec![1.0 / n as f64; n]));
    golden.insert("uniform".to_owned(), even.into_iter().collect());
    golden
}

#[test]
fn weights_are_those_of_other_tools() {
    for (text, known) in golden() {
        let schedule = Schedule::parse(&text).expect("a schedule");
        assert_eq!(schedule.to_string(), text);
        for (n, expected) in known {
            let found = schedule.weights(n);
            assert_eq!(found.len(), n);
            for (found, expected) in found.iter().zip(&expected) {
                assert!((found - expected).abs() < 1e-15, "{text} {n}: {found}");
            }
        }
    }
    for text in [
        "", "ema", "ema:", "ema:0", "ema:1.1", "ema:-1", "ema:nan", "Uniform",
    ] {
        assert_eq!(Schedule::parse(text), None, "{text}");
    }
}

#[test]
fn each_schedule_gives_its_sum_of_each_window() {
    let world = run_of(17, Float::F32);
    for (schedule, known) in golden() {
        let more = ["--schedule", &schedule, "--windows", "8,2,16,3", "--force"];
        let report = average(
            &world,
            &names(1..=17),
            &[&more[..], &["-o", "out-{window}.safetensors"]].concat(),
        );
        assert_eq!(report["outputs"].as_array().map(Vec::len), Some(4));
        let notes = report["notes"].to_string();
        assert!(notes.contains("1 checkpoint older"), "{notes}");
        for (window, weights) in known {
            check_sum(&world, &format!("out-{window}.safetensors"), 17, &weights);
        }
    }
}

/// Every window is the file that a run of its own writes, whatever order the checkpoints are given
/// in, and all windows together read no more than the largest.
#[test]
fn windows_and_orders_change_no_byte() {
    let world = run_of(11, Float::BF16);
    let more = ["--schedule", "ema:0.3"];
    let windows = ["--windows", "2,5,11", "-o", "all.safetensors"];
    let together = average(&world, &names(1..=11), &[&more[..], &windows].concat());
    let mut read = 0;
    for (window, shuffled) in [
        (2, names([11, 10])),
        (5, names([7, 11, 9, 8, 10])),
        (11, names([3, 11, 1, 10, 2, 9, 4, 8, 5, 7, 6])),
    ] {
        let output = format!("own-{window}.safetensors");
        let own = average(&world, &shuffled, &[&more[..], &["-o", &output]].concat());
        read = own["bytes_read"].as_u64().expect("a number");
        let window = format!("all-window-{window}.safetensors");
        let [own, window] = [output, window].map(|name| std::fs::read(world.path(&name)));
        assert!(
            own.expect("a file") == window.expect("a file"),
            "{shuffled:?}"
        );
    }
    assert_eq!(together["bytes_read"], read);
    // Given as they are, the last one is the newest.
    let given = ["--order", "given", "-o", "given.safetensors"];
    average(&world, &names([2, 1]), &[&more[..], &given].concat());
    check_order(&world, "given.safetensors");
    let models = average(&world, &names([10, 9]), &["-o", "x{window}.safetensors"]);
    assert!(world.path("x2.safetensors").is_file());
    let models = models["models"].as_array().expect("a list");
    let first = models[0]["path"].as_str().expect("a path");
    assert_eq!(first, "step-10.safetensors");
}

fn check_order(world: &World, output: &str) {
    let merged = Checkpoint::open(&world.path(output)).expect("an output");
    assert_eq!(bytes(&merged, "steps"), 1_u64.to_le_bytes());
}

#[test]
fn names_are_sorted_with_their_numbers() {
    let sorted = [
        "a/2",
        "a/10",
        "a/iter_0000009/model.safetensors",
        "a/iter_0000010/model.safetensors",
        "b",
        "run2-step9",
        "run2-step010",
        "run2-step10-best",
        "run2-step99999999999999999999998",
        "run2-step99999999999999999999999",
        "run10-step1",
    ];
    let mut paths: Vec<_> = sorted.iter().rev().map(Into::into).collect();
    paths.swap(0, 4);
    by_name(&mut paths);
    let found: Vec<&str> = paths.iter().filter_map(|path| path.to_str()).collect();
    assert_eq!(found, sorted);
}

#[test]
fn counts_weigh_clients() {
    let world = run_of(3, Float::F32);
    let counts =
        r#"{"step-1.safetensors": 1, "./step-2.safetensors": 2.5e1, "step-3.safetensors": 74}"#;
    std::fs::write(world.path("counts.json"), counts).expect("a file");
    let files = [
        "step-3.safetensors",
        "./step-2.safetensors",
        "step-1.safetensors",
    ];
    let files = files.map(str::to_owned);
    let more = ["--weights", "counts.json", "-o", "server.safetensors"];
    // The file beside the folder's others comes first in the order of names.
    average(&world, &files, &[&more[..], &["--order", "given"]].concat());
    let merged = Checkpoint::open(&world.path("server.safetensors")).expect("an output");
    let models = [3, 2, 1].map(|step| Checkpoint::open(&world.path(&name(step))).expect("a model"));
    let models = models.map(|model| tensor(&model, "b.bias"));
    for (at, found) in tensor(&merged, "b.bias").into_iter().enumerate() {
        let shares = [0.74, 0.25, 0.01].iter().zip(&models);
        let expected: f64 = shares
            .map(|(share, model)| share * f64::from(model[at]))
            .sum();
        assert!(
            (f64::from(found) - expected).abs() < 5e-7,
            "{found} {expected}"
        );
    }
    let record = &merged.metadata()["wgmerge_recipe"];
    let record: Value = serde_json::from_str(record).expect("JSON");
    let weights = &record["nodes"][3]["parameters"]["weight"];
    assert_eq!(weights, &serde_json::json!([1.0, 25.0, 74.0]));
    assert_eq!(record["inputs"][1]["name"], "step-2.safetensors");
    assert_eq!(
        record["average"],
        "3 checkpoints, the newest first, weighted by counts"
    );
}

#[test]
fn a_report_has_the_hashes_of_checkpoints() {
    let world = run_of(2, Float::F32);
    let report = average(&world, &names(1..=2), &["-o", "out.safetensors", "--hash"]);
    for (model, step) in [(0, 2), (1, 1)] {
        let files = report["models"][model]["sha256"].as_array().expect("files");
        let [file] = &files[..] else {
            panic!("{files:?}");
        };
        assert_eq!(file["file"], name(step));
        let hash = wgmerge::sink::digest(&world.path(&name(step)));
        assert_eq!(file["sha256"], hash.expect("a checkpoint"));
    }
}
