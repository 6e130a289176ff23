//! Methods of mergers of diffusion models against their formulas in f64.

mod golden;

use std::path::{Path, PathBuf};

use wgmerge::dtype::Float;
use wgmerge::exec::cpu::Level;

use crate::laws::folder;
use crate::support::backends::levels;
use crate::support::models::{Case, family, floats, values, write};
use crate::support::tensors::read;

const SHAPE: [u64; 3] = [7, 9, 40];

/// The dot product of two tensors.
fn dot(x: &[f64], y: &[f64]) -> f64 {
    x.iter().zip(y).map(|(x, y)| x * y).sum()
}

/// What a method makes of the models `m` with the parameters `p`.
fn expected(method: &str, m: &[Vec<f64>], p: &[f64]) -> Vec<f64> {
    let each = |f: &dyn Fn(usize) -> f64| (0..m[0].len()).map(f).collect::<Vec<f64>>();
    let at = |model: usize, i: usize| m[model][i];
    match method {
        "triple_sum" => {
            each(&|i| (1.0 - p[0] - p[1]) * at(0, i) + p[0] * at(1, i) + p[1] * at(2, i))
        }
        "sum_twice" => {
            each(&|i| (1.0 - p[1]) * ((1.0 - p[0]) * at(0, i) + p[0] * at(1, i)) + p[1] * at(2, i))
        }
        "weighted_subtraction" => {
            each(&|i| (at(0, i) - p[0] * p[1] * at(1, i)) / (1.0 - p[0] * p[1]))
        }
        "scale_weights" => each(&|i| p[0] * at(0, i)),
        "slice_sum" => {
            let row = |share: f64| (share * SHAPE[0] as f64) as usize * 360;
            each(&|i| match p[0] + p[1] <= 1.0 {
                true => at(usize::from((row(p[1])..row(p[0] + p[1])).contains(&i)), i),
                false => {
                    let own = (row(p[0] + p[1] - 1.0)..row(p[1])).contains(&i);
                    at(usize::from(!own), i)
                }
            })
        }
        "normalized_sum" => {
            let [na, nb] = [0, 1].map(|x| dot(&m[x], &m[x]).sqrt());
            let u = each(&|i| (1.0 - p[0]) * at(0, i) / na + p[0] * at(1, i) / nb);
            let factor = ((1.0 - p[0]) * na + p[0] * nb) / dot(&u, &u).sqrt();
            each(&|i| u[i] * factor)
        }
        other => added(other, m, p),
    }
}

/// What the methods make that add a difference.
fn added(method: &str, m: &[Vec<f64>], p: &[f64]) -> Vec<f64> {
    let each = |f: &dyn Fn(usize) -> f64| (0..m[0].len()).map(f).collect::<Vec<f64>>();
    let minus = |x: usize, y: usize| each(&|i| m[x][i] - m[y][i]);
    let at = |model: usize, i: usize| m[model][i];
    match method {
        "add_train_difference" => each(&|i| {
            let (x, y) = ((at(1, i) - at(2, i)).abs(), (at(1, i) - at(0, i)).abs());
            let scale = if x + y == 0.0 { 0.0 } else { y / (x + y) };
            at(0, i) + 1.8 * p[0] * scale * (at(1, i) - at(2, i))
        }),
        "add_multiplied_difference" => each(&|i| {
            let (a, b) = (at(0, i) - at(2, i), at(1, i) - at(2, i));
            let size = a.abs().powf(1.0 - p[0]) * b.abs().powf(p[0]);
            at(2, i) + size.copysign(a + p[1] * (b - a))
        }),
        "add_euclidean_difference" => {
            let [a, b] = [minus(0, 2), minus(1, 2)];
            let [na, nb] = [&a, &b].map(|x| dot(x, x).sqrt());
            let d = each(&|i| (1.0 - p[0]) * a[i] + p[0] * b[i]);
            let r = each(&|i| {
                let square = (1.0 - p[0]) * (a[i] / na).powi(2) + p[0] * (b[i] / nb).powi(2);
                square.sqrt().copysign(d[i])
            });
            let factor = dot(&d, &d).sqrt() / dot(&r, &r).sqrt();
            each(&|i| at(2, i) + r[i] * factor)
        }
        "add_similar_difference" => each(&|i| {
            let (a, b, c) = (at(0, i), at(1, i), at(2, i));
            let larger = a.abs().max(b.abs());
            let alike = if larger == 0.0 {
                1.0
            } else {
                (a * b / (larger * larger) + 1.0) / 2.0
            };
            let s = p[1] * alike;
            (1.0 - s) * (a + p[0] * (b - c)) + s * ((1.0 - p[0] / 2.0) * a + p[0] / 2.0 * b)
        }),
        "add_common_features" => {
            let [b, c] = [minus(1, 0), minus(2, 0)];
            let width = SHAPE[2] as usize;
            each(&|i| {
                let row = i / width * width..(i / width + 1) * width;
                let (x, y) = (&b[row.clone()], &c[row]);
                let cosine = dot(x, y) / (dot(x, x) * dot(y, y)).sqrt();
                let alike = f64::midpoint(cosine, 1.0).powf(p[2]);
                let share = alike + p[1] * (1.0 - 2.0 * alike);
                at(0, i) + ((1.0 - p[0]) * b[i] + p[0] * c[i]) * share
            })
        }
        other => panic!("{other}"),
    }
}

/// A method, its number of models and some parameters.
type Row = (&'static str, usize, &'static [(&'static str, f64)]);

const CASES: &[Row] = &[
    ("triple_sum", 3, &[("alpha", 0.3), ("beta", 0.45)]),
    ("sum_twice", 3, &[("alpha", 0.3), ("beta", 0.45)]),
    ("weighted_subtraction", 2, &[("alpha", 0.6), ("beta", 0.5)]),
    ("scale_weights", 1, &[("alpha", 0.9)]),
    ("slice_sum", 2, &[("alpha", 0.5), ("beta", 0.3)]),
    ("slice_sum", 2, &[("alpha", 0.6), ("beta", 0.75)]),
    ("normalized_sum", 2, &[("alpha", 0.35)]),
    ("add_train_difference", 3, &[("alpha", 0.8)]),
    (
        "add_multiplied_difference",
        3,
        &[("alpha", 0.4), ("beta", 0.3)],
    ),
    ("add_euclidean_difference", 3, &[("alpha", 0.4)]),
    (
        "add_similar_difference",
        3,
        &[("alpha", 0.8), ("beta", 0.6)],
    ),
    (
        "add_common_features",
        3,
        &[("alpha", 0.3), ("beta", 0.25), ("gamma", 1.5)],
    ),
];

/// Writes models, the third the base of the others, with some equal elements among them.
fn models(folder: &Path) -> (Vec<PathBuf>, Vec<Vec<f64>>) {
    let len = SHAPE.iter().product::<u64>() as usize;
    let mut all = [1, 2, 0].map(|model| values(len, 5, model));
    for i in (0..len).step_by(17) {
        all[1][i] = all[2][i];
        all[0][i + 1] = 0.0;
        all[1][i + 1] = 0.0;
    }
    let paths = all.iter().enumerate().map(|(number, values)| {
        let path = folder.join(format!("{number}.safetensors"));
        let named = ["w", "attn.to_out.0.weight"];
        write(
            &path,
            &named.map(|name| floats(name, Float::F32, &SHAPE, values)),
        );
        path
    });
    let paths = paths.collect();
    (
        paths,
        all.map(|x| x.into_iter().map(f64::from).collect()).to_vec(),
    )
}

#[test]
fn methods_compute_what_their_formulas_say() {
    let folder = folder();
    let (paths, models) = models(folder.path());
    let output = folder.path().join("o.safetensors");
    for (method, count, parameters) in CASES {
        let texts: Vec<String> = parameters.iter().map(|(n, x)| format!("{n}={x}")).collect();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let case = Case {
            parameters: &texts,
            ..Case::new(method, None, &paths[..*count])
        };
        let (bytes, _) = case
            .run(&output, None)
            .unwrap_or_else(|e| panic!("{method}: {e}"));
        let numbers: Vec<f64> = parameters.iter().map(|(_, number)| *number).collect();
        let expected = expected(method, &models[..*count], &numbers);
        let off = |tensor: &str| {
            let found = read(&bytes, tensor);
            let pairs = found.iter().zip(&expected);
            pairs.fold(0.0_f64, |off, (x, y)| off.max((f64::from(*x) - y).abs()))
        };
        // Sums of some tenths, rounded a few times.
        assert!(off("w") < 3e-7, "{method}: off by {}", off("w"));
        let scaled = *method == "scale_weights";
        assert_eq!(off("attn.to_out.0.weight") > 1e-3, scaled, "{method}");
        let cut = Case {
            memory: 21 << 20,
            threads: 3,
            ..case
        };
        assert!(
            bytes == cut.run(&output, None).expect("a merge").0,
            "{method} in parts"
        );
    }
}

#[test]
fn equal_models_stay_as_they_are() {
    let folder = folder();
    let (paths, _) = models(folder.path());
    let output = folder.path().join("o.safetensors");
    let own = read(&std::fs::read(&paths[0]).expect("a model"), "w");
    for (method, count, _) in CASES {
        if *method == "normalized_sum" {
            continue;
        }
        let same = vec![paths[0].clone(); *count];
        let case = Case::new(method, None, &same);
        let (bytes, _) = case
            .run(&output, None)
            .unwrap_or_else(|e| panic!("{method}: {e}"));
        assert!(own == read(&bytes, "w"), "{method}");
    }
}

/// Scalars, tensors without elements and of every shape, in other types.
#[test]
fn tensors_of_every_shape_are_merged() {
    let folder = folder();
    let output = folder.path().join("o.safetensors");
    let others = [
        ("geometric_sum", 2),
        ("multiply_quotient", 3),
        ("tensor_sum", 2),
        ("add_cosine_a", 2),
        ("add_cosine_b", 2),
    ];
    let own = CASES.iter().map(|(method, count, _)| (*method, *count));
    for (method, count) in own.chain(others) {
        for float in [Float::BF16, Float::F32] {
            let models: Vec<PathBuf> = (0..count as u64)
                .map(|model| family(folder.path(), float, model))
                .collect();
            let run = |threads: usize, level: Level| {
                let case = Case {
                    threads,
                    level,
                    ..Case::new(method, None, &models)
                };
                let merged = case.run(&output, None);
                merged.unwrap_or_else(|e| panic!("{method}: {e}")).0
            };
            let expected = run(1, Level::BASELINE);
            for level in levels() {
                assert!(expected == run(2, level), "{method} at {}", level.name());
            }
        }
    }
}
