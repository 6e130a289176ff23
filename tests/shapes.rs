//! Tensors of one name and several shapes: cut, filled up, or kept where only some have them.

use std::path::{Path, PathBuf};

use wgmerge::dtype::Float;
use wgmerge::exec::Executor;
use wgmerge::exec::cpu::{CpuExecutor, Level};
use wgmerge::merge::{Device, MergeError};
use wgmerge::plan::DeviceLimits;
use wgmerge::recipe::{Missing, OnNan, Options, ShapePolicy};

use crate::laws::folder;
use crate::support::models::{Case, floats, values, write};
use crate::support::tensors::read;

/// Writes a model of one tensor.
fn model(folder: &Path, name: &str, shape: &[u64], values: &[f32]) -> PathBuf {
    let path = folder.join(format!("{name}.safetensors"));
    write(&path, &[floats("w", Float::F32, shape, values)]);
    path
}

fn numbers(shape: &[u64], seed: u64) -> Vec<f32> {
    values(shape.iter().product::<u64>() as usize, seed, 1)
}

fn policy(shape: ShapePolicy) -> Options {
    Options {
        shape,
        ..Options::default()
    }
}

/// The tensor that comes out, the same in little memory, on several threads and where a device
/// holds whole tasks.
fn merged(case: &Case<'_>, folder: &Path) -> Vec<f32> {
    let output = folder.join("out.safetensors");
    let (expected, _) = case.run(&output, None).expect("a merge");
    let limits = DeviceLimits {
        binding_bytes: 8 << 20,
    };
    let slot = |_, _, level| Ok(Box::new(CpuExecutor::new(level)) as Box<dyn Executor + Send>);
    let device = Device::new("small".to_owned(), limits, Box::new(slot));
    let little = Case {
        memory: 24 << 20,
        threads: 3,
        level: Level::BASELINE,
        options: case.options.clone(),
        ..Case::new(case.method, case.base.as_ref(), &case.models)
    };
    let little = Case {
        parameters: case.parameters,
        ..little
    };
    for device in [None, Some(device)] {
        let (found, _) = little.run(&output, device).expect("a merge");
        assert!(found == expected, "{}: other bytes", case.method);
    }
    #[cfg(feature = "gpu")]
    for adapter in crate::support::backends::found() {
        let gpu = crate::support::backends::open(&adapter);
        let found = case.run(&output, Some(Device::gpu(gpu))).expect("a merge");
        assert!(
            found.0 == expected,
            "{} on {adapter:?}: other bytes",
            case.method
        );
    }
    read(&expected, "w")
}

/// The element of a tensor at a place, where it has one.
fn at(shape: &[u64], values: &[f32], place: &[u64]) -> Option<f32> {
    let inside = place.iter().zip(shape).all(|(i, n)| i < n);
    let offset = place.iter().zip(shape).fold(0, |sum, (i, n)| sum * n + i);
    inside.then(|| values[offset as usize])
}

/// Every place of a shape, in order.
fn places(shape: &[u64]) -> impl Iterator<Item = Vec<u64>> {
    let total: u64 = shape.iter().product();
    (0..total).map(move |mut rest| {
        let mut place = vec![0; shape.len()];
        for (place, n) in place.iter_mut().zip(shape).rev() {
            *place = rest % n;
            rest /= n;
        }
        place
    })
}

#[test]
fn each_element_is_merged_from_the_models_that_have_it() {
    let folder = folder();
    let shapes: [&[u64]; 3] = [&[30, 4, 50], &[41, 2, 70], &[30, 4, 60]];
    let tensors: Vec<Vec<f32>> = (1..)
        .zip(shapes)
        .map(|(seed, s)| numbers(s, seed))
        .collect();
    let models: Vec<PathBuf> = shapes
        .iter()
        .zip(&tensors)
        .enumerate()
        .map(|(number, (shape, values))| model(folder.path(), &format!("{number}"), shape, values))
        .collect();
    let case = Case {
        options: policy(ShapePolicy::Keep),
        ..Case::new("n_average", None, &models)
    };
    let found = merged(&case, folder.path());
    let union = [41, 4, 70];
    assert_eq!(found.len(), 41 * 4 * 70);
    for (found, place) in found.iter().zip(places(&union)) {
        let own = shapes.iter().zip(&tensors);
        let own: Vec<f32> = own.filter_map(|(shape, x)| at(shape, x, &place)).collect();
        match own.as_slice() {
            [] => assert_eq!(*found, 0.0, "{place:?}"),
            [one] => assert_eq!(*found, *one, "{place:?}"),
            several => {
                let mean = several.iter().sum::<f32>() / several.len() as f32;
                assert!((found - mean).abs() < 1e-6, "{place:?}: {found} {mean}");
            }
        }
    }
}

#[test]
fn the_channels_of_an_inpainting_model_are_kept() {
    let folder = folder();
    let (wide, narrow): (&[u64], &[u64]) = (&[320, 9, 3, 3], &[320, 4, 3, 3]);
    let (x, y, z) = (numbers(wide, 1), numbers(narrow, 2), numbers(narrow, 3));
    let inpaint = model(folder.path(), "inpaint", wide, &x);
    let custom = model(folder.path(), "custom", narrow, &y);
    let plain = model(folder.path(), "plain", narrow, &z);
    let check = |case: &Case<'_>, common: &dyn Fn(f32, f32, f32) -> f32| {
        let found = merged(case, folder.path());
        assert_eq!(found.len(), x.len(), "{}", case.method);
        for (found, place) in found.iter().zip(places(wide)) {
            let own = at(wide, &x, &place).expect("an element of the largest");
            match (at(narrow, &y, &place), at(narrow, &z, &place)) {
                (Some(y), Some(z)) => {
                    let wanted = common(own, y, z);
                    assert!((found - wanted).abs() < 1e-6, "{} {place:?}", case.method);
                }
                _ => assert_eq!(*found, own, "{} {place:?}", case.method),
            }
        }
    };
    for models in [[&inpaint, &custom], [&custom, &inpaint]] {
        let case = Case {
            options: policy(ShapePolicy::Keep),
            ..Case::new("weighted_sum", None, &models.map(Clone::clone))
        };
        let case = Case {
            parameters: &["alpha=0.5"],
            ..case
        };
        check(&case, &|x, y, _| 0.5 * x + 0.5 * y);
    }
    let case = Case {
        options: policy(ShapePolicy::Keep),
        parameters: &["alpha=1"],
        ..Case::new(
            "add_difference",
            None,
            &[inpaint.clone(), custom.clone(), plain.clone()],
        )
    };
    check(&case, &|x, y, z| x + (y - z));
}

#[test]
fn new_rows_of_a_vocabulary_are_kept_and_no_statistic_sees_them() {
    let folder = folder();
    let (small, large): (&[u64], &[u64]) = (&[1000, 64], &[1003, 64]);
    let rows = |values: &[f32]| values[..64_000].to_vec();
    let base = values(64_000, 7, 0);
    let mut plus = values(64_192, 7, 1);
    // What would change every threshold and every angle.
    plus[64_000..].iter_mut().for_each(|x| *x *= 1000.0);
    let same = values(64_000, 7, 2);
    let cut = model(folder.path(), "cut", small, &rows(&plus));
    let base = model(folder.path(), "base", small, &base);
    let tuned = model(folder.path(), "plus", large, &plus);
    let same = model(folder.path(), "same", small, &same);
    let works: &[(&str, bool, &[&str])] = &[
        ("linear", false, &[]),
        ("slerp", false, &["t=0.3"]),
        ("task_arithmetic", true, &[]),
        ("ties", true, &["density=0.3"]),
        ("ties", true, &["density=0.3", "scope=model"]),
        ("dare_ties", true, &["drop=0.5"]),
    ];
    for &(method, with_base, parameters) in works {
        let case = |first: &PathBuf| Case {
            options: policy(ShapePolicy::Keep),
            parameters,
            ..Case::new(
                method,
                with_base.then_some(&base),
                &[first.clone(), same.clone()],
            )
        };
        let expected = merged(&case(&cut), folder.path());
        let found = merged(&case(&tuned), folder.path());
        assert_eq!(found[64_000..], plus[64_000..], "{method} {parameters:?}");
        for (at, (found, expected)) in found.iter().zip(&expected).enumerate() {
            let near = (found - expected).abs() <= 1e-6;
            assert!(near, "{method} {parameters:?}: {found} {expected} at {at}");
        }
    }
}

#[test]
fn values_that_are_not_finite_are_seen_in_what_is_kept() {
    let folder = folder();
    let mut x = numbers(&[3, 5], 1);
    x[4] = f32::NAN;
    let wide = model(folder.path(), "wide", &[3, 5], &x);
    let narrow = model(folder.path(), "narrow", &[3, 4], &numbers(&[3, 4], 2));
    let run = |on_nan| {
        let options = Options {
            on_nan,
            ..policy(ShapePolicy::Keep)
        };
        let case = Case {
            options,
            ..Case::new("linear", None, &[narrow.clone(), wide.clone()])
        };
        let output = folder.path().join("out.safetensors");
        case.run(&output, None).map(|(bytes, _)| read(&bytes, "w"))
    };
    assert!(matches!(
        run(OnNan::Error),
        Err(MergeError::NonFinite { element: 4, .. })
    ));
    assert_eq!(run(OnNan::Zero).expect("a merge")[4], 0.0);
    assert_eq!(run(OnNan::Base).expect("a merge")[4], 0.0);
    assert!(run(OnNan::Keep).expect("a merge")[4].is_nan());
}

#[test]
fn filling_up_cuts_nothing_and_cutting_fills_nothing() {
    let folder = folder();
    let base = model(folder.path(), "base", &[10, 4], &numbers(&[10, 4], 1));
    let plus = model(folder.path(), "plus", &[12, 4], &numbers(&[12, 4], 2));
    let output = folder.path().join("out.safetensors");
    let run = |shape, base: &PathBuf, models: &[PathBuf]| {
        let case = Case {
            options: policy(shape),
            ..Case::new("task_arithmetic", Some(base), models)
        };
        case.run(&output, None).map(|(bytes, _)| read(&bytes, "w"))
    };
    let found = run(ShapePolicy::Pad, &base, std::slice::from_ref(&plus)).expect("a merge");
    assert_eq!(found.len(), 48);
    let found = run(ShapePolicy::Crop, &base, std::slice::from_ref(&plus)).expect("a merge");
    assert_eq!(found.len(), 40);
    let fault = run(ShapePolicy::Crop, &plus, std::slice::from_ref(&base));
    let fault = fault.expect_err("nothing is filled up").to_string();
    assert!(
        fault.contains("--shape crop fills nothing up; keep"),
        "{fault}"
    );
}

#[test]
fn advice_fits_the_case() {
    let folder = folder();
    let output = folder.path().join("out.safetensors");
    let shapes: [(&str, &[u64]); 4] = [
        ("a", &[6, 4]),
        ("larger", &[8, 4]),
        ("conv", &[6, 4, 1, 1]),
        ("other", &[6, 4, 3]),
    ];
    let models = shapes.map(|(name, shape)| model(folder.path(), name, shape, &numbers(shape, 3)));
    let run = |shape, models: [&PathBuf; 2]| {
        let case = Case {
            options: Options {
                missing: Missing::Error,
                ..policy(shape)
            },
            ..Case::new("linear", None, &models.map(Clone::clone))
        };
        case.run(&output, None).map(|(bytes, _)| read(&bytes, "w"))
    };
    let [a, larger, conv, other] = &models;
    let advice = |models| {
        run(ShapePolicy::Error, models)
            .expect_err("a fault")
            .to_string()
    };
    let text = advice([a, larger]);
    assert!(
        text.contains("--shape crop cuts the larger tensors"),
        "{text}"
    );
    assert!(run(ShapePolicy::Crop, [a, larger]).is_ok());
    assert!(run(ShapePolicy::Keep, [a, larger]).is_ok());
    let text = advice([larger, a]);
    assert!(
        !text.contains("crop") && text.contains("--shape keep"),
        "{text}"
    );
    assert!(run(ShapePolicy::Keep, [larger, a]).is_ok());
    assert!(run(ShapePolicy::Pad, [larger, a]).is_ok());
    let text = advice([a, conv]);
    assert!(text.contains("hold the same numbers"), "{text}");
    let found = run(ShapePolicy::Keep, [a, conv]).expect("a merge");
    assert_eq!(found, numbers(&[6, 4], 3));
    for shape in [
        ShapePolicy::Error,
        ShapePolicy::Keep,
        ShapePolicy::Pad,
        ShapePolicy::Crop,
    ] {
        let text = run(shape, [a, other]).expect_err("a fault").to_string();
        assert!(
            text.contains("different rank") && !text.contains("--shape"),
            "{text}"
        );
    }
}
