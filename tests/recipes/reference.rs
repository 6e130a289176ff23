//! Cases of sd-mecha's methods on small tensors: what it computed.

use std::fmt::Write;
use std::path::Path;

use serde_json::Value;
use wgmerge::checkpoint::Checkpoint;
use wgmerge::dtype::Float;

use super::succeeds;
use crate::golden::data;
use crate::support::models::{floats, write};
use crate::support::tensors::tensor;

/// How far a result may be off.
enum Tolerance {
    /// Units in the last place of the value, or of the tensor's root mean square.
    Units(f32),
    /// A share of the tensor's root mean square.
    Share(f32),
}

impl Tolerance {
    fn of(method: &str) -> Tolerance {
        match method {
            // Complex powers of torch, whose cosine of a right angle is 4e-8.
            "geometric_sum" | "multiply_quotient" => Tolerance::Share(1e-6),
            // Ratios of sums near a pole.
            "model_stock" | "ties_sum_extended" => Tolerance::Share(1e-4),
            "crossover" | "slerp" | "perpendicular_component" | "geometric_median" => {
                Tolerance::Share(1e-6)
            }
            "add_cosine_a" | "add_cosine_b" | "ties_sum_with_dropout" => Tolerance::Share(1e-6),
            // A mean of its own: one model and the differences of the others to it.
            "n_average" => Tolerance::Units(4.0),
            // Decompositions in f32.
            "rotate" | "truncate_rank" | "truncate_kronecker" => Tolerance::Share(1e-4),
            _ => Tolerance::Units(1.0),
        }
    }

    fn holds(&self, found: f32, expected: f32, rms: f32) -> bool {
        let off = (found - expected).abs();
        match self {
            Tolerance::Units(units) => off <= units * f32::EPSILON * expected.abs().max(rms),
            Tolerance::Share(share) => off <= share * rms,
        }
    }
}

fn numbers(values: &Value) -> Vec<f32> {
    let values = values.as_array().expect("numbers").iter();
    values
        .map(|x| x.as_f64().expect("a number") as f32)
        .collect()
}

/// Writes the models, a model of zeros and one of ones.
fn models(golden: &Value, folder: &Path) {
    let shape = |name: &str| -> Vec<u64> {
        let shape = golden["shapes"][name].as_array().expect("a shape").iter();
        shape.map(|n| n.as_u64().expect("a size")).collect()
    };
    let inputs = golden["inputs"].as_object().expect("models");
    for (model, tensors) in inputs {
        let tensors = tensors.as_object().expect("tensors").iter();
        let tensors = tensors.map(|(name, x)| floats(name, Float::F32, &shape(name), &numbers(x)));
        let tensors: Vec<_> = tensors.collect();
        write(&folder.join(format!("{model}.safetensors")), &tensors);
    }
    for (model, value) in [("zeros", 0.0), ("ones", 1.0)] {
        let names = golden["shapes"].as_object().expect("shapes").keys();
        let tensors: Vec<_> = names
            .map(|name| {
                let shape = shape(name);
                let len = shape.iter().product::<u64>() as usize;
                floats(name, Float::F32, &shape, &vec![value; len])
            })
            .collect();
        write(&folder.join(format!("{model}.safetensors")), &tensors);
    }
}

/// The recipe of a case. A task vector is added to zeros, a mask multiplied by ones before.
fn recipe(id: &str, inputs: &str, case: &Value) -> String {
    let space = case["merge_space"].as_str().expect("a space");
    let mut text = "version 0.1.0\n".to_owned();
    let names: Vec<&str> = inputs.split(',').map(str::trim).collect();
    for name in &names {
        let delta = name.strip_prefix("delta ");
        let whole = space == "delta" && id != "subtract";
        let own = if whole || delta.is_some() {
            "delta"
        } else {
            "weight"
        };
        let name = delta.unwrap_or(name);
        let _ = writeln!(text, "model \"{name}.safetensors\" merge_space=\"{own}\"");
    }
    let _ = write!(text, "merge \"{id}\"");
    for number in 0..names.len() {
        let _ = write!(text, " &{number}");
    }
    for (name, value) in case["params"].as_object().expect("parameters") {
        let _ = write!(text, " {name}={value}");
    }
    let at = names.len();
    if space != "weight" {
        let _ = write!(text, "\nmodel \"zeros.safetensors\"\n");
    }
    match space {
        "weight" => {}
        "delta" => {
            let _ = write!(text, "merge \"add_difference\" &{} &{at}", at + 1);
        }
        _ => {
            let _ = writeln!(text, "model \"ones.safetensors\" merge_space=\"delta\"");
            let (zeros, ones) = (at + 1, at + 2);
            let _ = write!(
                text,
                "merge \"add_difference\" &{zeros} &{ones} alpha=&{at}"
            );
        }
    }
    text + "\n"
}

/// Whether rounding errors decide over a direction of sd-mecha's result: rows without their mean
/// are one direction short, and where there are more columns than rows, it turns that one as well.
fn is_undetermined(id: &str, key: &str, parameters: &Value) -> bool {
    id == "rotate" && key == "w" && parameters["centralization"].as_f64() != Some(0.0)
}

/// Whether a matrix of 8 columns is nearly a column times a row.
fn has_one_direction(matrix: &[f32]) -> bool {
    let rows: Vec<&[f32]> = matrix.chunks(8).collect();
    let size: f32 = matrix.iter().map(|x| x * x).sum();
    let minor = |a: &[f32], b: &[f32], i: usize, j: usize| (a[i] * b[j] - a[j] * b[i]).abs();
    let minors = rows.iter().flat_map(|a| rows.iter().map(move |b| (a, b)));
    let mut minors = minors.flat_map(|(a, b)| (1..8).map(move |j| minor(a, b, 0, j)));
    minors.all(|minor| minor <= 1e-5 * size)
}

/// What is wrong with a case's result.
fn faults(what: &str, case: &Value, output: &Path, id: &str) -> Vec<String> {
    let found = Checkpoint::open(output).expect("sound");
    let tolerance = Tolerance::of(id);
    let mut faults = Vec::new();
    for (key, expected) in case["out"].as_object().expect("tensors") {
        let shape: Vec<u64> = serde_json::from_value(expected[0].clone()).expect("a shape");
        assert_eq!(*found.tensors()[key].shape, *shape, "{what}: {key}");
        let (found, expected) = (tensor(&found, key), numbers(&expected[1]));
        let squares: f32 = expected.iter().map(|x| x * x).sum();
        let rms = (squares / expected.len() as f32).sqrt();
        assert_eq!(found.len(), expected.len(), "{what}: {key}");
        if is_undetermined(id, key, &case["params"]) {
            let pairs = found.iter().zip(&expected);
            let off: Vec<f32> = pairs.map(|(a, b)| a - b).collect();
            let plain = case["params"]["alignment"] == 1.0 && case["params"]["alpha"] == 0.0;
            assert!(!plain || has_one_direction(&off), "{what}: {off:?}");
            continue;
        }
        for (at, (a, b)) in found.iter().zip(&expected).enumerate() {
            if !tolerance.holds(*a, *b, rms) {
                faults.push(format!(
                    "{what}: {key}[{at}]: {a:e}, not {b:e}, rms {rms:e}"
                ));
            }
        }
    }
    faults
}

/// Runs the cases of a file; how many there are.
fn run_cases(file: &str) -> usize {
    let text = std::fs::read_to_string(data(file)).expect("the cases");
    let golden: Value = serde_json::from_str(&text).expect("JSON");
    let folder = tempfile::tempdir().expect("a temporary folder");
    models(&golden, folder.path());
    let (path, output) = (
        folder.path().join("r.mecha"),
        folder.path().join("o.safetensors"),
    );
    let arguments = ["run", "r.mecha", "-o", "o.safetensors", "--force", "-q"];
    let mut wrong = Vec::new();
    let cases = golden["cases"].as_array().expect("cases");
    for case in cases {
        let name = case["method"].as_str().expect("a method");
        let (id, inputs) = name.trim_end_matches(')').split_once('(').expect("inputs");
        std::fs::write(&path, recipe(id, inputs, case)).expect("a writable folder");
        let what = format!("{name} {}", case["params"]);
        succeeds(folder.path(), &arguments);
        wrong.extend(faults(&what, case, &output, id));
    }
    assert!(
        wrong.is_empty(),
        "{} wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    cases.len()
}

#[test]
fn the_methods_of_the_reference_cases() {
    assert_eq!(run_cases("mecha/methods.json"), 68);
}

#[test]
fn decompositions_of_other_shapes() {
    assert_eq!(run_cases("mecha/decompositions.json"), 20);
}

/// The same bytes however the columns, the draws and the regions are cut.
#[test]
fn columns_draws_and_regions_are_the_same_however_the_work_is_cut() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for (name, seed) in [("a", 1), ("b", 2)] {
        let values = crate::support::models::values(2100 * 700, seed, 1);
        let tensors = [floats("w", Float::F32, &[2100, 700], &values)];
        write(&folder.path().join(format!("{name}.safetensors")), &tensors);
    }
    let delta = "merge_space=\"delta\"";
    let recipes = [
        "merge \"add_cosine_a\" &0 &1 alpha=0.1".to_owned(),
        "merge \"add_cosine_b\" &0 &1 alpha=0.1".to_owned(),
        "merge \"tensor_sum\" &0 &1 width=0.37 offset=0.21".to_owned(),
        format!(
            "model \"a.safetensors\" {delta}\nmodel \"b.safetensors\" {delta}\n\
             merge \"dropout\" &2 &3 probability=0.4 seed=3\nmerge \"add_difference\" &0 &4"
        ),
    ];
    for recipe in recipes {
        let models = "model \"a.safetensors\"\nmodel \"b.safetensors\"";
        let text = format!("version 0.1.0\n{models}\n{recipe}\n");
        std::fs::write(folder.path().join("r.mecha"), text).expect("a writable folder");
        let run = |options: &[&str]| {
            let arguments = ["run", "r.mecha", "-o", "o.safetensors", "--force", "-q"];
            succeeds(folder.path(), &[&arguments, options].concat());
            std::fs::read(folder.path().join("o.safetensors")).expect("the output")
        };
        let whole = run(&["--threads", "1"]);
        assert!(
            whole == run(&["--threads", "3", "--memory", "21MiB"]),
            "{recipe}"
        );
    }
}

/// Rows of a tensor that is put together of several are other rows.
#[test]
fn a_region_of_what_is_put_together_is_refused() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("r.mecha");
    let model = "model \"kohya_a.safetensors\" model_config=\"sdxl-kohya\"";
    let text = format!(
        "version 0.1.0\n{model} merge_space=\"weight\"\nmerge \"scale_weights\" &0 alpha=0.5\n\
         merge \"tensor_sum\" &0 &1 width=0.3\nmerge \"convert_'sdxl-kohya'_to_'sdxl-sgm'\" &2\n"
    );
    std::fs::write(&path, text).expect("a writable folder");
    let (path, output) = (
        path.display().to_string(),
        folder.path().join("o.safetensors"),
    );
    let output = output.display().to_string();
    let arguments = ["run", &path, "-o", &output];
    let said = super::refuses(&data("recipes/models"), &arguments);
    assert!(said.contains("looks at whole tensors"), "{said}");
}
