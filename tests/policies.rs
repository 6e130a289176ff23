//! What happens to tensors that do not fit: values, names, shapes and types.

mod counters;
mod kept;

use std::path::{Path, PathBuf};

use wgmerge::checkpoint::Checkpoint;
use wgmerge::dtype::{DType, Float};
use wgmerge::keys::Filter;
use wgmerge::merge::MergeError;
use wgmerge::recipe::{Missing, OnNan, Options, OutputDType, ShapePolicy};

use crate::laws::folder;
use crate::support::models::{Case, Tensor, family, floats, values, write};
use crate::support::tensors::read;

fn with_nan(folder: &Path) -> Vec<PathBuf> {
    let paths = [folder.join("x.safetensors"), folder.join("y.safetensors")];
    let n = 2000;
    for (model, path) in paths.iter().enumerate() {
        let mut x = values(n, 3, model as u64);
        if model == 1 {
            x[1500] = f32::NAN;
            x[1999] = f32::NEG_INFINITY;
        }
        write(path, &[floats("w", Float::F32, &[n as u64], &x)]);
    }
    paths.to_vec()
}

#[test]
fn values_that_are_not_finite_follow_the_policy() {
    let folder = folder();
    let output = folder.path().join("out.safetensors");
    let models = with_nan(folder.path());
    let case = |on_nan| {
        let options = Options {
            on_nan,
            ..Options::default()
        };
        Case {
            options,
            ..Case::new("linear", None, &models)
        }
    };
    match case(OnNan::Error).run(&output, None) {
        Err(MergeError::NonFinite {
            model,
            key,
            element,
        }) => {
            assert_eq!(
                (model, key.as_str(), element),
                (models[1].clone(), "w", 1500)
            );
        }
        other => panic!("{other:?}"),
    }
    assert!(!output.exists(), "nothing is left of a failed merge");
    let half = |x: &[f32]| {
        read(
            &case(OnNan::Keep).run(&output, None).expect("a merge").0,
            "w",
        )[0] == x[0]
    };
    let x = values(2000, 3, 0);
    let mean = |on_nan| read(&case(on_nan).run(&output, None).expect("a merge").0, "w");
    assert!(!half(&x), "the first element is a mean");
    let kept = mean(OnNan::Keep);
    assert!(kept[1500].is_nan() && kept[1999] == f32::NEG_INFINITY);
    let zero = mean(OnNan::Zero);
    assert_eq!((zero[1500], zero[1999]), (x[1500] * 0.5, x[1999] * 0.5));
    let base = mean(OnNan::Base);
    assert_eq!((base[1500], base[1999]), (x[1500], x[1999]));
    assert!(kept[..1500] == zero[..1500] && kept[..1500] == base[..1500]);
}

#[test]
fn missing_tensors_follow_the_policy() {
    let folder = folder();
    let output = folder.path().join("out.safetensors");
    let [a, b] = ["a", "b"].map(|name| folder.path().join(format!("{name}.safetensors")));
    let common = |model| floats("common", Float::F32, &[10], &values(10, 1, model));
    let (own_a, own_b) = (values(10, 2, 0), values(10, 3, 0));
    write(
        &a,
        &[common(0), floats("only.a", Float::F32, &[10], &own_a)],
    );
    write(
        &b,
        &[common(1), floats("only.b", Float::F32, &[10], &own_b)],
    );
    let run = |missing| {
        let options = Options {
            missing,
            ..Options::default()
        };
        Case {
            options,
            ..Case::new("n_average", None, &[a.clone(), b.clone()])
        }
        .run(&output, None)
    };
    let text = run(Missing::Error).expect_err("keys differ").to_string();
    assert!(text.contains("only.a") && text.contains("only.b"), "{text}");
    let (skip, _) = run(Missing::Skip).expect("a merge");
    assert!(read(&skip, "only.a") == own_a && read(&skip, "only.b") == own_b);
    let (base, _) = run(Missing::Base).expect("a merge");
    assert!(read(&base, "only.a") == own_a);
}

#[test]
fn filters_copy_what_they_leave_out_and_dtypes_are_as_told() {
    let folder = folder();
    let output = folder.path().join("out.safetensors");
    let a = family(folder.path(), Float::F16, 0);
    let b = family(folder.path(), Float::BF16, 1);
    let filter = Filter::new(&["layer".into()], &[r"layer\.8".into()]).expect("a filter");
    let options = Options {
        filter,
        dtype: OutputDType::Float(Float::F32),
        ..Options::default()
    };
    let case = Case {
        options,
        ..Case::new("n_average", None, &[a.clone(), b.clone()])
    };
    let (found, report) = case.run(&output, None).expect("a merge");
    assert_eq!((report.computed, report.copied), (8, 2));
    let reads = |path: &Path, key| read(&std::fs::read(path).expect("a file"), key);
    assert!(read(&found, "layer.8.weight") == reads(&a, "layer.8.weight"));
    let (x, y) = (reads(&a, "layer.5.weight"), reads(&b, "layer.5.weight"));
    let mean: Vec<f32> = x.iter().zip(&y).map(|(x, y)| x + (y - x) * 0.5).collect();
    assert!(read(&found, "layer.5.weight") == mean);
    let checkpoint = Checkpoint::open(&output).expect("a sound output");
    let dtype = |key: &str| checkpoint.get(key).expect("a tensor").dtype;
    assert_eq!(dtype("layer.5.weight"), DType::F32);
    assert_eq!(dtype("layer.8.weight"), DType::F16);
    assert_eq!(dtype("position_ids"), DType::I64);
}

#[test]
fn integers_and_booleans_are_copied_from_the_base() {
    let folder = folder();
    let output = folder.path().join("out.safetensors");
    let model = |number: u8| {
        let path = folder.path().join(format!("{number}.safetensors"));
        let raw = |name: &str, dtype: DType, bytes: &[u8]| Tensor {
            name: name.to_owned(),
            dtype,
            shape: vec![bytes.len() as u64 * 8 / dtype.bits()],
            bytes: bytes.to_vec(),
        };
        let tensors = [
            raw("flags", DType::Bool, &[1, 0, number % 2]),
            raw("bytes", DType::U8, &[number; 5]),
            raw("counts", DType::U16, &[number; 4]),
            floats("w", Float::F16, &[3], &values(3, 1, u64::from(number))),
        ];
        write(&path, &tensors);
        path
    };
    let (base, a, b) = (model(1), model(2), model(3));
    let case = Case::new("task_arithmetic", Some(&base), &[a, b]);
    case.run(&output, None).expect("a merge");
    let (found, base) = (
        Checkpoint::open(&output).expect("sound"),
        Checkpoint::open(&base).expect("sound"),
    );
    for key in ["flags", "bytes", "counts"] {
        let bytes = |checkpoint: &Checkpoint| {
            let info = checkpoint.get(key).expect("a tensor");
            let mut bytes = vec![0; info.bytes() as usize];
            checkpoint
                .read_at(info.file, info.span.start, &mut bytes)
                .expect("its bytes");
            bytes
        };
        assert_eq!(bytes(&found), bytes(&base), "{key}");
    }
}

#[test]
fn other_shapes_are_cut_and_filled_up() {
    let folder = folder();
    let output = folder.path().join("out.safetensors");
    let [a, b] = ["a", "b"].map(|name| folder.path().join(format!("{name}.safetensors")));
    let x = values(3 * 4 * 5, 1, 0);
    let y = values(4 * 2 * 7, 2, 0);
    write(&a, &[floats("w", Float::F32, &[3, 4, 5], &x)]);
    write(&b, &[floats("w", Float::F32, &[4, 2, 7], &y)]);
    let run = |shape, models: [&PathBuf; 2]| {
        let options = Options {
            shape,
            ..Options::default()
        };
        let models = models.map(Clone::clone);
        let case = Case {
            options,
            ..Case::new("n_average", None, &models)
        };
        case.run(&output, None).map(|(bytes, _)| read(&bytes, "w"))
    };
    assert!(run(ShapePolicy::Error, [&a, &b]).is_err());
    assert!(
        run(ShapePolicy::Crop, [&a, &b]).is_err(),
        "b is smaller in the middle"
    );
    let found = run(ShapePolicy::Pad, [&a, &b]).expect("a merge");
    assert_eq!(found.len(), 4 * 4 * 7);
    for (i, found) in found.iter().enumerate() {
        let (p, q, r) = (i / 28, i / 7 % 4, i % 7);
        let one = if p < 3 && r < 5 {
            x[(p * 4 + q) * 5 + r]
        } else {
            0.0
        };
        let other = if q < 2 { y[(p * 2 + q) * 7 + r] } else { 0.0 };
        assert_eq!(*found, one + (other - one) * 0.5, "[{p}, {q}, {r}]");
    }
    write(
        &b,
        &[floats("w", Float::F32, &[3, 5, 6], &values(90, 3, 0))],
    );
    let z = values(90, 3, 0);
    let found = run(ShapePolicy::Crop, [&a, &b]).expect("a merge");
    for (i, found) in found.iter().enumerate() {
        let (p, q, r) = (i / 20, i / 5 % 4, i % 5);
        assert_eq!(
            *found,
            x[i] + (z[(p * 5 + q) * 6 + r] - x[i]) * 0.5,
            "[{p}, {q}, {r}]"
        );
    }
}
