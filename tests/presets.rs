//! Methods that are others with fixed options, against the tools and papers whose options they are.

use std::path::{Path, PathBuf};

use serde_json::Value;
use wgmerge::dtype::Float;

use crate::golden::{close, data};
use crate::laws::folder;
use crate::support::models::{Case, floats, values, write};
use crate::support::tensors::read;

/// Tensors by name.
pub type Tensors<'a> = &'a [(&'a str, Vec<f32>)];

/// Writes models of vectors; the first one is the base.
pub fn models(folder: &Path, models: &[Tensors<'_>]) -> Vec<PathBuf> {
    let paths = models.iter().enumerate().map(|(number, tensors)| {
        let path = folder.join(format!("{number}.safetensors"));
        let tensors = tensors
            .iter()
            .map(|(name, values)| floats(name, Float::F32, &[values.len() as u64], values));
        write(&path, &tensors.collect::<Vec<_>>());
        path
    });
    paths.collect()
}

/// What a method makes of models, the first of which is the base.
pub fn merged(folder: &Path, method: &str, paths: &[PathBuf], parameters: &[&str]) -> Vec<u8> {
    let case = Case {
        parameters,
        ..Case::new(method, Some(&paths[0]), &paths[1..])
    };
    let merged = case.run(&folder.join("out.safetensors"), None);
    merged.unwrap_or_else(|fault| panic!("{method}: {fault}")).0
}

fn numbers(value: &Value) -> Vec<f32> {
    let numbers = value.as_array().expect("a list").iter();
    numbers
        .map(|x| x.as_f64().expect("a number") as f32)
        .collect()
}

#[test]
fn peft_presets_merge_as_peft_does() {
    let text = std::fs::read_to_string(data("peft/cases.json")).expect("the cases");
    let golden: Value = serde_json::from_str(&text).expect("JSON");
    let folder = folder();
    let deltas = golden["deltas"].as_array().expect("a list");
    let deltas: Vec<Vec<f32>> = deltas.iter().map(numbers).collect();
    let base = vec![0.0; deltas[0].len()];
    let all = [&[base][..], &deltas].concat();
    let all: Vec<[(&str, Vec<f32>); 1]> = all.into_iter().map(|own| [("w", own)]).collect();
    let all: Vec<Tensors<'_>> = all.iter().map(|own| &own[..]).collect();
    let paths = models(folder.path(), &all);
    let weights: Vec<String> = numbers(&golden["weights"])
        .iter()
        .map(f32::to_string)
        .collect();
    let weights = format!("weight={}", weights.join(","));
    let cases = golden["cases"].as_array().expect("a list");
    assert_eq!(cases.len(), 5);
    for case in cases {
        let method = case["method"].as_str().expect("a name");
        let parameters = case["parameters"].as_array().expect("a list").iter();
        let own = parameters.map(|text| text.as_str().expect("a text"));
        let parameters: Vec<&str> = own.chain([weights.as_str()]).collect();
        let found = read(&merged(folder.path(), method, &paths, &parameters), "w");
        let what = format!("{method} {parameters:?}");
        close(&what, &found, &numbers(&case["merged"]), 1e-6);
    }
}

/// The same options, two orders: PEFT elects signs first, MergeFlux weights first.
#[test]
fn signs_are_elected_before_the_weights_are_applied() {
    let folder = folder();
    let all = [[0.0; 3], [1.0; 3], [-2.0, -2.0, 0.5]].map(|own| [("w", own.to_vec())]);
    let paths = models(folder.path(), &all.each_ref().map(|own| &own[..]));
    let run = |method, parameters: &[&str]| {
        let parameters = [&["weight=3,1"], parameters].concat();
        read(&merged(folder.path(), method, &paths, &parameters), "w")
    };
    assert_eq!(run("peft_ties", &[]), [-2.0, -2.0, 1.75]);
    assert_eq!(run("ties", &["divisor=count"]), [3.0, 3.0, 1.75]);
}

/// An entry of weight 0 has a vote, and is one of those that the sum is divided by.
#[test]
fn entries_without_weight_vote_and_count_in_peft() {
    let folder = folder();
    let all = [[0.0; 2], [1.0, 1.0], [3.0, -3.0]].map(|own| [("w", own.to_vec())]);
    let paths = models(folder.path(), &all.each_ref().map(|own| &own[..]));
    let found = merged(folder.path(), "peft_ties", &paths, &["weight=1,0"]);
    assert_eq!(read(&found, "w"), [0.5, 0.0]);
}

#[test]
fn the_drop_of_peft_comes_before_its_election() {
    let folder = folder();
    let n = 3000;
    let all: Vec<Vec<f32>> = (0..3).map(|model| values(n, 31, model)).collect();
    let all: Vec<[(&str, Vec<f32>); 1]> = all.into_iter().map(|own| [("w", own)]).collect();
    let all: Vec<Tensors<'_>> = all.iter().map(|own| &own[..]).collect();
    let paths = models(folder.path(), &all);
    let run =
        |method, parameters: &[&str]| read(&merged(folder.path(), method, &paths, parameters), "w");
    // With one weight only, dare_linear shows what the drop leaves of a task vector.
    let base = &all[0][0].1;
    let dropped = ["weight=1,0", "weight=0,1"].map(|weight| {
        let kept = run("dare_linear", &["drop=0.4", weight]);
        let delta = kept
            .iter()
            .zip(base)
            .map(|(x, b)| f64::from(*x) - f64::from(*b));
        delta.collect::<Vec<f64>>()
    });
    let zeros = dropped[0].iter().filter(|x| **x == 0.0).count();
    assert!((1100..1300).contains(&zeros), "{zeros} of {n} are dropped");
    let expected = (0..n).map(|i| {
        let entries = [dropped[0][i], dropped[1][i]];
        let sign = if entries[0] + entries[1] >= 0.0 {
            1.0
        } else {
            -1.0
        };
        let agree = |x: &f64| x * sign > 0.0;
        let count = entries.iter().filter(|x| agree(x)).count().max(1) as f64;
        let weighted = entries.iter().zip([0.5, -2.0]).filter(|(x, _)| agree(x));
        let mean = weighted.map(|(x, w)| x * w).sum::<f64>() / count;
        (f64::from(base[i]) + mean) as f32
    });
    let expected: Vec<f32> = expected.collect();
    let found = run("peft_dare_ties", &["drop=0.4", "weight=0.5,-2"]);
    close("peft_dare_ties", &found, &expected, 1e-6);
}

/// Base and models in steps of 1/64, small enough that sums are exact and often zero.
pub fn draws(models: u64, n: usize) -> Vec<Vec<f32>> {
    let steps = |x: &f32| (x * 40.0).round() / 64.0;
    let model = |model| values(n, 31, model).iter().map(steps).collect();
    (0..models).map(model).collect()
}

/// The code of the TIES paper on whole models in one vector each, and what a mean of
/// `merge` makes of the entries; `rank` is that of the smallest kept magnitude.
fn ties(deltas: &[Vec<f64>], rank: usize, merge: fn(&[f64]) -> f64) -> Vec<f64> {
    let n = deltas[0].len();
    let trimmed = deltas.iter().map(|delta| {
        let mut sizes: Vec<f64> = delta.iter().map(|x| x.abs()).collect();
        sizes.sort_by(f64::total_cmp);
        let kept = |x: &f64| if x.abs() >= sizes[rank - 1] { *x } else { 0.0 };
        delta.iter().map(kept).collect()
    });
    let trimmed: Vec<Vec<f64>> = trimmed.collect();
    let sums = (0..n).map(|i| trimmed.iter().map(|own| own[i]).sum::<f64>());
    let mut signs: Vec<f64> = sums
        .map(|x| if x == 0.0 { 0.0 } else { x.signum() })
        .collect();
    let majority = signs.iter().sum::<f64>();
    assert!(signs.iter().filter(|sign| **sign == 0.0).count() > n / 50);
    for sign in signs.iter_mut().filter(|sign| **sign == 0.0) {
        *sign = if majority > 0.0 { 1.0 } else { -1.0 };
    }
    let merged = (0..n).map(|i| {
        let own = trimmed.iter().map(|own| own[i]);
        let agreeing: Vec<f64> = own.filter(|x| x * signs[i] > 0.0).collect();
        if agreeing.is_empty() {
            0.0
        } else {
            merge(&agreeing)
        }
    });
    merged.collect()
}

/// Two tensors of models as one vector, and the differences from the base.
fn whole(all: &[Vec<f32>]) -> Vec<Vec<f64>> {
    let delta = |own: &Vec<f32>| {
        let pairs = own.iter().zip(&all[0]);
        pairs.map(|(x, b)| f64::from(*x) - f64::from(*b)).collect()
    };
    all[1..].iter().map(delta).collect()
}

#[test]
fn the_papers_code_is_its_preset() {
    let folder = folder();
    for turned in [1.0, -1.0] {
        let all: Vec<Vec<f32>> = draws(4, 5000)
            .iter()
            .map(|own| own.iter().map(|x| x * turned).collect())
            .collect();
        // The trim ranges over both tensors.
        let parts = |own: &Vec<f32>| [("a", own[..3210].to_vec()), ("b", own[3210..].to_vec())];
        let parts: Vec<[(&str, Vec<f32>); 2]> = all.iter().map(parts).collect();
        let parts: Vec<Tensors<'_>> = parts.iter().map(|own| &own[..]).collect();
        let paths = models(folder.path(), &parts);
        let mean: fn(&[f64]) -> f64 = |own| own.iter().sum::<f64>() / own.len() as f64;
        let sum: fn(&[f64]) -> f64 = |own| own.iter().sum();
        let max: fn(&[f64]) -> f64 = |own| {
            own.iter()
                .copied()
                .reduce(|a, b| if b.abs() > a.abs() { b } else { a })
                .expect("one")
        };
        for (merge, of) in [("mean", mean), ("sum", sum), ("max", max)] {
            let rank = 5000 - (0.3337_f64 * 5000.0) as usize;
            let expected = ties(&whole(&all), rank, of);
            let merge = format!("merge={merge}");
            let parameters = ["density=0.3337", "lambda=0.75", &merge];
            let bytes = merged(folder.path(), "paper_ties", &paths, &parameters);
            let found = [read(&bytes, "a"), read(&bytes, "b")].concat();
            let expected = expected.iter().zip(&all[0]);
            let expected = expected.map(|(x, b)| (f64::from(*b) + 0.75 * x) as f32);
            close(&merge, &found, &expected.collect::<Vec<f32>>(), 1e-6);
        }
    }
}

#[test]
fn the_dare_papers_ties_trims_by_rank() {
    let folder = folder();
    let all = draws(4, 5000);
    let parts: Vec<[(&str, Vec<f32>); 1]> = all.iter().map(|own| [("a", own.clone())]).collect();
    let parts: Vec<Tensors<'_>> = parts.iter().map(|own| &own[..]).collect();
    let paths = models(folder.path(), &parts);
    let rank = ((1.0_f64 - 0.3337) * 5000.0) as usize;
    let expected = ties(&whole(&all), rank, |own| {
        own.iter().sum::<f64>() / own.len() as f64
    });
    let expected = expected.iter().zip(&all[0]);
    let expected = expected.map(|(x, b)| (f64::from(*b) + x) as f32);
    let bytes = merged(
        folder.path(),
        "paper_dare_ties",
        &paths,
        &["drop=0", "trim=0.3337"],
    );
    close(
        "dare",
        &read(&bytes, "a"),
        &expected.collect::<Vec<f32>>(),
        1e-6,
    );
}
