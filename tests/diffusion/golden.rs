//! Methods against what the mergers themselves, torch and scipy make of small tensors.

use serde_json::Value;
use wgmerge::dtype::Float;

use crate::golden::{close, data};
use crate::laws::folder;
use crate::support::models::{Case, floats, values, write};
use crate::support::tensors::read;

fn numbers(value: &Value) -> Vec<f32> {
    let numbers = value.as_array().expect("a list").iter();
    numbers
        .map(|x| x.as_f64().expect("a number") as f32)
        .collect()
}

#[test]
fn methods_merge_as_their_tools_do() {
    let text = std::fs::read_to_string(data("diffusion/cases.json")).expect("the cases");
    let golden: Value = serde_json::from_str(&text).expect("JSON");
    let cases = golden["cases"].as_array().expect("a list");
    assert_eq!(cases.len(), 30);
    let folder = folder();
    for case in cases {
        let method = case["method"].as_str().expect("a name");
        let parameters = case["parameters"].as_array().expect("a list").iter();
        let parameters: Vec<&str> = parameters
            .map(|text| text.as_str().expect("a text"))
            .collect();
        let shape = case["shape"].as_array().expect("a list").iter();
        let shape: Vec<u64> = shape.map(|len| len.as_u64().expect("a length")).collect();
        let models = case["models"]
            .as_array()
            .expect("a list")
            .iter()
            .enumerate();
        let models = models.map(|(number, values)| {
            let path = folder.path().join(format!("{number}.safetensors"));
            write(&path, &[floats("w", Float::F32, &shape, &numbers(values))]);
            path
        });
        let models: Vec<_> = models.collect();
        let merge = Case {
            parameters: &parameters,
            ..Case::new(method, None, &models)
        };
        let merged = merge.run(&folder.path().join("o.safetensors"), None);
        let found = read(&merged.expect("a merge").0, "w");
        let what = format!("{method} {parameters:?} {shape:?}");
        close(&what, &found, &numbers(&case["merged"]), 1e-6);
    }
}

#[test]
fn noise_is_normal_and_spares_what_is_not_scaled() {
    let folder = folder();
    let path = folder.path().join("a.safetensors");
    let n = 200_000;
    let own = values(n, 3, 1);
    let names = ["w", "v", "x.proj_out.weight"];
    let tensors = names.map(|name| floats(name, Float::F32, &[n as u64], &own));
    write(&path, &tensors);
    let case = Case {
        parameters: &["alpha=0.5"],
        ..Case::new("add_noise", None, &[path])
    };
    let output = folder.path().join("o.safetensors");
    let (bytes, _) = case.run(&output, None).expect("a merge");
    assert!(read(&bytes, "x.proj_out.weight") == own);
    let noise = |name: &str| {
        let merged = read(&bytes, name);
        let pairs = merged.iter().zip(&own);
        let noise = pairs.map(|(x, a)| (f64::from(*x) - f64::from(*a)) / 0.5);
        noise.collect::<Vec<f64>>()
    };
    let [one, other] = ["w", "v"].map(noise);
    let mean = |of: &dyn Fn(f64) -> f64| one.iter().map(|z| of(*z)).sum::<f64>() / n as f64;
    assert!(mean(&|z| z).abs() < 0.01);
    assert!((mean(&|z| z * z) - 1.0).abs() < 0.015);
    assert!((mean(&|z| z.powi(4)) - 3.0).abs() < 0.12);
    // 4.55 % of normal numbers are farther than two deviations.
    assert!((mean(&|z| f64::from(u8::from(z.abs() > 2.0))) - 0.0455).abs() < 0.003);
    let product = one.iter().zip(&other).map(|(x, y)| x * y).sum::<f64>();
    assert!((product / n as f64).abs() < 0.01);
}

#[test]
fn a_few_tensors_are_adjusted() {
    let folder = folder();
    let path = folder.path().join("a.safetensors");
    let name = |part: &str| format!("model.diffusion_model.{part}");
    // What is adjusted, and by which factor with in = 3, out = -2 and out2 = 5.
    let parts = [
        ("input_blocks.0.0.weight", 0.97),
        ("input_blocks.0.0.bias", 1.06),
        ("out.0.weight", 1.02),
        ("out.0.bias", 0.96),
        ("out.2.weight", 0.95),
        ("middle_block.0.weight", 1.0),
    ];
    let own = [0.5, -0.25, 2.0, 1.0];
    let last = name("out.2.bias");
    let names = parts.iter().map(|(part, _)| name(part));
    let tensors = names.chain([last.clone()]);
    let tensors: Vec<_> = tensors
        .map(|name| floats(&name, Float::F32, &[4], &own))
        .collect();
    write(&path, &tensors);
    let amounts = [
        "in=3",
        "out=-2",
        "out2=5",
        "contrast=1",
        "brightness=3",
        "red=2",
        "blue=4",
    ];
    // Brightness 3 (-1, 1/3, 2/3), red 2 (1, 1, 0), blue 4 (1, 0, 1); of SDXL 3 (0, 0, 1),
    // 2 (1, 0, 0), 4 (-1, 1, 0).
    for (colours, shifts) in [
        ("sd1", [1.0, 3.0, 3.0, 6.0]),
        ("sdxl", [1.0, -2.0, 4.0, 3.0]),
    ] {
        let colours = format!("colours={colours}");
        let parameters = [&amounts[..], &[&colours]].concat();
        let case = Case {
            parameters: &parameters,
            ..Case::new("adjust", None, std::slice::from_ref(&path))
        };
        let output = folder.path().join("o.safetensors");
        let (bytes, _) = case.run(&output, None).expect("a merge");
        for (part, factor) in parts {
            let expected = own.map(|x| (f64::from(x) * factor) as f32);
            close(part, &read(&bytes, &name(part)), &expected, 1e-7);
        }
        let expected = [0, 1, 2, 3].map(|at| own[at] + shifts[at] / 50.0);
        close("out.2.bias", &read(&bytes, &last), &expected, 1e-7);
    }
}
