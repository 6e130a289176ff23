//! Codes that are chosen by chance: by the seed alone, and right on average.

use wgmerge::dtype::Float;

use super::models::{FORMATS, File, Models, numbers};
use crate::support::models::{floats, write};

/// The merge of a file with itself, in a format, by chance where there is a seed.
fn merged(models: &Models, input: &str, format: &str, seed: Option<&str>) -> File {
    let mut line = vec!["merge", "-M", "linear", input, input, "--format", format];
    line.extend(["-o", OUTPUT]);
    if let Some(seed) = seed {
        line.extend(["--format-rounding", "stochastic", "--seed", seed]);
    }
    models.runs(&line);
    models.stored(OUTPUT)
}

const OUTPUT: &str = "chance.safetensors";

#[test]
fn the_seed_decides() {
    let models = Models::new();
    for format in FORMATS {
        let chance = |seed| merged(&models, "a.safetensors", format, seed);
        let [one, again, other] = ["1", "1", "2"].map(|seed| chance(Some(seed)));
        assert!(one == again, "{format}");
        let nearest = chance(None);
        for (name, file) in [("another seed", &other), ("the nearest", &nearest)] {
            assert!(one.keys().eq(file.keys()), "{format}: {name}");
            let differing: Vec<&String> =
                one.keys().filter(|key| one[*key] != file[*key]).collect();
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
        merged(&models, "constant.safetensors", format, Some("3"));
        let found = numbers(&models.stored(&models.decoded(OUTPUT))[key]);
        let between = found.iter().enumerate().filter(|(at, _)| !is_largest(*at));
        let between: Vec<f64> = between.map(|(_, number)| *number).collect();
        let count = between.len() as f64;
        let mean = between.iter().sum::<f64>() / count;
        let squares = between
            .iter()
            .map(|number| (number - mean) * (number - mean));
        let deviation = (squares.sum::<f64>() / count).sqrt();
        let off = (mean - f64::from(NUMBER)).abs();
        assert!(deviation > 0.0, "{format}: no chance");
        assert!(
            off < 5.0 * deviation / count.sqrt(),
            "{format}: the mean is {mean}, off by {off}, of a deviation of {deviation}"
        );
    }
}
