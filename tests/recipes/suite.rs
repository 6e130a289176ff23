//! What sd-mecha's own tests compute, as recipes: its matrices, and what sd-mecha 1.1.8 makes of
//! them. Source: ljleb/sd-mecha, `tests/merge_methods`.

use std::fmt::Write;
use std::path::Path;

use wgmerge::checkpoint::Checkpoint;
use wgmerge::dtype::Float;

use super::{refuses, succeeds};
use crate::support::models::{floats, write};
use crate::support::tensors::tensor;

type Matrix = [f32; 16];

const FIRST: Matrix = [
    3., 4., 1., -2., 2., 1., -4., 3., -1., 2., 3., 4., 4., -3., 2., 1.,
];
const SECOND: Matrix = [
    -1., 3., 4., 2., 4., 2., -3., 1., 3., -1., 2., 4., 2., 4., 1., -3.,
];
const THIRD: Matrix = [
    -1., 3., 2., 0., 3., 0., 2., 1., -1., 3., 1., 0., 3., 0., -4., 3.,
];
const TURNED: Matrix = [
    -1., 2., 3., 4., 4., -3., 2., 1., 3., 4., 1., -2., 2., 1., -4., 3.,
];

/// A folder with the matrices as models, and zeros.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let models = [
        ("first", FIRST),
        ("second", SECOND),
        ("third", THIRD),
        ("turned", TURNED),
        ("zeros", [0.0; 16]),
    ];
    for (name, values) in models {
        let tensors = [floats("w", Float::F32, &[4, 4], &values)];
        write(&folder.path().join(format!("{name}.safetensors")), &tensors);
    }
    folder
}

/// What a method makes of models: task vectors, or models themselves.
fn run(folder: &Path, merge: &str, models: &[&str], space: &str) -> Vec<f32> {
    let mut text = "version 0.1.0\n".to_owned();
    let (method, parameters) = merge.split_once(' ').unwrap_or((merge, ""));
    let mut inputs = String::new();
    for (number, model) in models.iter().enumerate() {
        let _ = writeln!(
            text,
            "model \"{model}.safetensors\" merge_space=\"{space}\""
        );
        let _ = write!(inputs, " &{number}");
    }
    let _ = writeln!(text, "merge \"{method}\"{inputs} {parameters}");
    if space == "delta" {
        let (merged, zeros) = (models.len(), models.len() + 1);
        let _ = writeln!(text, "model \"zeros.safetensors\"");
        let _ = writeln!(text, "merge \"add_difference\" &{zeros} &{merged}");
    }
    std::fs::write(folder.join("r.mecha"), text).expect("written");
    let arguments = ["run", "r.mecha", "-o", "o.safetensors", "--force", "-q"];
    succeeds(folder, &arguments);
    let output = Checkpoint::open(&folder.join("o.safetensors")).expect("the output");
    tensor(&output, "w")
}

/// As near as sd-mecha's tests ask for.
#[track_caller]
fn near(found: &[f32], expected: &Matrix) {
    assert_eq!(found.len(), expected.len());
    for (a, b) in found.iter().zip(expected) {
        assert!(
            (a - b).abs() <= 1e-4 + 1e-5 * b.abs(),
            "{found:?}, not {expected:?}"
        );
    }
}

#[test]
fn dropout_before_ties_with_a_median() {
    let folder = folder();
    let models = ["first", "second", "third"];
    let merge = |eps: &str| {
        let method = "ties_sum_with_dropout probability=0.4 rescale=false k=1.0 vote_sgn=true \
                      apply_stock=false apply_median=true seed=114514 della_eps=";
        run(folder.path(), &format!("{method}{eps}"), &models, "delta")
    };
    let plain = [
        0.6251, 1.8496, 2.4691, 0.0, 3.1303, 0.2084, -0.8335, 1.0780, 1.0162, 1.7755, 1.0780, 0.0,
        2.0362, 0.0, 0.4167, 0.2084,
    ];
    near(&merge("0.0"), &plain);
    near(&merge("0.2"), &plain);
    near(
        &merge("-0.2"),
        &[
            0.7469, 1.9883, 2.4127, 0.0, 1.7586, 0.9106, -0.9959, 1.1671, 0.9925, 1.7586, 1.1671,
            0.0, 1.9223, 0.0, 0.4979, 0.2490,
        ],
    );
}

#[test]
fn ties_by_count_and_by_mass() {
    let folder = folder();
    let merge = |method: &str| run(folder.path(), method, &["turned", "first"], "delta");
    let counted = [
        3., 3., 3., 0., 3., -3., 0., 3., 3., 3., 3., 0., 3., -3., 0., 3.,
    ];
    near(&merge("ties_sum k=0.5"), &counted);
    let summed = [
        3., 3., 3., 4., 3., -3., -4., 3., 3., 3., 3., 4., 3., -3., -4., 3.,
    ];
    near(&merge("ties_sum k=0.5 vote_sgn=true"), &summed);
}

#[test]
fn a_median_and_a_stock() {
    let folder = folder();
    let models = ["first", "second", "third"];
    let median = [
        0.4791, 3.3698, 2.2343, -0.1354, 2.9323, 0.9739, -1.7289, 1.7395, 0.2082, 1.4220, 2.0416,
        2.6873, 3.0677, 0.0989, -0.2711, 0.4481,
    ];
    let merge = "geometric_median eps=1e-6 maxiter=100 ftol=1e-20";
    near(&run(folder.path(), merge, &models, "weight"), &median);
    let stock = [
        0.2727, 2.4545, 2.1818, 1.0909, 2.5, 0.0, -1.25, 1.25, 0.8696, 0.8696, 1.0435, 1.0435,
        -2.0, -0.5, 0.25, -0.25,
    ];
    let models = ["first", "second", "turned"];
    near(
        &run(folder.path(), "model_stock cos_eps=1e-6", &models, "delta"),
        &stock,
    );
}

/// The method `isotropic` that sd-mecha had for a while.
#[test]
fn an_isotropic_sum() {
    let folder = folder();
    let models = ["first", "second", "third"].map(|name| format!("{name}.safetensors"));
    let arguments = [
        "merge",
        "-M",
        "iso_c",
        "-p",
        "lambda=1",
        "-b",
        "zeros.safetensors",
    ];
    let mut arguments = arguments.to_vec();
    arguments.extend(models.iter().map(String::as_str));
    arguments.extend(["-o", "o.safetensors", "-q"]);
    succeeds(folder.path(), &arguments);
    let output = Checkpoint::open(&folder.path().join("o.safetensors")).expect("the output");
    near(
        &tensor(&output, "w"),
        &[
            0.4487, 8.7236, 3.9089, -2.5803, 4.0244, 4.1229, -6.7844, 4.3609, -0.0294, 0.0581,
            5.3719, 8.3294, 9.0466, -2.2665, 2.8416, -1.7849,
        ],
    );
}

#[test]
fn tensors_without_elements_and_results_without_tensors() {
    let folder = folder();
    for name in ["empty_a", "empty_b"] {
        let tensors = [floats("w", Float::F32, &[0], &[])];
        write(&folder.path().join(format!("{name}.safetensors")), &tensors);
    }
    let empty = run(
        folder.path(),
        "crossover",
        &["empty_a", "empty_b"],
        "weight",
    );
    assert!(empty.is_empty());
    let text = "version 0.1.0\nmodel \"first.safetensors\"\nmerge \"omit_matching\" &0 \".\"\n";
    std::fs::write(folder.path().join("r.mecha"), text).expect("written");
    let said = refuses(folder.path(), &["run", "r.mecha", "-o", "none.safetensors"]);
    assert!(said.contains("there is nothing to write"), "{said}");
}
