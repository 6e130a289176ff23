//! Methods of papers that no merger has, against their formulas in f64.

use std::path::{Path, PathBuf};

use wgmerge::dtype::Float;
use wgmerge::recipe::{Missing, Options, ShapePolicy, merge_of};

use crate::golden::close;
use crate::laws::folder;
use crate::presets::{draws, merged, models};
use crate::support::models::{Case, Tensor, floats, values, write};
use crate::support::tensors::read;

/// Models of one tensor, `w`, and the differences of all but the first from it.
fn drawn(folder: &Path, all: &[Vec<f32>]) -> (Vec<PathBuf>, Vec<Vec<f64>>) {
    let tensors: Vec<[(&str, Vec<f32>); 1]> = all.iter().map(|own| [("w", own.clone())]).collect();
    let paths = models(
        folder,
        &tensors.iter().map(|own| &own[..]).collect::<Vec<_>>(),
    );
    let deltas = all[1..].iter().map(|own| {
        let pairs = own.iter().zip(&all[0]);
        pairs.map(|(x, b)| f64::from(*x) - f64::from(*b)).collect()
    });
    (paths, deltas.collect())
}

/// Compares a merge of `w` with the base and what is added to it, element by element.
fn adds(
    folder: &Path,
    (method, parameters): (&str, &[&str]),
    (paths, base): (&[PathBuf], &[f32]),
    added: impl Fn(usize) -> f64,
) {
    let found = read(&merged(folder, method, paths, parameters), "w");
    let expected = base.iter().enumerate();
    let expected: Vec<f32> = expected
        .map(|(at, b)| (f64::from(*b) + added(at)) as f32)
        .collect();
    close(&format!("{method} {parameters:?}"), &found, &expected, 1e-6);
}

#[test]
fn consensus_keeps_what_enough_task_vectors_claim() {
    let folder = folder();
    let all = draws(4, 6000);
    let (paths, deltas) = drawn(folder.path(), &all);
    let weights = [1.0, 0.5, 2.0];
    for tasks in [1, 2, 3] {
        let parameters = ["weight=1,0.5,2", "threshold=0.5,0.25,1", "lambda=0.75"];
        let tasks_text = format!("tasks={tasks}");
        let parameters = [&parameters[..], &[&tasks_text]].concat();
        let kept = std::cell::Cell::new(0);
        adds(
            folder.path(),
            ("consensus_ta", &parameters),
            (&paths, &all[0]),
            |at| {
                let own = deltas.iter().map(|delta| delta[at]);
                let sum: f64 = own.clone().zip(weights).map(|(x, w)| x * w).sum();
                let claims = own.zip([0.5, 0.25, 1.0]);
                let claims = claims.filter(|(x, threshold)| x.abs() >= threshold * (sum - x).abs());
                match claims.count() >= tasks {
                    true => {
                        kept.set(kept.get() + 1);
                        0.75 * sum
                    }
                    false => 0.0,
                }
            },
        );
        assert!((500..5900).contains(&kept.get()), "{} are kept", kept.get());
    }
}

#[test]
fn only_tensors_that_are_far_from_the_base_are_merged() {
    let folder = folder();
    let base = values(3000, 5, 0);
    let shifted = |by: f32| base.iter().map(|x| x + by).collect::<Vec<f32>>();
    // Their root mean squares are 1/64 and 1/16, and both for the second model.
    let all = [
        [("near", base.clone()), ("far", base.clone())],
        [("near", shifted(0.0)), ("far", shifted(1.0 / 16.0))],
        [("near", shifted(-1.0 / 64.0)), ("far", shifted(0.0))],
    ];
    let paths = models(folder.path(), &all.each_ref().map(|own| &own[..]));
    let parameters = ["threshold=0.03", "weight=0.5,0.25"];
    let bytes = merged(folder.path(), "assembly_of_experts", &paths, &parameters);
    assert!(read(&bytes, "near") == base);
    let expected: Vec<f32> = base.iter().map(|x| x + 0.5 / 16.0).collect();
    close("far", &read(&bytes, "far"), &expected, 1e-6);
    // A threshold is passed, not reached.
    let parameters = ["threshold=0", "weight=0.5,0.25"];
    let bytes = merged(folder.path(), "assembly_of_experts", &paths, &parameters);
    let expected: Vec<f32> = base.iter().map(|x| x - 0.25 / 64.0).collect();
    close("near", &read(&bytes, "near"), &expected, 1e-6);
}

#[test]
fn darex_q_divides_by_q() {
    let folder = folder();
    let all: Vec<Vec<f32>> = (0..3).map(|model| values(3000, 31, model)).collect();
    let (paths, _) = drawn(folder.path(), &all);
    let drop = "drop=0.4";
    let kept = ["weight=1,0", "weight=0,1"].map(|weight| {
        let parameters = [drop, weight, "rescale=none"];
        let kept = read(
            &merged(folder.path(), "dare_linear", &paths, &parameters),
            "w",
        );
        let pairs = kept.iter().zip(&all[0]);
        pairs
            .map(|(x, b)| f64::from(*x) - f64::from(*b))
            .collect::<Vec<f64>>()
    });
    let parameters = [drop, "q=0.8", "weight=0.5,0.7", "lambda=1.2"];
    adds(
        folder.path(),
        ("darex_q", &parameters),
        (&paths, &all[0]),
        |at| 1.2 * (0.5 * kept[0][at] + 0.7 * kept[1][at]) / 0.8,
    );
}

#[test]
fn fisher_weighs_by_statistics() {
    let folder = folder();
    let n = 3000;
    let model = |number| values(n, 41, number);
    let square = |x: &f32| if x.abs() < 0.01 { 0.0 } else { x * x };
    let statistics = |number| model(number).iter().map(square).collect::<Vec<f32>>();
    let all = [model(1), statistics(2), model(3), statistics(4)];
    let (paths, _) = drawn(folder.path(), &all);
    let run = |paths: &[PathBuf], parameters: &[&str]| {
        let case = Case {
            parameters,
            ..Case::new("fisher", None, paths)
        };
        case.run(&folder.path().join("o.safetensors"), None)
    };
    let parameters = ["weight=0.5,2,3,1", "floor=0.001"];
    let found = read(&run(&paths, &parameters).expect("a merge").0, "w");
    let expected = (0..n).map(|at| {
        let [a, f, b, g] = [0, 1, 2, 3].map(|input: usize| f64::from(all[input][at]));
        let (f, g) = (f.max(0.001), 3.0 * g.max(0.001));
        ((f * a + g * b) / (f + g)) as f32
    });
    close("fisher", &found, &expected.collect::<Vec<f32>>(), 1e-6);
    let copies = [0, 1, 0, 3].map(|at: usize| paths[at].clone());
    assert!(read(&run(&copies, &[]).expect("a merge").0, "w") == all[0]);
    let odd = [&paths[..], &paths[..1]].concat();
    let error = run(&odd, &[])
        .expect_err("statistics are missing")
        .to_string();
    assert!(
        error.contains("`w`") && error.contains("input 5"),
        "{error}"
    );
}

#[test]
fn cabs_keeps_the_largest_of_each_where_none_is() {
    let folder = folder();
    // Not a multiple of the blocks.
    let all = draws(4, 5003);
    let (paths, deltas) = drawn(folder.path(), &all);
    let counts = [2, 1, 3];
    let mut kept: Vec<Vec<f64>> = Vec::new();
    for (delta, count) in deltas.iter().zip(counts) {
        let mut own = vec![0.0; delta.len()];
        for begin in (0..delta.len()).step_by(5) {
            for _ in 0..count {
                let free = (begin..(begin + 5).min(delta.len()))
                    .filter(|at| own[*at] == 0.0 && kept.iter().all(|other| other[*at] == 0.0));
                // The first of the largest.
                let largest = free
                    .rev()
                    .max_by(|x, y| delta[*x].abs().total_cmp(&delta[*y].abs()));
                if let Some(at) = largest {
                    own[at] = delta[at];
                }
            }
        }
        kept.push(own);
    }
    let weights = [0.5, 1.0, -2.0];
    let parameters = ["n=2,1,3", "m=5", "weight=0.5,1,-2", "lambda=0.75"];
    adds(
        folder.path(),
        ("cabs", &parameters),
        (&paths, &all[0]),
        |at| {
            let own = kept
                .iter()
                .zip(weights)
                .map(|(own, weight)| own[at] * weight);
            0.75 * own.sum::<f64>()
        },
    );
}

/// The number at a share of a sorted list.
fn ranked(values: &[f64], rank: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[rank as usize]
}

/// To 0 and 1.
fn normalized(values: &[f64]) -> Vec<f64> {
    let low = values.iter().copied().fold(f64::INFINITY, f64::min);
    let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    values.iter().map(|x| (x - low) / (high - low)).collect()
}

#[test]
fn parameters_compete() {
    let folder = folder();
    let n = 30_000;
    let all: Vec<Vec<f32>> = (0..4).map(|model| values(n, 61, model)).collect();
    let (paths, deltas) = drawn(folder.path(), &all);
    let (mut mass, mut total) = (vec![0.0; n], vec![0.0; n]);
    for delta in &deltas {
        let sizes: Vec<f64> = delta.iter().map(|x| x.abs()).collect();
        let [low, high] = [n as f64 * 1e-4, n as f64 * (1.0 - 1e-4) - 1.0];
        let ends = [low, high].map(|rank| ranked(&sizes, rank));
        let sizes: Vec<f64> = sizes.iter().map(|x| x.clamp(ends[0], ends[1])).collect();
        let scores = normalized(&sizes).into_iter().enumerate().map(|(at, u)| {
            let sum: f64 = deltas.iter().map(|own| own[at]).sum();
            (3.0 * u * u).exp() * (delta[at] * sum).tanh()
        });
        let scores: Vec<f64> = scores.collect();
        let least = ranked(&scores, n as f64 * 0.8);
        let scores: Vec<f64> = scores.iter().map(|x| x.max(least)).collect();
        for (at, score) in normalized(&scores).into_iter().enumerate() {
            mass[at] += sizes[at].copysign(delta[at]) * score;
            total[at] += score;
        }
    }
    let parameters = ["density=0.2", "lambda=1.2"];
    adds(
        folder.path(),
        ("pcb", &parameters),
        (&paths, &all[0]),
        |at| 1.2 * mass[at] / total[at].max(1e-12),
    );
}

const ROWS: usize = 37;
const COLUMNS: usize = 1031;

/// A matrix without a direction, which `at` gives for an element.
fn ablated(matrix: &[f64], rows: bool, direction: &[f64], alpha: f64) -> Vec<f64> {
    let own = |at: usize| if rows { at % COLUMNS } else { at / COLUMNS };
    let other = |at: usize| if rows { at / COLUMNS } else { at % COLUMNS };
    let square: f64 = direction.iter().map(|r| r * r).sum();
    let mut parts = vec![0.0; ROWS.max(COLUMNS)];
    for (at, x) in matrix.iter().enumerate() {
        parts[other(at)] += x * direction[own(at)] / square;
    }
    let places = matrix.iter().enumerate();
    places
        .map(|(at, x)| x - alpha * direction[own(at)] * parts[other(at)])
        .collect()
}

fn norms(matrix: &[f64]) -> Vec<f64> {
    let rows = matrix.chunks(COLUMNS);
    rows.map(|row| row.iter().map(|x| x * x).sum::<f64>().sqrt())
        .collect()
}

#[test]
fn directions_are_taken_out() {
    let folder = folder();
    let matrix = values(ROWS * COLUMNS, 71, 1);
    let wide: Vec<f64> = matrix.iter().map(|x| f64::from(*x)).collect();
    let file = |name: &str, shape: &[u64], own: &[f32]| {
        let path = folder.path().join(name);
        let mut tensors = vec![floats("w", Float::F32, shape, own)];
        if name == "a.safetensors" {
            tensors.push(floats("norm", Float::F32, &[3], &[1.0, 2.0, 3.0]));
        }
        write(&path, &tensors);
        path
    };
    let a = file("a.safetensors", &[ROWS as u64, COLUMNS as u64], &matrix);
    let [r, h] = [2, 3].map(|number| values(ROWS, 73, number));
    let input = values(COLUMNS, 79, 4);
    let direction = file("r.safetensors", &[ROWS as u64, 1], &r);
    let harmless = file("h.safetensors", &[ROWS as u64, 1], &h);
    let reading = file("i.safetensors", &[COLUMNS as u64], &input);
    let check = |paths: &[PathBuf], parameters: &[&str], expected: &[f64]| {
        let case = Case {
            parameters,
            memory: 64 << 20,
            options: Options {
                missing: Missing::Reference,
                shape: ShapePolicy::Expand,
                ..Options::default()
            },
            ..Case::new("ablate", None, paths)
        };
        let merged = case.run(&folder.path().join("o.safetensors"), None);
        let (bytes, _) = merged.expect("a merge");
        let expected: Vec<f32> = expected.iter().map(|x| *x as f32).collect();
        close(
            &format!("{parameters:?}"),
            &read(&bytes, "w"),
            &expected,
            1e-6,
        );
        assert_eq!(read(&bytes, "norm"), [1.0, 2.0, 3.0]);
    };
    let [r, h, input] =
        [r, h, input].map(|own| own.into_iter().map(f64::from).collect::<Vec<f64>>());
    let two = [a.clone(), direction.clone()];
    check(&two, &[], &ablated(&wide, false, &r, 1.0));
    check(
        &[a.clone(), reading],
        &["side=input", "alpha=0.6"],
        &ablated(&wide, true, &input, 0.6),
    );
    let dot = |x: &[f64], y: &[f64]| x.iter().zip(y).map(|(x, y)| x * y).sum::<f64>();
    let share = dot(&r, &h) / dot(&h, &h);
    let across: Vec<f64> = r.iter().zip(&h).map(|(r, h)| r - share * h).collect();
    let three = [a, direction, harmless];
    check(&three, &[], &ablated(&wide, false, &across, 1.0));
    let before = norms(&wide);
    let of = |own: &[f64], norms: &[f64], multiplied: bool| {
        let places = own.iter().enumerate();
        let scaled = places.map(|(at, x)| match multiplied {
            true => x * norms[at / COLUMNS],
            false => x / norms[at / COLUMNS],
        });
        scaled.collect::<Vec<f64>>()
    };
    let units = ablated(&of(&wide, &before, false), false, &across, 1.0);
    let expected = of(&of(&units, &norms(&units), false), &before, true);
    check(&three, &["keep_norms=true"], &expected);
}

/// The first model stands in for a direction that is missing, and must not be taken for one.
#[test]
fn what_has_no_direction_is_not_ablated_by_itself() {
    let folder = folder();
    let file = |name: &str, tensors: &[Tensor]| {
        let path = folder.path().join(name);
        write(&path, tensors);
        path
    };
    let norm = floats("norm", Float::F32, &[3], &[1.0, 2.0, 3.0]);
    let matrix = floats("w", Float::F32, &[2, 2], &[1.0, 2.0, 3.0, 4.0]);
    let direction = floats("w", Float::F32, &[2, 1], &[1.0, 0.0]);
    let paths = [
        file("a.safetensors", &[norm, matrix]),
        file("r.safetensors", &[direction]),
    ];
    let case = Case {
        options: Options {
            missing: Missing::Base,
            shape: ShapePolicy::Expand,
            ..Options::default()
        },
        ..Case::new("ablate", None, &paths)
    };
    let merged = case.run(&folder.path().join("o.safetensors"), None);
    let (bytes, _) = merged.expect("a merge");
    assert_eq!(read(&bytes, "norm"), [1.0, 2.0, 3.0]);
    assert_eq!(read(&bytes, "w"), [0.0, 0.0, 3.0, 4.0]);
}

#[test]
fn counts_are_whole() {
    let folder = folder();
    let (paths, _) = drawn(folder.path(), &draws(2, 10));
    for text in ["m=0", "m=1.5", "n=-1"] {
        let given = [text.to_owned()];
        let (base, models) = (Some(paths[0].clone()), vec![paths[1].clone()]);
        let error = merge_of("cabs", base, models, &given, Options::default());
        let error = error.expect_err("no count").to_string();
        assert!(error.contains("a whole number from 1 on"), "{error}");
    }
}
