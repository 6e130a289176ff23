//! Methods that merge in the directions of singular vectors, and those that truncate and turn.

use std::path::Path;

use serde_json::Value;
use wgmerge::dtype::Float;
use wgmerge::kernel::HostOp;
use wgmerge::kernel::host::{Factors, Kronecker, LowRank, Rotate, Subspace};
use wgmerge::kernel::linear::Basis;

use crate::golden::{close, data};
use crate::support::backends::levels;
use crate::support::command::run;
use crate::support::models::{floats, values, write};
use crate::support::tensors::read;

fn numbers(values: &Value) -> Vec<f32> {
    let values = values.as_array().expect("numbers").iter();
    values
        .map(|x| x.as_f64().expect("a number") as f32)
        .collect()
}

fn model(path: &Path, shapes: &Value, tensors: &Value) {
    let tensors = tensors.as_object().expect("tensors").iter();
    let tensors = tensors.map(|(key, x)| {
        let shape: Vec<u64> = serde_json::from_value(shapes[key].clone()).expect("a shape");
        floats(key, Float::F32, &shape, &numbers(x))
    });
    write(path, &tensors.collect::<Vec<_>>());
}

#[test]
fn task_vectors_are_merged_as_the_papers_do() {
    let text = std::fs::read_to_string(data("subspace/cases.json")).expect("the cases");
    let golden: Value = serde_json::from_str(&text).expect("JSON");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = |name: &str| folder.path().join(format!("{name}.safetensors"));
    model(&file("base"), &golden["shapes"], &golden["base"]);
    for (number, own) in golden["models"]
        .as_array()
        .expect("models")
        .iter()
        .enumerate()
    {
        model(&file(&number.to_string()), &golden["shapes"], own);
    }
    let cases = golden["cases"].as_array().expect("cases");
    assert_eq!(cases.len(), 9);
    for case in cases {
        let method = case["method"].as_str().expect("a method");
        let parameters = case["parameters"].as_object().expect("parameters").iter();
        let parameters: Vec<String> = parameters.map(|(k, v)| format!("{k}={v}")).collect();
        let mut arguments = vec!["merge", "-M", method, "--base", "base.safetensors"];
        arguments.extend(parameters.iter().flat_map(|p| ["-p", p]));
        arguments.extend(["0.safetensors", "1.safetensors", "2.safetensors"]);
        arguments.extend(["-o", "out.safetensors", "--force", "-q"]);
        assert!(
            run(folder.path(), &arguments).status.success(),
            "{arguments:?}"
        );
        let found = std::fs::read(file("out")).expect("an output");
        for (key, expected) in case["out"].as_object().expect("tensors") {
            let what = format!("{method} {parameters:?}: {key}");
            close(&what, &read(&found, key), &numbers(expected), 1e-6);
        }
    }
}

fn rotate(alignment: f64, alpha: f64) -> Rotate {
    Rotate {
        alignment,
        alpha,
        centralization: 1.0,
        stiefel_eps: 1e-8,
        stiefel_max_iters: 20,
    }
}

/// Every operation, with how many values it takes.
fn operations() -> Vec<(Box<dyn HostOp>, usize)> {
    let random = Basis::Random { steps: 2, seed: 3 };
    let mut all: Vec<(Box<dyn HostOp>, usize)> = vec![
        (Box::new(Subspace::TaskSingular), 2),
        (Box::new(Subspace::Isotropic), 2),
        (Box::new(Subspace::CommonAndSpecific { common: 0.5 }), 2),
        (Box::new(Subspace::Truncated { energy: 0.4 }), 2),
        (Box::new(Subspace::Aligned { density: 0.2 }), 2),
    ];
    for basis in [Basis::Exact, random] {
        all.push((Box::new(LowRank { rank: 2, basis }), 1));
        all.push((Box::new(Kronecker { ratio: 0.5, basis }), 1));
    }
    for (alignment, alpha) in [(1.0, 0.0), (2.0, 0.5), (0.5, 0.0), (-0.3, 0.2)] {
        all.push((Box::new(rotate(alignment, alpha)), 2));
    }
    all
}

/// Pairs of values on which decompositions may stumble.
fn pairs(shape: &[u64]) -> Vec<(&'static str, [Vec<f32>; 2])> {
    let n = shape.iter().product::<u64>() as usize;
    let columns = (n as u64 / shape[0].max(1)).max(1) as usize;
    let random = [values(n, 5, 0), values(n, 6, 1)];
    let mut not_a_number = random.clone();
    let mut infinite = random.clone();
    if n > 0 {
        not_a_number[0][n / 2] = f32::NAN;
        infinite[1.min(n - 1)][0] = f32::INFINITY;
    }
    let entry = |f: &dyn Fn(usize, usize) -> f32| -> Vec<f32> {
        (0..n).map(|at| f(at / columns, at % columns)).collect()
    };
    let identity = entry(&|i, j| f32::from(u8::from(i == j)));
    let mirrored = entry(&|i, j| match (i == j, i) {
        (true, 0) => -1.0,
        (true, _) => 1.0,
        _ => 0.0,
    });
    let opposite: Vec<f32> = random[0].iter().map(|x| -x).collect();
    vec![
        ("zeros", [vec![0.0; n], vec![0.0; n]]),
        ("zeros and others", [vec![0.0; n], random[1].clone()]),
        ("ones", [vec![1.0; n], vec![2.0; n]]),
        ("the same", [random[0].clone(), random[0].clone()]),
        ("opposites", [random[0].clone(), opposite]),
        ("a reflection", [identity, mirrored]),
        (
            "few directions",
            [
                entry(&|i, j| (i % 2) as f32 - (j % 3) as f32),
                entry(&|i, j| (i % 3) as f32 * (j % 2) as f32),
            ],
        ),
        (
            "large",
            [entry(&|i, j| 3e38 / (1 + i + j) as f32), random[1].clone()],
        ),
        (
            "tiny",
            [
                entry(&|i, j| 1e-44 * (i + 2 * j) as f32),
                entry(&|i, _| 1e-44 * i as f32),
            ],
        ),
        ("not a number", not_a_number),
        ("infinite", infinite),
        ("random", random),
    ]
}

const SHAPES: &[&[u64]] = &[
    &[1, 1],
    &[1, 7],
    &[7, 1],
    &[2, 2],
    &[9, 9],
    &[6, 11],
    &[11, 6],
    &[4, 3, 3, 3],
    &[4, 3, 1, 1],
    &[0, 3],
    &[3, 0],
];

#[test]
fn no_values_are_too_odd_and_all_instructions_agree() {
    for shape in SHAPES {
        for (op, count) in operations() {
            for (kind, values) in pairs(shape) {
                let what = format!("{op:?} of {kind}, {shape:?}");
                let given = || values[..count].to_vec();
                let mut found = levels().map(|level| op.run(&level, shape, given()));
                let first = found.next().expect("a level");
                assert_eq!(first.len(), values[0].len(), "{what}");
                let bits = |x: &[f32]| x.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
                assert!(found.all(|other| bits(&other) == bits(&first)), "{what}");
                let number = given().iter().flatten().all(|x| x.is_finite());
                if number && kind != "large" {
                    assert!(first.iter().all(|x| x.is_finite()), "{what}: {first:?}");
                }
                if !number {
                    assert!(first.iter().any(|x| !x.is_finite()), "{what}: {first:?}");
                }
            }
        }
    }
}

/// A rotation keeps lengths, brings a to b where b is a turned, and its powers add up.
#[test]
fn rotations_are_found() {
    let (rows, columns) = (40, 12);
    let a = values(rows * columns, 1, 0);
    let shape = [rows as u64, columns as u64];
    // Columns two by two by angles, then in another order.
    let turned = |part: f64| -> Vec<f32> {
        let mut b = a.clone();
        for row in b.chunks_mut(columns) {
            for (pair, at) in row.chunks_mut(2).zip(1..) {
                let (sin, cos) = (part * f64::from(at) * 0.45).sin_cos();
                let [x, y] = [f64::from(pair[0]), f64::from(pair[1])];
                pair[0] = (cos * x - sin * y) as f32;
                pair[1] = (sin * x + cos * y) as f32;
            }
        }
        b
    };
    for part in [1.0, 0.5, 0.25, -1.0, 2.0, 1.75] {
        let op = Rotate {
            centralization: 0.0,
            ..rotate(part, 0.0)
        };
        for level in levels() {
            let found = op.run(&level, &shape, vec![a.clone(), turned(1.0)]);
            close(&format!("{part}"), &found, &turned(part), 2e-6);
        }
    }
}

/// As sd-mecha chooses them.
#[test]
fn factors_of_kronecker_products() {
    for (shape, ratio, rows, columns) in [
        (&[640, 640][..], 0.5, [20, 32], [32, 20]),
        (&[320, 320, 3, 3], 0.5, [32, 10], [32, 10]),
        (&[6, 8], 0.5, [2, 3], [4, 2]),
        (&[9, 1], 0.75, [3, 3], [1, 1]),
        (&[1, 1], 0.3, [1, 1], [1, 1]),
    ] {
        let expected = Factors { rows, columns };
        assert_eq!(Factors::of(shape, ratio), expected, "{shape:?}");
    }
}
