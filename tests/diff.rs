//! Comparisons against sums in f64, and what must hold for any two models.

mod command;
mod forms;
mod sample;

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use wgmerge::dtype::Float;
use wgmerge::exec::cpu::Level;
use wgmerge::merge::{Merge, Settings, Silent};
use wgmerge::recipe::{Options, comparison_of};
use wgmerge::report::{Comparison, Report, State, Tensor};

use crate::support::backends::levels;
use crate::support::models::{SHAPES, family, floats, values, write};

/// Compares two files within limits.
pub fn compare_within(
    base: Option<&Path>,
    [a, b]: [&Path; 2],
    density: f64,
    (memory, threads, level): (u64, usize, Level),
) -> Report {
    let base = base.map(Path::to_path_buf);
    let pair = [a.to_path_buf(), b.to_path_buf()];
    let recipe = comparison_of(base, pair, density, Options::default()).expect("a share");
    let settings = Settings {
        memory,
        threads,
        level,
        ..Settings::new("nowhere.safetensors")
    };
    let merge = Merge::prepare(recipe, settings).expect("models that can be compared");
    let report = merge.compare(&Silent, &AtomicBool::new(false));
    report.expect("a comparison")
}

pub fn compare(a: &Path, b: &Path) -> Report {
    compare_within(None, [a, b], 0.0, (1 << 30, 2, Level::detect()))
}

pub fn of<'r>(report: &'r Report, key: &str) -> &'r Tensor {
    let mut tensors = report.tensors.iter();
    let found = tensors.find(|tensor| tensor.key == key);
    found.unwrap_or_else(|| panic!("no tensor {key}"))
}

fn number(report: &Report, key: &str) -> Comparison {
    of(report, key).comparison.clone().expect("numbers")
}

/// What is to be found of two lists of numbers, by the definitions.
fn expected(a: &[f64], b: &[f64]) -> Comparison {
    let pairs: Vec<(f64, f64)> = { a.iter().copied() }.zip(b.iter().copied()).collect();
    let both = |(a, b): &&(f64, f64)| a.is_finite() && b.is_finite();
    let sound: Vec<(f64, f64)> = pairs.iter().filter(both).copied().collect();
    let sum = |f: fn(f64, f64) -> f64| sound.iter().map(|(a, b)| f(*a, *b)).sum();
    let count = |f: fn(f64, f64) -> bool| sound.iter().filter(|(a, b)| f(*a, *b)).count() as u64;
    Comparison {
        elements: a.len() as u64,
        a_squares: sum(|a, _| a * a),
        b_squares: sum(|_, b| b * b),
        products: sum(|a, b| a * b),
        change_squares: sum(|a, b| (b - a) * (b - a)),
        changed: count(|a, b| a != b),
        same_sign: count(|a, b| a.signum() == b.signum() && a != 0.0 && b != 0.0),
        opposite_sign: count(|a, b| a.signum() != b.signum() && a != 0.0 && b != 0.0),
        a_non_finite: a.iter().filter(|a| !a.is_finite()).count() as u64,
        b_non_finite: b.iter().filter(|b| !b.is_finite()).count() as u64,
        ..Comparison::default()
    }
}

/// Sums of a tile are f32; the rest is f64.
#[track_caller]
fn near(found: f64, expected: f64, scale: f64) {
    let apart = (found - expected).abs();
    assert!(apart <= 2e-6 * scale, "{found} is not {expected}");
}

#[track_caller]
fn check(found: &Comparison, expected: &Comparison) {
    let scale = expected.a_squares.max(expected.b_squares);
    near(found.a_squares, expected.a_squares, expected.a_squares);
    near(found.b_squares, expected.b_squares, expected.b_squares);
    near(found.products, expected.products, scale);
    let change = expected.change_squares;
    near(found.change_squares, change, change);
    let counts = |own: &Comparison| {
        let signs = [own.same_sign, own.opposite_sign];
        let others = [
            own.elements,
            own.changed,
            own.a_non_finite,
            own.b_non_finite,
        ];
        (signs, others)
    };
    assert_eq!(counts(found), counts(expected));
}

/// A model of all shapes in a type, as `family` has it: the values as they are stored.
fn stored(path: &Path, key: &str) -> Vec<f64> {
    let checkpoint = wgmerge::checkpoint::Checkpoint::open(path).expect("a file");
    crate::support::tensors::decoded(&checkpoint, key)
}

fn pair(folder: &Path) -> [PathBuf; 3] {
    let base = family(folder, Float::F32, 0);
    let (a, b) = (
        family(folder, Float::F16, 1),
        family(folder, Float::BF16, 2),
    );
    [base, a, b]
}

#[test]
fn every_number_is_that_of_the_definition_whatever_the_types() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let [_, a, b] = pair(folder.path());
    let report = compare(&a, &b);
    let (mut all_a, mut all_b) = (Vec::new(), Vec::new());
    for at in 0..SHAPES.len() {
        let key = format!("layer.{at}.weight");
        let (x, y) = (stored(&a, &key), stored(&b, &key));
        let found = number(&report, &key);
        check(&found, &expected(&x, &y));
        let apart = x.iter().zip(&y).map(|(x, y)| (y - x).abs());
        // Differences are f32 too.
        let most = apart.fold(0.0, f64::max);
        let greatest = found.greatest.as_ref().map_or(0.0, |own| own.magnitude);
        near(greatest, most, most);
        if let Some(own) = &found.greatest {
            let at = own.element as usize;
            near((y[at] - x[at]).abs(), most, most);
        }
        all_a.extend(x);
        all_b.extend(y);
    }
    let total = report.total().comparison.expect("numbers");
    check(&total, &expected(&all_a, &all_b));
    let forms = of(&report, "layer.4.weight");
    assert_eq!(forms.form.dtype, "F16");
    assert_eq!(
        forms.other.as_ref().map(|own| own.dtype.as_str()),
        Some("BF16")
    );
}

#[test]
fn numbers_do_not_depend_on_instructions_memory_or_threads() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let [base, a, b] = pair(folder.path());
    for against in [None, Some(base.as_path())] {
        let of = |limits| compare_within(against, [&a, &b], 0.2, limits).tensors;
        let known = of((1 << 30, 1, Level::BASELINE));
        for level in levels() {
            for (memory, threads) in [(1 << 30, 3), (26 << 20, 1)] {
                assert_eq!(of((memory, threads, level)), known, "{memory} {threads}");
            }
        }
    }
}

#[test]
fn a_model_does_not_differ_from_itself() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let a = family(folder.path(), Float::BF16, 1);
    let copy = folder.path().join("copy.safetensors");
    std::fs::copy(&a, &copy).expect("a copy");
    for b in [&a, &copy] {
        let report = compare(&a, b);
        let total = report.total();
        let own = total.comparison.expect("numbers");
        assert_eq!(
            (own.changed, own.opposite_sign, own.greatest.clone()),
            (0, 0, None)
        );
        assert_eq!((own.norm_change(), own.relative_change()), (0.0, Some(0.0)));
        assert_eq!(own.cosine(), Some(1.0));
        let bytes = total.stored.expect("integers");
        assert_eq!((bytes.bytes, bytes.changed), (24, 0));
        assert!(report.tensors.iter().all(|own| own.other.is_none()));
    }
}

#[test]
fn a_planted_change_is_found_with_its_first_element() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let shape = [70, 3, 1031];
    let n = shape.iter().product::<u64>() as usize;
    let mut tuned = values(n, 9, 0);
    let planted = 150_000;
    // Each is as large as the others; the first counts.
    for at in [planted, planted + 1, n - 1] {
        tuned[at] = 0.0;
    }
    let mut plain = tuned.clone();
    plain[planted] = 3.0;
    plain[planted + 1] = -3.0;
    plain[n - 1] = 3.0;
    let [a, b] = [("a", plain), ("b", tuned)].map(|(name, own)| {
        let path = folder.path().join(format!("{name}.safetensors"));
        write(&path, &[floats("w", Float::F32, &shape, &own)]);
        path
    });
    for memory in [1 << 30, 24 << 20] {
        let limits = (memory, 2, Level::detect());
        let report = compare_within(None, [&a, &b], 0.0, limits);
        let own = number(&report, "w");
        let greatest = own.greatest.expect("a change");
        assert_eq!(
            (greatest.magnitude, greatest.element),
            (3.0, planted as u64)
        );
        let [_, rows, columns] = shape;
        let [i, j, k] = greatest.index[..] else {
            panic!("{:?}", greatest.index)
        };
        assert_eq!((i * rows + j) * columns + k, planted as u64);
        assert_eq!(own.changed, 3);
    }
}

#[test]
fn infinities_and_nan_are_counted_and_left_out() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let [a, b] = [
        ("a", [1.0, f32::NAN, 3.0, f32::INFINITY, 5.0]),
        ("b", [2.0, 7.0, f32::NEG_INFINITY, f32::NAN, 5.0]),
    ]
    .map(|(name, own)| {
        let path = folder.path().join(format!("{name}.safetensors"));
        write(&path, &[floats("w", Float::F32, &[5], &own)]);
        path
    });
    let own = number(&compare(&a, &b), "w");
    assert_eq!((own.a_non_finite, own.b_non_finite), (2, 2));
    assert_eq!((own.a_squares, own.b_squares), (26.0, 29.0));
    assert_eq!((own.changed, own.same_sign), (1, 2));
    assert_eq!(own.greatest.expect("a change").element, 0);
}

#[test]
fn against_a_base_task_vectors_are_compared_and_their_largest_entries() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let [base, a, b] = pair(folder.path());
    let density = 0.3;
    let limits = (1 << 30, 2, Level::detect());
    let report = compare_within(Some(&base), [&a, &b], density, limits);
    for at in 0..SHAPES.len() {
        let key = format!("layer.{at}.weight");
        let [o, x, y] = [&base, &a, &b].map(|path| stored(path, &key));
        // Task vectors are f32, as merges have them.
        let minus = |x: &[f64]| -> Vec<f64> {
            let pairs = x.iter().zip(&o);
            pairs
                .map(|(x, o)| f64::from(*x as f32 - *o as f32))
                .collect()
        };
        let (x, y) = (minus(&x), minus(&y));
        let found = number(&report, &key);
        check(&found, &expected(&x, &y));
        let squares: f64 = o.iter().map(|o| o * o).sum();
        near(found.base_squares.expect("a base"), squares, squares);
        let k = (density * x.len() as f64) as usize;
        let top = |x: &[f64]| -> Vec<bool> {
            let mut order: Vec<usize> = (0..x.len()).collect();
            order.sort_by(|&i, &j| x[j].abs().total_cmp(&x[i].abs()).then(i.cmp(&j)));
            let mut kept = vec![false; x.len()];
            order[..k].iter().for_each(|&i| kept[i] = x[i] != 0.0);
            kept
        };
        let (p, q) = (top(&x), top(&y));
        let both = || (0..x.len()).filter(|&i| p[i] && q[i]);
        let own = found.top.expect("largest entries");
        let count = |kept: &[bool]| kept.iter().filter(|own| **own).count() as u64;
        assert_eq!((own.a, own.b), (count(&p), count(&q)), "{key}");
        assert_eq!(own.both, both().count() as u64, "{key}");
        let opposite = both().filter(|&i| x[i] * y[i] < 0.0).count() as u64;
        assert_eq!(own.opposite_sign, opposite, "{key}");
    }
    assert_eq!(of(&report, "position_ids").state, State::Bytes);
}
