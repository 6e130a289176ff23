//! Random methods: their statistics over seeds are those of mergekit.

use std::path::Path;

use serde_json::Value;

use super::cases::{Case, cases};
use super::compare::Weights;
use super::{data, succeeds};

/// Runs of each case.
const RUNS: u64 = 6;
/// Runs of mergekit behind its statistics.
const THEIRS: f64 = 40.0;

/// What is measured of a tensor of one run.
struct Measured {
    nonzero_share: f64,
    mean: f64,
    var: f64,
    l1: f64,
}

fn measure(merged: &[f32], base: &[f32], moved: usize) -> Measured {
    let differences: Vec<f64> = merged
        .iter()
        .zip(base)
        .map(|(own, base)| f64::from(*own) - f64::from(*base))
        .collect();
    let n = differences.len() as f64;
    let mean = differences.iter().sum::<f64>() / n;
    Measured {
        nonzero_share: differences.iter().filter(|x| **x != 0.0).count() as f64
            / moved.max(1) as f64,
        mean,
        var: differences.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n,
        l1: differences.iter().map(|x| x.abs()).sum(),
    }
}

/// Runs a case with a seed.
fn run(case: &Case, seed: u64, output: &Path) -> Weights {
    let mut arguments = case.arguments(output);
    let at = arguments.iter().position(|word| word == "--random-seed");
    arguments[at.expect("a seed") + 1] = seed.to_string();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    succeeds(&data().join("models"), &arguments);
    Weights::open(output)
}

fn check(case: &Case) {
    let stats = case.tolerance()["file"].as_str().expect("statistics");
    let text = std::fs::read_to_string(data().join(stats)).expect("statistics");
    let stats: Value = serde_json::from_str(&text).expect("JSON");
    let inputs = case.fields["inputs"].as_array().expect("inputs");
    let base = inputs.iter().filter_map(Value::as_str);
    let base = base
        .into_iter()
        .find(|name| name.ends_with("/base"))
        .expect("a base");
    let base = Weights::open(&data().join("models").join(base));
    let folder = tempfile::tempdir().expect("a temporary folder");
    let runs: Vec<Weights> = (0..RUNS)
        .map(|seed| run(case, seed, &folder.path().join(seed.to_string())))
        .collect();
    for (name, expected) in stats["tensors"].as_object().expect("tensors") {
        let moved = expected["moved"].as_u64().expect("a count") as usize;
        let base = base.values(name);
        let measured: Vec<Measured> = runs
            .iter()
            .map(|run| measure(&run.values(name), &base, moved))
            .collect();
        let mean = |of: fn(&Measured) -> f64| measured.iter().map(of).sum::<f64>() / RUNS as f64;
        for (what, own) in [
            ("nonzero_share", mean(|own| own.nonzero_share)),
            ("mean", mean(|own| own.mean)),
            ("var", mean(|own| own.var)),
            ("l1", mean(|own| own.l1)),
        ] {
            let theirs = &expected[what];
            let number = |at: usize| theirs[at].as_f64().expect("a number");
            let spread = 5.0 * number(1) * (1.0 / RUNS as f64 + 1.0 / THEIRS).sqrt();
            // The sum of magnitudes stays what it was: in f32 to its digits, in bf16 to a percent.
            let digits = if case.name.contains("bf16") {
                0.01
            } else {
                2e-5
            };
            let allowed = spread.max(digits * number(0).abs());
            let far = (own - number(0)).abs();
            assert!(
                far <= allowed,
                "{}: {name}: {what} {own}, not {theirs}",
                case.name
            );
        }
    }
}

/// Cases by a part of their names, each of whose outputs depends on the seed.
fn check_all(part: &str) -> usize {
    let cases = cases();
    let random = cases.values().filter(|case| case.topic == "random");
    let random = random.filter(|case| case.name.contains(part));
    random.map(check).count()
}

#[test]
fn dare() {
    assert_eq!(check_all("dare"), 7);
}

#[test]
fn della() {
    assert_eq!(check_all("della"), 4);
}

/// Of one model's entries large ones are kept more often than small ones of the same row.
#[test]
fn della_spares_large_entries() {
    let cases = cases();
    let case = &cases["rnd_della_linear_one"];
    let stats = data().join(case.tolerance()["file"].as_str().expect("statistics"));
    let text = std::fs::read_to_string(stats).expect("statistics");
    let stats: Value = serde_json::from_str(&text).expect("JSON");
    let models = data().join("models/llama");
    let [base, model] = ["base", "c"].map(|name| Weights::open(&models.join(name)));
    let folder = tempfile::tempdir().expect("a temporary folder");
    let name = "model.embed_tokens.weight";
    let theirs = stats["tensors"][name]["kept_by_magnitude_quarter"].clone();
    let theirs: Vec<f64> = serde_json::from_value(theirs).expect("shares");
    let deltas: Vec<f32> = model
        .values(name)
        .iter()
        .zip(base.values(name))
        .map(|(m, b)| m - b)
        .collect();
    let columns = 16;
    let mut kept = [0.0; 4];
    for seed in 0..RUNS {
        let merged = run(case, seed, &folder.path().join(seed.to_string())).values(name);
        let moved: Vec<bool> = merged
            .iter()
            .zip(base.values(name))
            .map(|(m, b)| *m != b)
            .collect();
        for (deltas, moved) in deltas.chunks(columns).zip(moved.chunks(columns)) {
            let mut order: Vec<usize> = (0..columns).collect();
            order.sort_by(|a, b| deltas[*a].abs().total_cmp(&deltas[*b].abs()));
            for (rank, at) in order.into_iter().enumerate() {
                kept[4 * rank / columns] += f64::from(u8::from(moved[at]));
            }
        }
    }
    let all = (deltas.len() / 4) as f64 * RUNS as f64;
    for (kept, theirs) in kept.iter().zip(theirs) {
        assert!(
            (kept / all - theirs).abs() < 0.08,
            "{kept} of {all}, not {theirs}"
        );
    }
}
