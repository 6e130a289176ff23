//! Codes that are chosen by chance: by the seed alone, and right on average.

use wgmerge::dtype::Float;

use super::models::{FORMATS, File, Models, numbers};
use crate::support::models::{floats, write};

/// The merge of a file with itself, in a format, by chance.
fn by_chance(models: &Models, input: &str, format: &str, seed: &str) -> (String, File) {
    let output = format!("chance-{seed}.safetensors");
    let merge = ["merge", "-M", "linear", input, input, "--format", format];
    let chance = ["--format-rounding", "stochastic", "--seed", seed, "-o", &output];
    models.runs(&[&merge[..], &chance].concat());
    let file = models.stored(&output);
    (output, file)
}

#[test]
fn the_seed_decides() {
    let models = Models::new();
    for format in FORMATS {
        let (_, one) = by_chance(&models, "a.safetensors", format, "1");
        let (_, again) = by_chance(&models, "a.safetensors", format, "1");
        let (_, other) = by_chance(&models, "a.safetensors", format, "2");
        assert!(one == again, "{format}");
        let nearest = models.stored(&models.coded("a", format));
        for (name, file) in [("another seed", &other), ("the nearest", &nearest)] {
            assert!(one.keys().eq(file.keys()), "{format}: {name}");
            let differing: Vec<&String> = one.keys().filter(|key| one[*key] != file[*key]).collect();
            assert!(!differing.is_empty(), "{format}: {name}: the same codes");
            // Chance is asked for codes only: scales are of the numbers, and numbers stay.
            let codes = [".weight", ".weight_packed"];
            let is_code = |key: &&&String| codes.iter().any(|end| key.ends_with(end));
            let others: Vec<_> = differing.iter().filter(|key| !is_code(key)).collect();
            assert!(others.is_empty(), "{format}: {name}: {others:?}");
        }
    }
}

/// Between two codes each is taken as often as makes the mean right. The nearest would be off by a
/// tenth of their distance at least.
#[test]
fn the_mean_is_right() {
    const SHAPE: [u64; 2] = [256, 512];
    const NUMBER: f32 = 0.3;
    // One of each group is the largest, so that no scale is off.
    let is_largest = |at: usize| at.is_multiple_of(16);
    let all: Vec<f32> = (0..256 * 512)
        .map(|at| if is_largest(at) { 1.0 } else { NUMBER })
        .collect();
    let models = Models::new();
    let key = "model.layers.0.mlp.up_proj.weight";
    let tensor = floats(key, Float::F32, &SHAPE, &all);
    write(&models.path("constant.safetensors"), &[tensor]);
    for format in FORMATS {
        let (name, _) = by_chance(&models, "constant.safetensors", format, "3");
        let found = numbers(&models.stored(&models.decoded(&name))[key]);
        let between = found.iter().enumerate().filter(|(at, _)| !is_largest(*at));
        let between: Vec<f64> = between.map(|(_, number)| *number).collect();
        let count = between.len() as f64;
        let mean = between.iter().sum::<f64>() / count;
        let squares = between.iter().map(|number| (number - mean) * (number - mean));
        let deviation = (squares.sum::<f64>() / count).sqrt();
        let off = (mean - f64::from(NUMBER)).abs();
        assert!(deviation > 0.0, "{format}: no chance");
        assert!(
            off < 5.0 * deviation / count.sqrt(),
            "{format}: the mean is {mean}, off by {off}, of a deviation of {deviation}"
        );
    }
}
