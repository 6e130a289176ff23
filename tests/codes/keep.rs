//! Merges whose output is in the format of the base.

use super::models::{FORMATS, LAYER, Models, numbers, save};
use super::steps::STEPS;

/// Codes whose numbers a merge does not change stay what they are, with their scales.
#[test]
fn a_model_merged_with_itself_is_itself() {
    let models = Models::new();
    for format in FORMATS {
        let coded = models.coded("a", format);
        let merged = models.linear(&coded, &coded);
        let (before, after) = (models.stored(&coded), models.stored(&merged));
        assert!(before.keys().eq(after.keys()), "{format}");
        for (key, tensor) in &before {
            assert!(*tensor == after[key], "{format}: {key}");
        }
    }
}

/// The result is the merge of the numbers, within what the codes can tell apart.
#[test]
fn the_numbers_are_merged() {
    let models = Models::new();
    let tuned = models.stored("b.safetensors");
    for step in STEPS {
        let coded = models.coded("a", step.format);
        let merged = models.linear(&coded, "b.safetensors");
        let (base, result) = (models.stored(&coded), models.stored(&merged));
        let header = |file: &super::models::File| -> Vec<_> {
            let entries = file.iter();
            let entry = entries.map(|(key, t)| (key.clone(), t.dtype, t.shape.clone()));
            entry.collect()
        };
        assert_eq!(header(&base), header(&result), "{}", step.format);
        let [a, found] = [&coded, &merged].map(|name| models.stored(&models.decoded(name)));
        for (key, a) in &a {
            let halves = numbers(a).into_iter().zip(numbers(&tuned[key]));
            let wanted: Vec<f64> = halves.map(|(a, b)| (a + b) / 2.0).collect();
            let is_coded = result.get(key).is_none_or(|t| t.dtype.bits() == 8);
            let bounds = match is_coded {
                true => step.bounds(&wanted, a.shape[1] as usize),
                // Half a unit in the last place of bf16.
                false => wanted.iter().map(|n| n.abs() / 256.0).collect(),
            };
            let found = numbers(&found[key]);
            assert_eq!(found.len(), wanted.len(), "{}: {key}", step.format);
            for (at, bound) in bounds.iter().enumerate() {
                let off = (found[at] - wanted[at]).abs();
                assert!(
                    off <= *bound,
                    "{}: {key} at {at}: {} is {off} from {}, more than {bound}",
                    step.format,
                    found[at],
                    wanted[at]
                );
            }
        }
    }
}

/// Of a fine-tune that differs in one layer, only that layer's entries come into the output.
#[test]
fn only_what_a_fine_tune_changes_changes() {
    let models = Models::new();
    let tuned = models.stored("b.safetensors");
    for format in FORMATS {
        let coded = models.coded("a", format);
        // What the codes stand for, so that the other layers are no others.
        let mut one = models.stored(&models.decoded(&coded));
        let key = format!("{LAYER}.weight");
        one.insert(key.clone(), tuned[&key].clone());
        save(&models.path("one.safetensors"), &one, &[]);
        let merged = models.linear(&coded, "one.safetensors");
        let (before, after) = (models.stored(&coded), models.stored(&merged));
        let changed: Vec<&String> = before
            .keys()
            .filter(|key| before[*key] != after[*key])
            .collect();
        assert!(before.keys().eq(after.keys()), "{format}");
        assert!(!changed.is_empty(), "{format}");
        let elsewhere: Vec<&&String> = changed
            .iter()
            .filter(|key| !key.starts_with(LAYER))
            .collect();
        assert!(elsewhere.is_empty(), "{format}: {elsewhere:?}");
    }
}

/// Static scales are the base's, whatever the numbers are now.
#[test]
fn static_scales_stay() {
    let models = Models::new();
    for format in FORMATS {
        let coded = models.coded("a", format);
        let merge = ["merge", "-M", "linear", &coded, "b.safetensors"];
        let scales = ["--format-scales", "static", "-o", "static.safetensors"];
        models.runs(&[&merge[..], &scales].concat());
        let (before, after) = (models.stored(&coded), models.stored("static.safetensors"));
        assert!(before.keys().eq(after.keys()), "{format}");
        let (mut stay, mut change) = (0, 0);
        for (key, tensor) in &before {
            if key.ends_with(".weight") || key.ends_with(".weight_packed") {
                change += usize::from(*tensor != after[key]);
            } else {
                assert!(*tensor == after[key], "{format}: {key}");
                stay += 1;
            }
        }
        assert!(stay >= 2, "{format}: {stay} scales");
        assert_eq!(change, 10, "{format}: weights that change");
    }
}

/// The table of steps and the list of formats name the same.
#[test]
fn every_format_has_a_step() {
    let steps: Vec<&str> = STEPS.iter().map(|step| step.format).collect();
    assert_eq!(steps, FORMATS);
}

/// The formats are those of `--help`, so that none is left out here.
#[test]
fn the_formats_are_those_of_the_command() {
    let help = crate::support::command::prints(Models::new().folder(), &["convert", "--help"]);
    let options = help.split("--format <FORMAT>").nth(1).expect("the option");
    let lines = options
        .lines()
        .take_while(|line| !line.contains("[default"));
    let words = lines.filter_map(|line| line.trim().strip_prefix("- "));
    let words = words.map(|line| line.split(':').next().unwrap_or_default());
    let plain = ["keep", "f64", "f32", "f16", "bf16", "f8_e4m3", "f8_e5m2"];
    let found: Vec<&str> = words.filter(|word| !plain.contains(word)).collect();
    assert_eq!(found, FORMATS);
}
