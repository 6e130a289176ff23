//! Experts of mixtures: each is merged by itself and keeps its name, where mergekit merges all of a
//! layer as one tensor.

use super::cases::cases;
use super::compare::{EXPERTS_DIFFER, Weights};
use super::{data, succeeds};

/// What differs at most, as a share of an expert's root mean square.
const RMS: f64 = 5e-6;

/// `ties` of one model whose weight is divided out: the larger half of what moved.
fn ties(base: &[f32], tuned: &[f32]) -> Vec<f64> {
    let moved: Vec<f32> = base
        .iter()
        .zip(tuned)
        .map(|(base, own)| own - base)
        .collect();
    let mut order: Vec<usize> = (0..moved.len()).collect();
    order.sort_by(|a, b| moved[*b].abs().total_cmp(&moved[*a].abs()));
    let mut merged: Vec<f64> = base.iter().map(|base| f64::from(*base)).collect();
    for at in &order[..moved.len() / 2] {
        merged[*at] += f64::from(moved[*at]);
    }
    merged
}

/// The way from the base to the model along the arc between them.
fn slerp(base: &[f32], tuned: &[f32], t: f64) -> Vec<f64> {
    let dot = |a: &[f32], b: &[f32]| {
        let products = a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b));
        products.sum::<f64>()
    };
    let cosine = dot(base, tuned) / (dot(base, base) * dot(tuned, tuned)).sqrt();
    let angle = cosine.acos();
    let (one, two) = match cosine.abs() > 0.9995 {
        true => (1.0 - t, t),
        false => (
            ((1.0 - t) * angle).sin() / angle.sin(),
            (t * angle).sin() / angle.sin(),
        ),
    };
    let pairs = base.iter().zip(tuned);
    pairs
        .map(|(base, own)| one * f64::from(*base) + two * f64::from(*own))
        .collect()
}

#[test]
fn experts_are_merged_one_by_one() {
    let cases = cases();
    let mut differ = 0;
    for name in EXPERTS_DIFFER {
        let case = &cases[name];
        let folder = tempfile::tempdir().expect("a temporary folder");
        let output = folder.path().join("out");
        let arguments = case.arguments(&output);
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let models = data().join("models");
        succeeds(&models, &arguments);
        let inputs = case.fields["inputs"].as_array().expect("inputs");
        let path = |number: usize| models.join(inputs[number].as_str().expect("a path"));
        let (own, base) = (Weights::open(&path(0)), Weights::open(&path(1)));
        let found = Weights::open(&output);
        let experts = base
            .names()
            .into_iter()
            .filter(|name| name.contains(".experts."));
        for expert in experts {
            let (base, tuned) = (base.values(&expert), own.values(&expert));
            let wanted = match name {
                "mixtral_ties" => ties(&base, &tuned),
                "qwen3moe_slerp" => slerp(&base, &tuned, 0.4),
                _ => slerp(&base, &tuned, 0.3),
            };
            let merged = found.values(&expert);
            let square: f64 = wanted.iter().map(|x| x * x).sum();
            let rms = (square / wanted.len() as f64).sqrt();
            for (own, wanted) in merged.iter().zip(&wanted) {
                let far = (f64::from(*own) - wanted).abs();
                assert!(far <= RMS * rms, "{name}: {expert}: {own}, not {wanted}");
            }
            differ += 1;
        }
    }
    assert!(differ > 0);
}
