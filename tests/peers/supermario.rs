//! safetensors-merge-supermario's two scripts.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde_json::Value;
use wgmerge::checkpoint::Checkpoint;

use super::{Peer, Statistics, Tolerance, compare, figures};
use crate::support::command::said;
use crate::support::tensors::decoded;

/// Cases of which the outcome is another on purpose: the tool divides by zero, writes infinities.
const REFUSED: [&str; 1] = ["file_p1"];
/// The tool writes the base although it was told to write nothing.
const DRY: [&str; 1] = ["hf_dry"];
/// The tool cannot link a third folder, and crashes.
const BETTER: [&str; 1] = ["hf_two_more_folders"];

/// The arguments of a case. Lists lie beside the inputs.
fn arguments(case: &Value, output: &Path) -> Vec<String> {
    let command = case["command"].as_str().expect("a command");
    let command = command
        .replace("hf_merge.py", "supermario-hf")
        .replace("merge.py", "supermario")
        .replace("lists/", "../lists/");
    let words = command.split_whitespace();
    let words = words.map(|word| match word {
        "OUT" => output.display().to_string(),
        word => word.to_owned(),
    });
    words.collect()
}

fn output_of(peer: &Peer, name: &str, case: &Value) -> PathBuf {
    let folder = case["files"].is_array() || name.contains("hf_") || name.contains("folder");
    match folder && name != "file_with_folder" {
        true => peer.scratch(name),
        false => peer.scratch(&format!("{name}.safetensors")),
    }
}

fn run(peer: &Peer, arguments: &[String]) -> std::process::Output {
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    peer.run(&[&arguments[..], &["--device", "cpu"]].concat())
}

#[test]
fn merges_are_those_of_the_scripts() {
    let peer = Peer::new("supermario");
    std::fs::create_dir(peer.scratch("hf_output_exists")).expect("scratch");
    let mut count = 0;
    for (name, case) in &peer.cases {
        if case["tolerance"]["kind"] == "statistics" {
            continue;
        }
        count += 1;
        let output = output_of(&peer, name, case);
        let before = output.exists();
        let run = run(&peer, &arguments(case, &output));
        let text = said(&run);
        let name = name.as_str();
        if DRY.contains(&name) {
            assert!(run.status.success() && !output.exists(), "{name}: {text}");
            continue;
        }
        if BETTER.contains(&name) {
            assert!(run.status.success(), "{name}: {text}");
            continue;
        }
        let wrong = case["tolerance"]["kind"] == "error" || REFUSED.contains(&name);
        if wrong {
            assert_eq!(run.status.code(), Some(2), "{name}: {text}");
            assert!(text.starts_with("error: "), "{name}: {text}");
            assert_eq!(before, output.exists(), "{name}: something was written");
            continue;
        }
        assert!(run.status.success(), "{name}: {text}");
        let expected = peer.expected(name);
        compare(name, &output, &expected, Tolerance::of(case));
        if output.is_dir() {
            check_files(name, &output, &expected, case);
        }
    }
    assert!(count > 30, "{count} cases");
}

/// Fails unless a folder has the files that the tool's has, with their bytes where they are no
/// weights. The tool copies the index of the base, we write one that is right.
fn check_files(name: &str, found: &Path, expected: &Path, case: &Value) {
    let files = std::fs::read_dir(found).expect("a folder").flatten();
    let files = files.map(|file| file.file_name().to_string_lossy().into_owned());
    let files: BTreeSet<String> = files.collect();
    let theirs = case["files"].as_array().expect("files").iter();
    let theirs: BTreeSet<String> = theirs
        .map(|file| file.as_str().expect("a name").to_owned())
        .collect();
    assert_eq!(files, theirs, "{name}");
    for file in files {
        if file.ends_with(".safetensors") || file.ends_with(".index.json") {
            continue;
        }
        let [ours, theirs] = [found, expected].map(|folder| {
            std::fs::read(folder.join(&file)).unwrap_or_else(|fault| panic!("{file}: {fault}"))
        });
        assert_eq!(ours, theirs, "{name}: {file}");
    }
}

/// How often a random merge is run.
const RUNS: usize = 12;

#[test]
fn masks_are_those_of_the_scripts_in_distribution() {
    let peer = Peer::new("supermario");
    let mut count = 0;
    for (name, case) in &peer.cases {
        if case["tolerance"]["kind"] == "statistics" {
            count += 1;
            check_statistics(&peer, name, case);
        }
    }
    assert_eq!(count, 8);
}

fn check_statistics(peer: &Peer, name: &str, case: &Value) {
    let output = output_of(peer, name, case);
    let mut words = arguments(case, &output);
    words.retain(|word| !word.is_empty());
    let lists = words[0] == "supermario-hf";
    let models = match lists {
        true => ["fbase", "fbin"],
        false => [words[1].as_str(), words[2].as_str()],
    };
    let [base, second] = models.map(|name| {
        let path = peer.inputs().join(name);
        Checkpoint::open(&path).expect("an input")
    });
    words.extend(["--seed".to_owned(), String::new()]);
    let stats = case["stats"].as_object().expect("tensors");
    let mut found: BTreeMap<&String, Statistics> = BTreeMap::new();
    for seed in 1..=RUNS {
        *words.last_mut().expect("words") = seed.to_string();
        let mut words = words.clone();
        words.extend(lists.then(|| "--force".to_owned()));
        let run = run(peer, &words);
        assert!(run.status.success(), "{name}: {}", said(&run));
        let merged = Checkpoint::open(&output).expect("sound");
        for key in stats.keys() {
            let shape = merged.get(key).expect("a tensor").shape.to_vec();
            let base = padded(&base, key, &shape);
            let models = [Some(padded(&second, key, &shape))];
            let figures = figures(&decoded(&merged, key), &base, &models);
            found
                .entry(key)
                .or_insert_with(Statistics::new)
                .add(figures);
        }
    }
    let runs = case["runs"].as_f64().expect("runs");
    for (key, theirs) in stats {
        let what = format!("{name}: {key}");
        for figure in ["kept", "mean", "var", "l1"] {
            found[key].check(&what, figure, &theirs[figure], runs);
        }
        found[key].check(&what, "slope0", &theirs["slope"], runs);
    }
}

/// A tensor's values, a matrix filled up with zeros to a shape.
fn padded(model: &Checkpoint, key: &str, shape: &[u64]) -> Vec<f64> {
    let values = decoded(model, key);
    let own = model.get(key).expect("a tensor").shape.to_vec();
    if own == shape {
        return values;
    }
    let ([rows, columns], [_, own_columns]) = (shape, &own[..]) else {
        panic!("{key}: {own:?} in {shape:?}");
    };
    let at = |row: u64, column: u64| match column < *own_columns {
        true => values.get((row * own_columns + column) as usize).copied(),
        false => None,
    };
    let cells = (0..*rows).flat_map(|row| (0..*columns).map(move |column| (row, column)));
    cells
        .map(|(row, column)| at(row, column).unwrap_or(0.0))
        .collect()
}

/// Each model is merged into those before it, with a mask of its own.
#[test]
fn a_list_is_merged_in_its_order() {
    let peer = Peer::new("supermario");
    let list = peer.scratch("list.txt");
    let inputs = peer.inputs();
    let [a, b] = ["a", "b"].map(|name| inputs.join(format!("{name}.safetensors")));
    let text = format!("{}\n{}\n\n{}\n", a.display(), b.display(), a.display());
    std::fs::write(&list, text).expect("scratch");
    let words = |output: &str, more: &[&str]| {
        let mut words = vec!["supermario-hf".to_owned(), list.display().to_string()];
        words.push(peer.scratch(output).display().to_string());
        words.extend(more.iter().map(|word| (*word).to_owned()));
        words
    };
    let first = run(
        &peer,
        &words("one", &["-p", "0.5", "-lambda=1", "-staging", "x"]),
    );
    assert!(first.status.success(), "{}", said(&first));
    assert!(said(&first).contains("no meaning"), "{}", said(&first));
    let merged = Checkpoint::open(&peer.scratch("one")).expect("sound");
    let [a, b] = [a, b].map(|path| Checkpoint::open(&path).expect("an input"));
    let key = "w1";
    let [x, a, b] = [&merged, &a, &b].map(|model| decoded(model, key));
    // To a is added 0 or 2 (b - a); what is there then moves to 2 a minus itself, or stays.
    let mut counts = [0; 4];
    for ((x, a), b) in x.iter().zip(a).zip(b) {
        let d = b - a;
        let near = |y: f64| (x - y).abs() < 1e-5;
        let place = [a, a + 2.0 * d, a - 2.0 * d].into_iter().position(near);
        counts[place.expect("one of the outcomes")] += 1;
    }
    // One mask for both would give the first or the last alone.
    assert!(counts[..3].iter().all(|count| *count > 40), "{counts:?}");
    let second = run(&peer, &words("one", &[]));
    assert_eq!(second.status.code(), Some(2), "{}", said(&second));
    let forced = run(&peer, &words("one", &["--force"]));
    assert!(forced.status.success(), "{}", said(&forced));
}

#[test]
fn what_p_means_is_said() {
    let peer = Peer::new("supermario");
    for command in ["supermario", "supermario-hf"] {
        let help = peer.run(&[command, "--help"]);
        let text = String::from_utf8_lossy(&help.stdout).into_owned();
        assert!(
            text.contains("KEPT") && text.contains("dare_linear"),
            "{text}"
        );
    }
    let run = peer.run(&[
        "supermario",
        "a.safetensors",
        "b.safetensors",
        "o.safetensors",
        "-p",
        "1",
    ]);
    let text = said(&run);
    assert!(text.contains("share of entries that is kept"), "{text}");
}
