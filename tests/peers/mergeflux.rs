//! MergeFlux's two scripts.

use std::path::Path;

use serde_json::Value;
use wgmerge::checkpoint::Checkpoint;

use super::{Peer, Statistics, Tolerance, compare, figures};
use crate::support::command::said;
use crate::support::tensors::decoded;

/// Cases of which the outcome is another on purpose: a machine without CUDA is no error here.
const NO_CUDA: [&str; 2] = ["mix_no_cuda", "delta_no_cuda"];

/// The script's first version has other defaults.
const FIRST_VERSION: &str = "a6802f1";

/// The arguments of a case, with where the output goes.
fn arguments(case: &Value, output: &Path) -> Vec<String> {
    let command = case["command"].as_str().expect("a command");
    let mut words: Vec<String> = command.split(' ').map(str::to_owned).collect();
    for word in &mut words {
        if word == "OUT" {
            *word = output.display().to_string();
        }
    }
    if case["version"] == FIRST_VERSION {
        let defaults = ["--precision", "fp16", "--saving_precision", "fp16"];
        words.extend(defaults.map(str::to_owned));
    }
    words
}

fn check(kind: &str) {
    let peer = Peer::new("mergeflux");
    let mut count = 0;
    for (number, (name, case)) in (0..).zip(&peer.cases) {
        if !name.starts_with(kind) || case["tolerance"]["kind"] == "statistics" {
            continue;
        }
        count += 1;
        let output = peer.scratch(&format!("{name}.safetensors"));
        // The ending may be left out.
        let given = match number % 2 {
            0 => output.with_extension(""),
            _ => output.clone(),
        };
        let arguments = arguments(case, &given);
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let run = peer.run(&arguments);
        let text = said(&run);
        if NO_CUDA.contains(&name.as_str()) {
            assert!(run.status.success(), "{name}: {text}");
            continue;
        }
        if case["tolerance"]["kind"] == "error" {
            assert_eq!(run.status.code(), Some(2), "{name}: {text}");
            assert!(text.starts_with("error: "), "{name}: {text}");
            assert!(!output.exists(), "{name}: something was written");
            continue;
        }
        assert!(run.status.success(), "{name}: {text}");
        compare(name, &output, &peer.expected(name), Tolerance::of(case));
        check_metadata(name, &output, &case["metadata"]);
        for line in case["log"].as_array().expect("lines") {
            let line = line.as_str().expect("a line");
            // A name, or the warning that there are no blocks.
            let part = line.split('\'').nth(1).unwrap_or("base ratios");
            assert!(text.contains(part), "{name}: {part} is not in {text}");
        }
    }
    assert!(count > 20, "{kind}: {count} cases");
}

/// Fails unless the metadata has what the script writes, and besides only what is ours.
fn check_metadata(name: &str, output: &Path, expected: &Value) {
    let found = Checkpoint::open(output).expect("a sound file");
    let expected = expected.as_object();
    for (key, value) in expected.into_iter().flatten() {
        let found = found.metadata().get(key).map(String::as_str);
        assert_eq!(found, value.as_str(), "{name}: {key}");
    }
    for key in found.metadata().keys() {
        let theirs = expected.is_some_and(|expected| expected.contains_key(key));
        let ours = key == "format" || (expected.is_some() && key == "wgmerge_recipe");
        assert!(theirs || ours, "{name}: {key}");
    }
}

#[test]
fn averages_are_those_of_the_script() {
    check("mix_");
}

#[test]
fn deltas_are_those_of_the_script() {
    check("delta_");
}

/// How often a random merge is run.
const RUNS: usize = 12;

#[test]
fn random_pruning_is_that_of_the_script_in_distribution() {
    let peer = Peer::new("mergeflux");
    let mut count = 0;
    for (name, case) in &peer.cases {
        if case["tolerance"]["kind"] == "statistics" {
            count += 1;
            check_statistics(&peer, name, case);
        }
    }
    assert_eq!(count, 4);
}

fn check_statistics(peer: &Peer, name: &str, case: &Value) {
    let output = peer.scratch("random.safetensors");
    let mut words = arguments(case, &output);
    let between = |flag: &str| {
        let begin = words.iter().position(|word| word == flag).expect("a flag") + 1;
        let paths = words[begin..]
            .iter()
            .take_while(|word| !word.starts_with("--"));
        let paths = paths.map(|path| peer.inputs().join(path));
        let models = paths.map(|path| Checkpoint::open(&path).expect("an input"));
        models.collect::<Vec<_>>()
    };
    let (bases, models) = (between("--base_model"), between("--models"));
    words.extend(["--seed".to_owned(), String::new()]);
    let mut found = std::collections::BTreeMap::new();
    for seed in 1..=RUNS {
        *words.last_mut().expect("words") = seed.to_string();
        let arguments: Vec<&str> = words.iter().map(String::as_str).collect();
        let run = peer.run(&arguments);
        assert!(run.status.success(), "{name}: {}", said(&run));
        let merged = Checkpoint::open(&output).expect("a sound file");
        for key in case["stats"].as_object().expect("tensors").keys() {
            let base = bare(&bases[0], key).expect("the base has it");
            let models: Vec<Option<Vec<f64>>> =
                models.iter().map(|model| bare(model, key)).collect();
            let figures = figures(&decoded(&merged, key), &base, &models);
            found
                .entry(key.clone())
                .or_insert_with(Statistics::new)
                .add(figures);
        }
    }
    let runs = case["runs"].as_f64().expect("runs");
    for (key, theirs) in case["stats"].as_object().expect("tensors") {
        let what = format!("{name}: {key}");
        let own = &found[key];
        own.check(&what, "kept", &theirs["nonzero_share"], runs);
        for figure in ["mean", "var", "l1"] {
            own.check(&what, figure, &theirs[figure], runs);
        }
        for (at, slope) in theirs["slope"]
            .as_array()
            .expect("slopes")
            .iter()
            .enumerate()
        {
            if slope[0].is_number() {
                own.check(&what, &format!("slope{at}"), slope, runs);
            }
        }
    }
}

/// A tensor by its name without the prefix.
fn bare(model: &Checkpoint, key: &str) -> Option<Vec<f64>> {
    let prefixed = format!("model.diffusion_model.{key}");
    let name = [key, &prefixed]
        .into_iter()
        .find(|name| model.get(name).is_some())?;
    Some(decoded(model, name))
}

/// Merges with flags and gives the output.
fn merged(peer: &Peer, name: &str, arguments: &[&str]) -> (Checkpoint, String) {
    let output = peer.scratch(&format!("{name}.safetensors"));
    let path = output.display().to_string();
    let arguments = [arguments, &["--device", "cpu", "--output", &path]].concat();
    let run = peer.run(&arguments);
    assert!(run.status.success(), "{name}: {}", said(&run));
    (Checkpoint::open(&output).expect("a sound file"), said(&run))
}

const PAIR: [&str; 4] = ["mergeflux", "--models", "a.safetensors", "b.safetensors"];
const WINDOW: [&str; 6] = ["--start_ratios", "1", "0", "--end_ratios", "0", "1"];

#[test]
fn numbers_in_the_metadata_are_pythons() {
    let peer = Peer::new("mergeflux");
    let weights = ["--task_weights", "1e20", "-0.00001"];
    let arguments = [
        &[
            "mergeflux-delta",
            "--base_model",
            "base.safetensors",
            "--save-metadata",
        ][..],
        &[
            "--density",
            "0.00001",
            "--models",
            "a.safetensors",
            "b.safetensors",
        ],
        &weights,
    ]
    .concat();
    let (found, _) = merged(&peer, "python", &arguments);
    let metadata = found.metadata();
    assert_eq!(metadata["density"], "1e-05");
    assert_eq!(
        metadata["task_weights"],
        "[1.0000000200408773e+20, -9.999999747378752e-06]"
    );
}

#[test]
fn the_record_tells_the_window() {
    let peer = Peer::new("mergeflux");
    let window = [&WINDOW[..], &["--start_block", "2", "--save-metadata"]].concat();
    let (found, _) = merged(&peer, "record", &[&PAIR[..], &window].concat());
    let record: Value = serde_json::from_str(&found.metadata()["wgmerge_recipe"]).expect("JSON");
    let nodes = record["nodes"].as_array().expect("nodes");
    let scheduled = nodes.iter().filter_map(|node| node.get("scheduled"));
    let scheduled: Vec<&Value> = scheduled.collect();
    let expected = serde_json::json!({
        "outside": [0.5, 0.5],
        "start": [1.0, 0.0],
        "end": [0.0, 1.0],
        "first_block": 2,
        "last_block": 4,
        "block_order": "flux",
    });
    assert_eq!(scheduled, [&expected]);
}

#[test]
fn names_are_kept_and_blocks_counted_by_depth_where_that_is_asked_for() {
    let peer = Peer::new("mergeflux");
    let depth = [
        "--keep-prefix",
        "--block_order",
        "depth",
        "--saving_precision",
        "float",
    ];
    let (found, _) = merged(&peer, "depth", &[&PAIR[..], &WINDOW, &depth].concat());
    let [a, b] = ["a", "b"].map(|name| {
        let path = peer.inputs().join(format!("{name}.safetensors"));
        Checkpoint::open(&path).expect("an input")
    });
    // Three double blocks and five single ones: the first is all of a, the last all of b.
    for (key, share) in [
        ("double_blocks.0.txt_mlp.2.bias", 0.0),
        ("double_blocks.2.txt_mlp.2.bias", 2.0 / 7.0),
        ("single_blocks.0.linear1.weight", 3.0 / 7.0),
        ("single_blocks.4.linear1.weight", 1.0),
    ] {
        let prefixed = format!("model.diffusion_model.{key}");
        let (own, others) = (decoded(&a, &prefixed), decoded(&b, key));
        let found = decoded(&found, &prefixed);
        for ((x, a), b) in found.iter().zip(own).zip(others) {
            let expected = (1.0 - share) * a + share * b;
            assert!((x - expected).abs() < 1e-5, "{key}: {x} and {expected}");
        }
    }
}

#[test]
fn other_families_have_blocks_where_that_is_asked_for() {
    let peer = Peer::new("mergeflux");
    let pair = [
        "mergeflux",
        "--models",
        "dif.safetensors",
        "dif2.safetensors",
    ];
    let (_, said) = merged(&peer, "none", &[&pair[..], &WINDOW].concat());
    assert!(said.contains("all take the base ratios"), "{said}");
    let depth = ["--block_order", "depth", "--saving_precision", "float"];
    let (found, said) = merged(&peer, "dit", &[&pair[..], &WINDOW, &depth].concat());
    assert!(!said.contains("base ratios"), "{said}");
    for (key, from) in [
        ("transformer_blocks.0.attn.to_q.weight", "dif.safetensors"),
        (
            "single_transformer_blocks.3.proj_out.weight",
            "dif2.safetensors",
        ),
    ] {
        let from = Checkpoint::open(&peer.inputs().join(from)).expect("an input");
        assert_eq!(decoded(&found, key), decoded(&from, key), "{key}");
    }
}

#[test]
fn what_the_scripts_lack_changes_what_it_says() {
    let peer = Peer::new("mergeflux");
    let delta = [
        "mergeflux-delta",
        "--base_model",
        "base.safetensors",
        "--saving_precision",
    ];
    let delta = [
        &delta[..],
        &["float", "--models", "b.safetensors", "c.safetensors"],
    ]
    .concat();
    let base = Checkpoint::open(&peer.inputs().join("base.safetensors")).expect("an input");
    let (plain, _) = merged(&peer, "plain", &delta);
    let (half, _) = merged(&peer, "half", &[&delta[..], &["--lambda", "0.5"]].concat());
    let (whole, _) = merged(
        &peer,
        "whole",
        &[&delta[..], &["--scope", "model"]].concat(),
    );
    let mut moved = false;
    for key in base.tensors().keys() {
        let [base, plain, half, whole] =
            [&base, &plain, &half, &whole].map(|model| decoded(model, key));
        for at in 0..base.len() {
            let expected = base[at] + 0.5 * (plain[at] - base[at]);
            assert!((half[at] - expected).abs() < 1e-6, "{key}");
            moved |= whole[at] != plain[at];
        }
    }
    assert!(moved, "a trim over the whole model keeps other entries");
    let refused = [&delta[..], &["--scope", "model", "--prune_method", "none"]].concat();
    let run = peer.run(&[&refused[..], &["--output", "never"]].concat());
    assert_eq!(run.status.code(), Some(2), "{}", said(&run));
}

#[test]
fn a_dry_run_writes_nothing_and_shorthands_are_pythons() {
    let peer = Peer::new("mergeflux");
    let output = peer.scratch("dry.safetensors").display().to_string();
    let run = peer.run(&[&PAIR[..], &["--dry", "--outp", &output]].concat());
    assert!(run.status.success(), "{}", said(&run));
    assert!(!run.stdout.is_empty() && !peer.scratch("dry.safetensors").exists());
}

/// One model alone is cast as it is stored, whatever the precision of the arithmetic.
#[test]
fn what_only_one_model_has_is_not_rounded_on_the_way() {
    let peer = Peer::new("mergeflux");
    let single = [
        "mergeflux",
        "--models",
        "c.safetensors",
        "--precision",
        "bf16",
    ];
    let arguments = [&single[..], &["--saving_precision", "float"]].concat();
    let (found, _) = merged(&peer, "single", &arguments);
    let path = peer.inputs().join("c.safetensors");
    let model = Checkpoint::open(&path).expect("an input");
    for key in found.tensors().keys() {
        let expected = bare(&model, key).expect("its own tensor");
        assert_eq!(decoded(&found, key), expected, "{key}");
    }
}
