//! Real networks, merged and evaluated: the accuracies that an independent f64 oracle found.
//!
//! `tests/data/digits` has the networks, the evaluation data and `accuracy.json`, which
//! `tests/oracle/oracle.py` computed without this program. Accuracies are shares of 597 images; one
//! image of each split may fall on the other side, because the merged weights are f32.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};

use serde_json::Value;
use wgmerge::checkpoint::Checkpoint;
use wgmerge::recipe::Options;

use crate::support::models::Case;
use crate::support::tensors::tensor;

const IMAGES: usize = 597;

fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/data/digits")
        .join(name)
}

fn network(name: &str) -> PathBuf {
    data(&format!("{name}.safetensors"))
}

/// The 64-256-256-10 network with its layers' weights (row-major) and biases.
struct Network {
    layers: Vec<(Vec<f32>, Vec<f32>)>,
}

impl Network {
    fn open(path: &Path) -> Network {
        let checkpoint = Checkpoint::open(path).expect("a network");
        let layer = |number: usize| {
            let part = |part: &str| tensor(&checkpoint, &format!("{number}.{part}"));
            (part("weight"), part("bias"))
        };
        Network {
            layers: [0, 2, 4].map(layer).into(),
        }
    }

    /// The digit that the network sees in an image of 64 pixels.
    fn digit(&self, image: &[f32]) -> i64 {
        let mut x = image.to_vec();
        for (number, (weight, bias)) in self.layers.iter().enumerate() {
            let rows = weight.chunks_exact(x.len()).zip(bias);
            x = rows
                .map(|(row, bias)| bias + dot(row, &x))
                .map(|y| if number < 2 { y.max(0.0) } else { y })
                .collect();
        }
        let best = x.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1));
        best.map_or(-1, |(digit, _)| digit as i64)
    }

    /// How many images of a split it gets right.
    fn correct(&self, images: &[f32], labels: &[i64]) -> usize {
        let images = images.chunks_exact(64).zip(labels);
        images
            .filter(|(image, label)| self.digit(image) == **label)
            .count()
    }
}

/// The dot product in eight sums, which a compiler can do at once.
fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut sums = [0.0; 8];
    for (a, b) in a.as_chunks::<8>().0.iter().zip(b.as_chunks::<8>().0) {
        for ((sum, a), b) in sums.iter_mut().zip(a).zip(b) {
            *sum += a * b;
        }
    }
    sums.iter().sum()
}

/// The test images of every split and their labels.
struct Evaluation {
    splits: BTreeMap<String, Vec<f32>>,
    labels: Vec<i64>,
}

impl Evaluation {
    fn open() -> Evaluation {
        let checkpoint = Checkpoint::open(&data("eval.safetensors")).expect("the evaluation data");
        let info = checkpoint.get("labels").expect("labels");
        let mut bytes = vec![0; info.bytes() as usize];
        checkpoint
            .read_at(info.file, info.span.start, &mut bytes)
            .expect("its bytes");
        let labels = bytes
            .as_chunks::<8>()
            .0
            .iter()
            .map(|word| i64::from_le_bytes(*word));
        let names = checkpoint.tensors().keys().filter(|key| *key != "labels");
        let splits = names.map(|name| (name.clone(), tensor(&checkpoint, name)));
        Evaluation {
            splits: splits.collect(),
            labels: labels.collect(),
        }
    }
}

/// A row of `accuracy.json`.
fn rows() -> Vec<Value> {
    let text = std::fs::read_to_string(data("accuracy.json")).expect("accuracy.json");
    serde_json::from_str(&text).expect("JSON")
}

fn models(row: &Value) -> Vec<PathBuf> {
    let names = row["parameters"]["models"].as_array().expect("models");
    names
        .iter()
        .map(|name| network(name.as_str().expect("a name")))
        .collect()
}

/// Merges as a row says; the path of the result.
fn merged(row: &Value, folder: &Path) -> PathBuf {
    let method = row["method"].as_str().expect("a method");
    let models = models(row);
    if method == "single" {
        return models[0].clone();
    }
    let given = &row["parameters"];
    let mut parameters = Vec::new();
    for (name, ours) in [
        ("lambda", "lambda"),
        ("density", "density"),
        ("t", "t"),
        ("trim_density", "trim"),
    ] {
        if let Some(value) = given[name].as_f64() {
            parameters.push(format!("{ours}={value}"));
        }
    }
    if let Some(scope) = given["scope"].as_str() {
        parameters.push(format!("scope={scope}"));
    }
    let base = network("base");
    let base = (!matches!(method, "linear" | "slerp")).then_some(&base);
    let parameters: Vec<&str> = parameters.iter().map(String::as_str).collect();
    let options = Options {
        seed: given["seed"].as_u64().unwrap_or(0),
        ..Options::default()
    };
    let output = folder.join("merged.safetensors");
    let case = Case {
        parameters: &parameters,
        options,
        ..Case::new(method, base, &models)
    };
    case.run(&output, None)
        .unwrap_or_else(|fault| panic!("{row}: {fault}"));
    output
}

#[test]
fn merged_networks_are_as_accurate_as_the_oracle_says() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let evaluation = Evaluation::open();
    assert_eq!(evaluation.labels.len(), IMAGES);
    let rows = rows();
    assert!(rows.len() > 100, "the oracle's table");
    for row in &rows {
        let network = Network::open(&merged(row, folder.path()));
        for (split, images) in &evaluation.splits {
            let expected = row["accuracy"][split].as_f64().expect("an accuracy") * IMAGES as f64;
            let found = network.correct(images, &evaluation.labels) as f64;
            assert!(
                (found - expected).abs() < 1.5,
                "{row}: {found} of {split} right"
            );
        }
    }
}

#[test]
fn merged_tensors_are_those_of_the_oracle() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for entry in std::fs::read_dir(data("expected")).expect("the oracle's tensors") {
        let path = entry.expect("an entry").path();
        let expected = Checkpoint::open(&path).expect("a file of the oracle");
        let row: Value = serde_json::from_str(&expected.metadata()["case"]).expect("a case");
        let found = Checkpoint::open(&merged(&row, folder.path())).expect("a merged network");
        for key in expected.tensors().keys() {
            let (expected, found) = (tensor(&expected, key), tensor(&found, key));
            // The oracle keeps the last rows of large tensors.
            let found = &found[found.len() - expected.len()..];
            let square = |x: &f32| f64::from(*x) * f64::from(*x);
            let rms = (expected.iter().map(square).sum::<f64>() / expected.len() as f64).sqrt();
            for (a, b) in expected.iter().zip(found) {
                let off = f64::from((a - b).abs());
                assert!(off <= 1e-6 * rms, "{}: {key}: {a} and {b}", path.display());
            }
        }
    }
}

/// The accuracy of a row on one split, or on those of its models.
fn accuracy(rows: &[Value], method: &str, wanted: &[(&str, f64)], models: usize) -> f64 {
    let fits = |row: &&Value| {
        let given = &row["parameters"];
        let equal = |(name, value): &(&str, f64)| given[*name].as_f64() == Some(*value);
        row["method"] == method
            && given["models"].as_array().map(Vec::len) == Some(models)
            && given["scope"] != "model"
            && wanted.iter().all(equal)
    };
    let row = rows
        .iter()
        .find(fits)
        .unwrap_or_else(|| panic!("{method} {wanted:?}"));
    row["mean_own"].as_f64().expect("a mean")
}

#[test]
fn the_oracle_shows_what_the_papers_say() {
    let rows = rows();
    let all = |method, wanted: &[(&str, f64)]| accuracy(&rows, method, wanted, 4);
    let average = all("linear", &[]);
    let tasks = all("task_arithmetic", &[("lambda", 0.4)]);
    let ties = all("ties", &[("lambda", 1.3), ("density", 0.5)]);
    assert!(average < tasks && tasks < ties, "{average} {tasks} {ties}");
    let pair = |density| {
        let wanted = [("lambda", 0.7), ("density", density), ("seed", 0.0)];
        accuracy(&rows, "dare_linear", &wanted, 2)
    };
    let undropped = accuracy(&rows, "task_arithmetic", &[("lambda", 0.7)], 2);
    assert!(
        (pair(0.5) - undropped).abs() < 0.03,
        "dropping half costs nothing"
    );
    assert!(
        pair(0.1) < pair(0.5),
        "dropping nine tenths of so small a network does"
    );
}

/// How the document begins.
const HEAD: &str = "# Accuracy of merged networks

Generated from `tests/data/digits/accuracy.json` by the tests; `WGMERGE_BLESS=1 tests/run` renews
it.

A 64-256-256-10 network was trained on handwritten digits, then fine-tuned on images that were
turned, inverted, mirrored or shifted. The table shows the share of right answers on each kind of
image after a merge, and the mean over the kinds that the merged networks were trained for. The
figures are those of an independent f64 computation; the tests hold this program to them, to within
one image of 597.

| method | parameters | clean | rot180 | invert | flip | shift | own |
|---|---|---:|---:|---:|---:|---:|---:|
";

/// The table of the document.
fn table(rows: &[Value]) -> String {
    let mut text = String::from(HEAD);
    for row in rows {
        let given = row["parameters"].as_object().expect("parameters");
        if given.get("seed").is_some_and(|seed| *seed != 0) {
            continue;
        }
        let names = given["models"].as_array().expect("models");
        let names: Vec<&str> = names.iter().filter_map(Value::as_str).collect();
        let settings = given
            .iter()
            .filter(|(name, _)| !matches!(name.as_str(), "models" | "seed"));
        let settings = settings.map(|(name, value)| format!("{name} {value}").replace('"', ""));
        let mut parameters = vec![names.join(" + ")];
        parameters.extend(settings);
        let share = |value: &Value| format!("{:.3}", value.as_f64().unwrap_or_default());
        let splits = ["clean", "rot180", "invert", "flip", "shift"];
        let cells = splits
            .map(|split| share(&row["accuracy"][split]))
            .join(" | ");
        let method = row["method"].as_str().unwrap_or_default();
        let own = share(&row["mean_own"]);
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "| {method} | {} | {cells} | {own} |",
            parameters.join(", ")
        );
    }
    text
}

#[test]
fn the_document_shows_the_table() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/ACCURACY.md");
    let expected = table(&rows());
    if std::env::var_os("WGMERGE_BLESS").is_some_and(|value| value == "1") {
        std::fs::write(&path, &expected).expect("a writable document");
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        expected == found,
        "docs/ACCURACY.md is stale: WGMERGE_BLESS=1 renews it"
    );
}
