//! What must hold whatever the models: the same bytes however the work is cut, and the algebra of
//! the methods.

use std::path::{Path, PathBuf};

use wgmerge::checkpoint::Checkpoint;
use wgmerge::dtype::{DType, Float, codec};
use wgmerge::exec::Executor;
use wgmerge::exec::cpu::{CpuExecutor, Level};
use wgmerge::keys::Filter;
use wgmerge::merge::{Device, MergeError};
use wgmerge::plan::DeviceLimits;
use wgmerge::recipe::{Missing, OnNan, Options, OutputDType};

use crate::support::models::{Case, Tensor, family, floats, values, write};

/// More than three chunks of the CPU's reading.
const LARGE: [u64; 2] = [211, 1024];

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

/// A base and fine-tunes with one large and one small tensor.
fn large(folder: &Path, float: Float, count: u64) -> Vec<PathBuf> {
    let n = LARGE.iter().product::<u64>() as usize;
    (0..count)
        .map(|model| {
            let path = folder.join(format!("large-{float}-{model}.safetensors"));
            let tensors = [
                floats("big.weight", float, &LARGE, &values(n, 7, model)),
                floats("norm.weight", float, &[77], &values(77, 8, model)),
            ];
            write(&path, &tensors);
            path
        })
        .collect()
}

/// The values of a merged tensor as f32.
fn read(bytes: &[u8], key: &str) -> Vec<f32> {
    let file = tempfile::NamedTempFile::with_suffix(".safetensors").expect("a temporary file");
    std::fs::write(file.path(), bytes).expect("a writable folder");
    let checkpoint = Checkpoint::open(file.path()).expect("a sound output");
    let info = checkpoint.get(key).expect("the tensor").clone();
    let mut data = vec![0; info.bytes() as usize];
    checkpoint
        .read_at(info.file, info.span.start, &mut data)
        .expect("its bytes");
    let float = info.dtype.float().expect("a float tensor");
    let word = |bytes: &[u8]| {
        let mut word = [0; 8];
        word[..bytes.len()].copy_from_slice(bytes);
        f32::from_bits(codec::decode(float, u64::from_le_bytes(word)))
    };
    data.chunks_exact(float.bytes()).map(word).collect()
}

const WORKS: &[(&str, bool, &[&str])] = &[
    ("linear", false, &["weight=0.2,0.3,0.5"]),
    ("ties", true, &["density=0.3"]),
    ("ties", true, &["density=0.3", "scope=model"]),
    (
        "ties",
        true,
        &[
            "density=0.5",
            "ties=keep",
            "elect=frequency",
            "divisor=none",
        ],
    ),
    ("dare_linear", true, &["drop=0.7", "rescale=l1"]),
    ("dare_then_ties", true, &["drop=0.5", "trim=0.3"]),
    ("slerp", false, &["t=0.3"]),
];

fn work<'a>(
    models: &[PathBuf],
    (method, base, parameters): (&'a str, bool, &'a [&'a str]),
) -> Case<'a> {
    let count = if method == "slerp" { 2 } else { 3 };
    let base = base.then(|| &models[0]);
    Case {
        parameters,
        ..Case::new(method, base, &models[1..=count])
    }
}

#[test]
fn threads_memory_and_instructions_do_not_change_a_byte() {
    let folder = folder();
    let output = folder.path().join("out.safetensors");
    for float in [Float::BF16, Float::F32] {
        let models = large(folder.path(), float, 4);
        for &row in WORKS {
            let case = work(&models, row);
            let (expected, _) = case.run(&output, None).expect("a merge");
            for (threads, memory, level) in [
                (2, 4 << 30, Level::Baseline),
                (5, 22 << 20, Level::Avx2),
                (1, 21 << 20, Level::Baseline),
            ] {
                let case = Case {
                    threads,
                    memory,
                    level,
                    ..work(&models, row)
                };
                let (found, _) = case.run(&output, None).expect("a merge");
                assert!(
                    expected == found,
                    "{row:?} {threads} {memory} {level:?}: other bytes"
                );
            }
        }
    }
}

#[test]
fn tensors_cut_for_a_device_give_the_same_bytes() {
    let folder = folder();
    let output = folder.path().join("out.safetensors");
    let models = large(folder.path(), Float::F16, 4);
    for &row in WORKS {
        let case = work(&models, row);
        let (expected, _) = case.run(&output, None).expect("a merge");
        for binding_bytes in [48 << 10, 512 << 10, 64 << 20] {
            let slot =
                |_, _| Ok(Box::new(CpuExecutor::new(Level::Baseline)) as Box<dyn Executor + Send>);
            let limits = DeviceLimits { binding_bytes };
            let device = Device::new("small".to_owned(), limits, Box::new(slot));
            let (found, _) = case.run(&output, Some(device)).expect("a merge");
            assert!(
                expected == found,
                "{row:?} in {binding_bytes} bytes: other bytes"
            );
        }
    }
}

#[test]
fn copies_of_a_model_merge_to_the_model() {
    let folder = folder();
    let output = folder.path().join("out.safetensors");
    for &float in Float::ALL {
        let model = family(folder.path(), float, 0);
        let expected = values(33410, 9, 0);
        let stored = |x: &f32| {
            let bits = codec::settled(x.to_bits());
            f32::from_bits(codec::decode(float, codec::encode(float, bits)))
        };
        let expected: Vec<f32> = expected.iter().map(stored).collect();
        let four = vec![model.clone(); 4];
        for (method, base, parameters) in [
            ("linear", false, &["weight=0.25,0.25,0.25,0.25"][..]),
            ("n_average", false, &[]),
            ("task_arithmetic", true, &["weight=0.7"]),
            ("ties", true, &["density=0.4", "lambda=1.5"]),
            ("dare_linear", true, &["drop=0.5"]),
            ("dare_ties", true, &[]),
        ] {
            let base = base.then_some(&model);
            let case = Case {
                parameters,
                ..Case::new(method, base, &four)
            };
            let (found, _) = case.run(&output, None).expect("a merge");
            // As numbers: -0 plus a delta of +0 is +0.
            assert!(
                expected == read(&found, "layer.8.weight"),
                "{method} of copies in {float}"
            );
        }
    }
}

#[test]
fn nothing_added_is_the_base() {
    let folder = folder();
    let output = folder.path().join("out.safetensors");
    let models = large(folder.path(), Float::F32, 3);
    let base = values((LARGE[0] * LARGE[1]) as usize, 7, 0);
    for (method, parameters) in [
        ("task_arithmetic", &["lambda=0"][..]),
        ("task_arithmetic", &["weight=0"]),
        ("ties", &["lambda=0", "density=0.5"]),
        ("ties", &["weight=0", "density=0.5"]),
        ("dare_linear", &["weight=0", "drop=0.5"]),
    ] {
        let case = Case {
            parameters,
            ..Case::new(method, Some(&models[0]), &models[1..])
        };
        let (found, report) = case.run(&output, None).expect("a merge");
        assert!(
            read(&found, "big.weight") == base,
            "{method} {parameters:?}"
        );
        let one = std::fs::metadata(&models[0]).expect("a file").len();
        assert!(
            report.bytes_read <= one,
            "{method} {parameters:?} reads what it does not use"
        );
    }
}

#[test]
fn trimming_nothing_is_no_trimming_and_order_hardly_matters() {
    let folder = folder();
    let output = folder.path().join("out.safetensors");
    let models = large(folder.path(), Float::F32, 4);
    let run = |models: &[PathBuf], parameters: &[&str]| {
        let case = Case {
            parameters,
            ..Case::new("ties", Some(&models[0]), &models[1..])
        };
        read(&case.run(&output, None).expect("a merge").0, "big.weight")
    };
    let all = run(&models, &["density=1"]);
    assert!(all == run(&models, &["density=1", "scope=model"]));
    let sparse = run(&models, &["density=0.4"]);
    let mut turned = models.clone();
    turned[1..].reverse();
    let other = run(&turned, &["density=0.4"]);
    let far = sparse
        .iter()
        .zip(&other)
        .filter(|(a, b)| (*a - *b).abs() > 1e-6)
        .count();
    // An elected sum near zero may change sign with the order of its terms.
    assert!(far <= 3, "{far} elements depend on the order of the models");
}

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
    assert_eq!((report.merged, report.copied), (8, 2));
    let reads = |path: &Path, key| read(&std::fs::read(path).expect("a file"), key);
    assert!(read(&found, "layer.8.weight") == reads(&a, "layer.8.weight"));
    let (x, y) = (reads(&a, "layer.5.weight"), reads(&b, "layer.5.weight"));
    let mean: Vec<f32> = x.iter().zip(&y).map(|(x, y)| x * 0.5 + y * 0.5).collect();
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
            raw("scale", DType::F8E8M0, &[number; 4]),
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
    for key in ["flags", "bytes", "scale"] {
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
