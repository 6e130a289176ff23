//! Methods of mergekit against their definitions in f64, which share nothing with the engine.

use std::path::PathBuf;

use crate::golden::close;
use crate::laws::folder;
use crate::support::models::{Case, floats, values, write};
use crate::support::tensors::read;
use wgmerge::dtype::Float;

/// A tensor's values.
type Values = Vec<f64>;

/// What a method makes of the base and the models.
type Definition = fn(&Values, &[Values]) -> Values;

/// Rows and columns of the tensor.
const SHAPE: [u64; 2] = [37, 129];

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn norm(a: &[f64]) -> f64 {
    dot(a, a).sqrt()
}

fn sub(a: &[f64], b: &[f64]) -> Values {
    a.iter().zip(b).map(|(a, b)| a - b).collect()
}

fn add(a: &[f64], b: &[f64]) -> Values {
    a.iter().zip(b).map(|(a, b)| a + b).collect()
}

fn scale(a: &[f64], factor: f64) -> Values {
    a.iter().map(|a| a * factor).collect()
}

/// The sum of values with weights.
fn sum<'v>(values: impl IntoIterator<Item = &'v Values>, weights: &[f64]) -> Values {
    let scaled = values
        .into_iter()
        .zip(weights)
        .map(|(own, w)| scale(own, *w));
    scaled.reduce(|a, b| add(&a, &b)).expect("a value")
}

/// The entries by magnitude, the largest first, of equal ones the first.
fn order(a: &[f64]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..a.len()).collect();
    order.sort_by(|x, y| a[*y].abs().total_cmp(&a[*x].abs()));
    order
}

fn breadcrumbs(b: &Values, models: &[Values]) -> Values {
    let deltas = models.iter().map(|m| {
        let delta = sub(m, b);
        let n = delta.len() as f64;
        let (kept, outliers) = ((0.3 * n) as usize, (0.05 * n) as usize);
        let mut sparse = vec![0.0; delta.len()];
        for at in order(&delta).into_iter().skip(outliers).take(kept) {
            sparse[at] = delta[at];
        }
        sparse
    });
    let deltas: Vec<Values> = deltas.collect();
    add(b, &sum(&deltas, &[0.5, 0.8, -0.3]))
}

fn model_stock(b: &Values, models: &[Values]) -> Values {
    let deltas: Vec<Values> = models.iter().map(|m| sub(m, b)).collect();
    let mut cosines = Vec::new();
    for (at, one) in deltas.iter().enumerate() {
        for other in &deltas[at + 1..] {
            cosines.push(dot(one, other) / (norm(one) * norm(other)).max(1e-6));
        }
    }
    let n = models.len() as f64;
    let c = cosines.iter().sum::<f64>() / cosines.len() as f64;
    let t = n * c / (1.0 + (n - 1.0) * c);
    let mean = sum(models, &vec![1.0 / n; models.len()]);
    add(&scale(&mean, t), &scale(b, 1.0 - t))
}

/// Part by part, of so many elements.
fn parts(b: &Values, models: &[Values], len: u64, of: Definition) -> Values {
    let part = |own: &Values, at: usize| own[at..at + len as usize].to_vec();
    let merged = (0..b.len()).step_by(len as usize).flat_map(|at| {
        let models: Vec<Values> = models.iter().map(|own| part(own, at)).collect();
        of(&part(b, at), &models)
    });
    merged.collect()
}

fn rows(b: &Values, models: &[Values], of: Definition) -> Values {
    parts(b, models, SHAPE[1], of)
}

/// A matrix with its columns as rows.
fn turned(a: &Values, [rows, columns]: [u64; 2]) -> Values {
    let places = (0..columns).flat_map(|c| (0..rows).map(move |r| r * columns + c));
    places.map(|at| a[at as usize]).collect()
}

fn nearswap(b: &Values, models: &[Values]) -> Values {
    let moved = sub(&models[0], b).into_iter().map(|d| d.clamp(-0.01, 0.01));
    add(b, &moved.collect::<Values>())
}

fn nuslerp(b: &Values, models: &[Values]) -> Values {
    let [u, v] = [0, 1].map(|at| sub(&models[at], b));
    let t = 0.5 / (0.3 + 0.5);
    let angle = (dot(&u, &v) / (norm(&u) * norm(&v))).acos();
    let shares = [(1.0 - t) * angle, t * angle].map(|part| part.sin() / angle.sin());
    add(b, &sum([&u, &v], &shares))
}

fn multislerp(b: &Values, models: &[Values]) -> Values {
    let deltas: Vec<Values> = models.iter().map(|m| sub(m, b)).collect();
    let weights = [0.2, 0.3, 0.7].map(|weight| weight / 1.2);
    let units: Vec<Values> = deltas.iter().map(|d| scale(d, 1.0 / norm(d))).collect();
    let mean = sum(&units, &weights);
    let length: f64 = deltas.iter().zip(weights).map(|(d, w)| norm(d) * w).sum();
    add(b, &scale(&mean, length / norm(&mean)))
}

/// Vectors themselves instead of their products.
fn karcher(_: &Values, models: &[Values]) -> Values {
    let share = 1.0 / models.len() as f64;
    let shares = vec![share; models.len()];
    let units: Vec<Values> = models.iter().map(|m| scale(m, 1.0 / norm(m))).collect();
    let mut mean = sum(&units, &shares);
    mean = scale(&mean, 1.0 / norm(&mean));
    for _ in 0..10 {
        let mut tangent = vec![0.0; mean.len()];
        for unit in &units {
            let cosine = dot(&mean, unit);
            let angle = cosine.acos();
            let side = sub(unit, &scale(&mean, cosine));
            tangent = add(&tangent, &scale(&side, share * angle / angle.sin()));
        }
        let length = norm(&tangent);
        if length < 1e-5 {
            break;
        }
        mean = add(
            &scale(&mean, length.cos()),
            &scale(&tangent, length.sin() / length),
        );
        mean = scale(&mean, 1.0 / norm(&mean));
    }
    scale(&mean, models.iter().map(|m| norm(m)).sum::<f64>() * share)
}

fn sce(b: &Values, models: &[Values]) -> Values {
    let mut deltas: Vec<Values> = models.iter().map(|m| sub(m, b)).collect();
    let n = deltas.len() as f64;
    let variance = |at: usize| {
        let mean = deltas.iter().map(|d| d[at]).sum::<f64>() / n;
        deltas.iter().map(|d| (d[at] - mean).powi(2)).sum::<f64>() / n
    };
    let variances: Values = (0..b.len()).map(variance).collect();
    let varying = variances.iter().filter(|v| **v != 0.0).count();
    let kept = (varying as f64 * 0.3) as usize;
    for at in order(&variances).into_iter().skip(kept) {
        deltas.iter_mut().for_each(|d| d[at] = 0.0);
    }
    let squares: Values = deltas.iter().map(|d| dot(d, d)).collect();
    let total: f64 = squares.iter().sum();
    let merged = (0..b.len()).map(|at| {
        let elected = deltas.iter().map(|d| d[at]).sum::<f64>() >= 0.0;
        let (mut mass, mut weight) = (0.0, 0.0);
        for (delta, square) in deltas.iter().zip(&squares) {
            if delta[at] != 0.0 && (delta[at] > 0.0) == elected {
                mass += delta[at] * square / total;
                weight += square / total;
            }
        }
        b[at] + mass / weight.max(1e-6)
    });
    merged.collect()
}

fn ramplus(b: &Values, models: &[Values]) -> Values {
    let deltas: Vec<Values> = models.iter().map(|m| sub(m, b)).collect();
    let active = |delta: &Values, at: usize| delta[at].abs() > 0.02_f32.into();
    let count = |at: usize| deltas.iter().filter(|d| active(d, at)).count();
    let strength = deltas.iter().map(|delta| {
        let own = (0..b.len()).filter(|at| active(delta, *at));
        let (alone, shared): (Vec<usize>, Vec<usize>) = own.partition(|at| count(*at) == 1);
        let share = shared.len() as f64 / (alone.len() as f64).max(0.02);
        1.0 + 0.3 * share.min(5.0)
    });
    let strength: Values = strength.collect();
    let merged = (0..b.len()).map(|at| {
        let own = deltas.iter().zip(&strength).filter(|(d, _)| active(d, at));
        let moved: f64 = match count(at) {
            1 => own.map(|(delta, strength)| delta[at] * strength).sum(),
            n => own.map(|(delta, _)| delta[at] / n as f64).sum(),
        };
        b[at] + moved
    });
    merged.collect()
}

fn arcee_fusion(b: &Values, models: &[Values]) -> Values {
    let columns = SHAPE[1] as usize;
    let softmax = |row: &[f64]| {
        let total: f64 = row.iter().map(|x| x.exp()).sum();
        row.iter()
            .map(|x| x.exp() / total + 1e-8)
            .collect::<Values>()
    };
    let rows = models[0].chunks(columns).zip(b.chunks(columns));
    let scores = rows.flat_map(|(x, y)| {
        let (p, q) = (softmax(x), softmax(y));
        let terms = p.iter().zip(&q).map(|(p, q)| p * (p / q).ln());
        let divergence: f64 = terms.sum();
        sub(x, y).into_iter().map(move |d| d.abs() * divergence)
    });
    let scores: Values = scores.collect();
    let mut sorted = scores.clone();
    sorted.sort_by(f64::total_cmp);
    let [q1, q2, q3] = [0.25, 0.5, 0.75].map(|q| sorted[(q * (b.len() - 1) as f64) as usize]);
    let taken = scores.iter().zip(models[0].iter().zip(b));
    let taken = taken.map(|(score, (x, y))| {
        if *score >= q2 + 1.5 * (q3 - q1) {
            *x
        } else {
            *y
        }
    });
    taken.collect()
}

/// A method, how many models it has, its parameters, what it is, and whether it has the base.
type Row = (
    &'static str,
    usize,
    &'static [&'static str],
    Definition,
    bool,
);

const ROWS: &[Row] = &[
    (
        "breadcrumbs",
        3,
        &["density=0.3", "gamma=0.05", "weight=0.5,0.8,-0.3"],
        breadcrumbs,
        true,
    ),
    ("model_stock", 3, &[], model_stock, true),
    (
        "model_stock",
        3,
        &["filter_wise=true"],
        |b, models| rows(b, models, model_stock),
        true,
    ),
    ("nearswap", 1, &["t=0.01"], nearswap, true),
    ("nuslerp", 2, &["weight=0.3,0.5"], nuslerp, true),
    (
        "nuslerp",
        2,
        &["weight=0.3,0.5"],
        |b, models| nuslerp(&vec![0.0; b.len()], models),
        false,
    ),
    (
        "nuslerp",
        2,
        &["weight=0.3,0.5", "angles=row"],
        |b, models| rows(b, models, nuslerp),
        true,
    ),
    (
        "nuslerp",
        2,
        &["weight=0.3,0.5", "angles=column"],
        |b, models| {
            let models: Vec<Values> = models.iter().map(|m| turned(m, SHAPE)).collect();
            let [r, c] = SHAPE;
            turned(&parts(&turned(b, SHAPE), &models, r, nuslerp), [c, r])
        },
        true,
    ),
    ("multislerp", 3, &["weight=0.2,0.3,0.7"], multislerp, true),
    ("karcher", 3, &[], karcher, false),
    ("karcher", 2, &[], karcher, false),
    ("sce", 3, &["select_topk=0.3"], sce, true),
    ("arcee_fusion", 1, &[], arcee_fusion, true),
    (
        "ramplus_tl",
        3,
        &["epsilon=0.02", "r=0.3", "alpha=5"],
        ramplus,
        true,
    ),
    (
        "ram",
        3,
        &["epsilon=0.02"],
        |b, models| {
            let deltas: Vec<Values> = models.iter().map(|m| sub(m, b)).collect();
            let moved = (0..b.len()).map(|at| {
                let own = deltas.iter().map(|d| d[at]);
                let active: Values = own.filter(|d| d.abs() > 0.02_f32.into()).collect();
                active.iter().sum::<f64>() / (active.len() as f64).max(1.0)
            });
            add(b, &moved.collect::<Values>())
        },
        true,
    ),
];

#[test]
fn methods_are_what_their_definitions_say() {
    let folder = folder();
    let output = folder.path().join("out.safetensors");
    let n = SHAPE.iter().product::<u64>() as usize;
    let models: Vec<Vec<f32>> = (0..4).map(|model| values(n, 11, model)).collect();
    let paths: Vec<PathBuf> = models
        .iter()
        .enumerate()
        .map(|(number, model)| {
            let path = folder.path().join(format!("{number}.safetensors"));
            write(&path, &[floats("w", Float::F32, &SHAPE, model)]);
            path
        })
        .collect();
    let wide: Vec<Values> = models
        .iter()
        .map(|model| model.iter().map(|x| f64::from(*x)).collect())
        .collect();
    // Task vectors are differences in f32.
    let near = |model: &Values| {
        let delta = sub(model, &wide[0])
            .into_iter()
            .map(|d| f64::from(d as f32));
        add(&wide[0], &delta.collect::<Values>())
    };
    for (method, count, parameters, definition, has_base) in ROWS {
        let case = Case {
            parameters,
            ..Case::new(method, has_base.then(|| &paths[0]), &paths[1..=*count])
        };
        let (found, _) = case.run(&output, None).expect("a merge");
        let models: Vec<Values> = match has_base {
            true => wide[1..=*count].iter().map(near).collect(),
            false => wide[1..=*count].to_vec(),
        };
        let expected = definition(&wide[0], &models);
        let expected: Vec<f32> = expected.iter().map(|x| *x as f32).collect();
        close(
            &format!("{method} {parameters:?}"),
            &read(&found, "w"),
            &expected,
            2e-6,
        );
    }
}
