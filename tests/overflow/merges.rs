//! Whole merges and conversions whose results do not fit.

use wgmerge::dtype::{DType, Float};
use wgmerge::merge::{MergeError, Report};
use wgmerge::recipe::{OnNan, OnOverflow, Options, OutputDType};

use crate::cli::World;
use crate::laws::folder;
use crate::support::command::said;
use crate::support::models::{Case, Tensor, floats, values, write};
use crate::support::tensors::read;

/// A model whose tensors `t0`, `t1`, … hold ordinary numbers but for those given.
fn model(world: &World, name: &str, tensors: usize, odd: &[(usize, usize, f32)]) {
    let tensors: Vec<Tensor> = (0..tensors)
        .map(|tensor| {
            let mut x = values(3000, tensor as u64, 0);
            for (_, element, value) in odd.iter().filter(|(own, ..)| *own == tensor) {
                x[*element] = *value;
            }
            floats(&format!("t{tensor}"), Float::F32, &[3000], &x)
        })
        .collect();
    write(&world.path(name), &tensors);
}

fn json(text: &[u8]) -> serde_json::Value {
    serde_json::from_slice(text).expect("JSON")
}

#[test]
fn a_conversion_follows_the_policy_and_counts() {
    let world = World::new();
    let odd = [(1, 5, 1e5), (1, 7, -7e4), (2, 2999, 65520.0)];
    model(&world, "m.safetensors", 4, &odd);
    let convert = |more: &[&str]| {
        let own = [
            "convert",
            "m.safetensors",
            "--dtype",
            "f16",
            "--device",
            "cpu",
        ];
        let rest = ["-o", "out.safetensors", "--force", "--json"];
        world.run(&[&own[..], &rest, more].concat())
    };
    let refused = convert(&[]);
    let text = said(&refused);
    assert_eq!(refused.status.code(), Some(2), "{text}");
    for part in [
        "`t1`",
        "element 5",
        "100000",
        "f16",
        "65504",
        "--on-overflow",
    ] {
        assert!(text.contains(part), "no {part} in {text}");
    }
    assert!(!world.path("out.safetensors").exists());
    for (policy, expected) in [
        ("saturate", [65504.0, -65504.0, 65504.0]),
        ("keep", [f32::INFINITY, f32::NEG_INFINITY, f32::INFINITY]),
    ] {
        let done = convert(&["--on-overflow", policy]);
        assert!(
            done.status.success(),
            "{}",
            String::from_utf8_lossy(&done.stderr)
        );
        let report = json(&done.stdout);
        assert_eq!(report["overflowed_values"], 3, "{report}");
        assert_eq!(report["overflowed_tensors"], 2, "{report}");
        let bytes = std::fs::read(world.path("out.safetensors")).expect("the output");
        let (one, two) = (read(&bytes, "t1"), read(&bytes, "t2"));
        assert_eq!([one[5], one[7], two[2999]], expected, "{policy}");
    }
}

#[test]
fn infinities_of_a_checkpoint_pass_a_conversion() {
    let world = World::new();
    model(
        &world,
        "m.safetensors",
        1,
        &[(0, 3, f32::INFINITY), (0, 4, f32::NAN)],
    );
    let arguments = [
        "convert",
        "m.safetensors",
        "--dtype",
        "f16",
        "-o",
        "out.safetensors",
    ];
    let done = world.run(&[&arguments[..], &["--json", "--device", "cpu"]].concat());
    assert!(
        done.status.success(),
        "{}",
        String::from_utf8_lossy(&done.stderr)
    );
    assert_eq!(json(&done.stdout)["overflowed_values"], 0);
    let found = read(
        &std::fs::read(world.path("out.safetensors")).expect("it"),
        "t0",
    );
    assert!(found[3] == f32::INFINITY && found[4].is_nan());
}

/// Runs a merge of two models of one tensor `w` in f64.
fn in_f64(
    on_nan: OnNan,
    on_overflow: OnOverflow,
    odd: f64,
) -> Result<(Vec<f32>, Report), MergeError> {
    let folder = folder();
    let paths = ["x", "y"].map(|name| folder.path().join(format!("{name}.safetensors")));
    for (number, path) in paths.iter().enumerate() {
        let mut x = vec![0.5_f64; 2000];
        x[1234] = if number == 1 { odd } else { 1.0 };
        let bytes = x.iter().flat_map(|x| x.to_le_bytes()).collect();
        let (name, shape) = ("w".to_owned(), vec![2000]);
        write(
            path,
            &[Tensor {
                name,
                dtype: DType::F64,
                shape,
                bytes,
            }],
        );
    }
    let options = Options {
        on_nan,
        on_overflow,
        dtype: OutputDType::Float(Float::F32),
        ..Options::default()
    };
    let case = Case {
        options,
        ..Case::new("linear", None, &paths)
    };
    let (bytes, report) = case.run(&folder.path().join("out.safetensors"), None)?;
    Ok((read(&bytes, "w"), report))
}

#[test]
fn f64_beyond_f32_is_no_nan() {
    let fault = in_f64(OnNan::Error, OnOverflow::Error, -1e300).expect_err("beyond f32");
    let text = fault.to_string();
    for part in [
        "y.safetensors",
        "`w`",
        "-1e300",
        "element 1234",
        "beyond f32",
    ] {
        assert!(text.contains(part), "no {part} in {text}");
    }
    let (found, report) = in_f64(OnNan::Error, OnOverflow::Saturate, -1e300).expect("a merge");
    assert_eq!((found[1234], report.overflowed_values), (f32::MIN, 1));
    let (found, _) = in_f64(OnNan::Error, OnOverflow::Keep, 1e300).expect("a merge");
    assert_eq!(found[1234], f32::INFINITY);
    // Not a value that is not finite, so not to be replaced by zero.
    for policy in [OnOverflow::Error, OnOverflow::Saturate, OnOverflow::Keep] {
        let fault = in_f64(OnNan::Zero, policy, 1e300).expect_err("it is finite");
        assert!(matches!(fault, MergeError::Beyond { .. }), "{fault}");
    }
    let (found, _) = in_f64(OnNan::Zero, OnOverflow::Error, f64::NAN).expect("a merge");
    assert_eq!(found[1234], 0.5);
}

#[test]
fn nan_of_the_arithmetic_is_refused_unless_it_is_kept() {
    let world = World::new();
    model(&world, "x.safetensors", 1, &[(0, 9, 3e38)]);
    model(&world, "y.safetensors", 1, &[(0, 9, 3e38)]);
    model(&world, "z.safetensors", 1, &[(0, 9, 0.0)]);
    let merge = [
        "-M",
        "linear",
        "-p",
        "weight=2,2,-3",
        "-p",
        "normalize=false",
    ];
    let models = ["x.safetensors", "y.safetensors", "z.safetensors"];
    let arguments = [&merge[..], &models].concat();
    world.refuses(&arguments, &["`t0`", "element 9", "inf", "f32"]);
    let text = world.merges(&[&arguments[..], &["--on-overflow", "saturate"]].concat());
    assert!(text.contains("1 value in 1 tensor"), "{text}");
}

#[test]
fn the_first_fault_is_named_whatever_the_run() {
    let world = World::new();
    let late: Vec<(usize, usize, f32)> = (3..40).map(|t| (t, t, f32::NAN)).collect();
    model(&world, "x.safetensors", 40, &late);
    // The first model's comes first, though the second's lies before it.
    model(
        &world,
        "y.safetensors",
        40,
        &[(3, 0, f32::NAN), (30, 0, f32::INFINITY)],
    );
    model(
        &world,
        "big.safetensors",
        40,
        &[(39, 0, 3.4e38), (7, 2000, 1e6), (7, 2500, 1e7)],
    );
    let run = |models: &[&str], more: &[&str]| {
        let own = [
            "merge",
            "-M",
            "linear",
            "--device",
            "cpu",
            "-o",
            "out.safetensors",
            "-q",
        ];
        let output = world.run(&[&own[..], models, more].concat());
        assert_eq!(output.status.code(), Some(2));
        said(&output)
    };
    for threads in ["1", "2", "7"] {
        for memory in ["32MiB", "1GiB"] {
            let limits = ["--threads", threads, "--memory", memory];
            let text = run(&["x.safetensors", "y.safetensors"], &limits);
            assert!(text.contains("x.safetensors: tensor `t3`"), "{text}");
            assert!(text.contains("element 3;"), "{text}");
            let half = [&limits[..], &["--dtype", "f16"]].concat();
            let text = run(&["big.safetensors", "big.safetensors"], &half);
            assert!(text.contains("`t7`: element 2000 becomes 1e6"), "{text}");
        }
    }
}

#[test]
fn a_sweep_tells_which_output_overflows() {
    let world = World::new();
    model(&world, "x.safetensors", 1, &[(0, 1500, 40000.0)]);
    model(&world, "y.safetensors", 1, &[(0, 1500, 0.0)]);
    let own = [
        "-M",
        "task_arithmetic",
        "--base",
        "y.safetensors",
        "x.safetensors",
    ];
    let sweep = ["--sweep", "lambda=1,2", "--dtype", "f16"];
    let parts = ["`t0` in output 2 of several", "element 1500", "80000"];
    world.refuses(&[&own[..], &sweep].concat(), &parts);
}

/// Methods find faults in passes of their own, chunk by chunk over all models.
#[test]
fn the_first_models_fault_is_named_whatever_the_method() {
    const LAST: usize = 150_000;
    let world = World::new();
    for (name, at) in [("base", None), ("x", Some(LAST)), ("y", Some(0))] {
        let mut x: Vec<f32> = (0..=LAST).map(|i| (i % 97) as f32).collect();
        if let Some(at) = at {
            x[at] = f32::NAN;
        }
        let tensor = floats("t", Float::F32, &[LAST as u64 + 1], &x);
        write(&world.path(&format!("{name}.safetensors")), &[tensor]);
    }
    let based = ["-b", "base.safetensors"];
    let merges: [(&str, &[&str]); 6] = [
        ("linear", &[]),
        ("slerp", &[]),
        ("geometric_median", &[]),
        ("ties", &based),
        ("ties", &["-b", "base.safetensors", "-p", "scope=model"]),
        ("dare_linear", &based),
    ];
    for (method, more) in merges {
        let own = [
            "merge",
            "-M",
            method,
            "--device",
            "cpu",
            "-o",
            "o.safetensors",
            "-q",
        ];
        let models = ["x.safetensors", "y.safetensors"];
        let output = world.run(&[&own[..], &models, more].concat());
        let text = said(&output);
        assert_eq!(output.status.code(), Some(2), "{method}: {text}");
        let named = text.contains("x.safetensors: tensor `t`") && text.contains("element 150000");
        assert!(named, "{method} {more:?}: {text}");
    }
}
