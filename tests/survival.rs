//! How much of the change is in the output: against an oracle in f64, the same on every device, and
//! refused where nothing is left.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use wgmerge::checkpoint::Checkpoint;
use wgmerge::dtype::Float;
use wgmerge::merge::Device;
use wgmerge::plan::OutputId;
use wgmerge::recipe::OutputDType;
use wgmerge::report::Survival;

use crate::support::command::{prints, run, said};
use crate::support::models::{Case, SHAPES, family, floats, write};
use crate::support::tensors::decoded;

/// What a tensor changes, in f64: of results that were not rounded.
fn oracle(base: &[f64], results: &[f64], stored: &[f64]) -> Survival {
    let mut own = Survival {
        elements: base.len() as u64,
        ..Survival::default()
    };
    for ((b, r), q) in base.iter().zip(results).zip(stored) {
        own.changed += u64::from(q != b);
        own.flushed += u64::from(*q == 0.0 && *r != 0.0);
        own.non_finite += u64::from(!q.is_finite());
        own.saturated += u64::from(!q.is_finite() && r.is_finite());
        if q.is_finite() {
            own.intended_squares += (r - b) * (r - b);
            own.kept_squares += (q - b) * (q - b);
            own.products += (r - b) * (q - b);
        }
    }
    own
}

fn assert_close(found: &Survival, expected: &Survival, what: &str) {
    let counts = |own: &Survival| {
        let counts = [own.elements, own.changed, own.flushed, own.non_finite];
        (counts, own.saturated)
    };
    assert_eq!(counts(found), counts(expected), "{what}");
    let sums = |own: &Survival| [own.intended_squares, own.kept_squares, own.products];
    for (found, expected) in sums(found).into_iter().zip(sums(expected)) {
        // Differences and products are rounded to f32, and added in f32 within a tile.
        let near = (found - expected).abs() <= 1e-5 * expected.abs() + 1e-12;
        assert!(near, "{what}: {found} for {expected}");
    }
}

/// What was measured of a merge's tensors, by name.
fn measured(
    case: &Case<'_>,
    output: &Path,
    device: Option<Device>,
) -> BTreeMap<String, Option<Survival>> {
    let (merge, report) = case.merged(output, device).expect("a merge");
    let tensors = merge.measured(&report, OutputId::FIRST).tensors.into_iter();
    tensors
        .map(|tensor| (tensor.key, tensor.survival))
        .collect()
}

fn key(number: usize) -> String {
    format!("layer.{number}.weight")
}

fn values(path: &Path) -> Vec<Vec<f64>> {
    let checkpoint = Checkpoint::open(path).expect("an output");
    let keys = (0..SHAPES.len()).map(key);
    keys.map(|key| decoded(&checkpoint, &key)).collect()
}

#[test]
fn every_number_is_that_of_an_oracle() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let output = folder.path().join("out.safetensors");
    for float in Float::ALL {
        let models = [0, 1, 2].map(|model| family(folder.path(), Float::F32, model));
        let [base, a, b] = &models;
        for method in ["task_arithmetic", "ties"] {
            let mut case = Case::new(method, Some(base), &[a.clone(), b.clone()]);
            case.options.dtype = OutputDType::Float(*float);
            let found = measured(&case, &output, None);
            let stored = values(&output);
            case.options.dtype = OutputDType::Float(Float::F32);
            measured(&case, &output, None);
            let results = values(&output);
            for (number, base) in values(base).iter().enumerate() {
                let what = format!("{method} as {float}, {:?}", SHAPES[number]);
                let expected = oracle(base, &results[number], &stored[number]);
                match &found[&key(number)] {
                    Some(found) => assert_close(found, &expected, &what),
                    None => assert!(base.is_empty(), "{what}"),
                }
            }
            // The integer tensor is copied.
            assert_eq!(found.len(), SHAPES.len() + 1);
            assert_eq!(found["position_ids"], None);
        }
    }
}

#[test]
fn results_beyond_their_type_are_counted() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = |name: &str| folder.path().join(name);
    let model = |name: &str, values: &[f32]| {
        write(&path(name), &[floats("w", Float::F32, &[4], values)]);
        path(name)
    };
    let base = model("base.safetensors", &[1.0, 2.0, 3.0, 1e-30]);
    let tuned = model("tuned.safetensors", &[1e6, 2.0, 3.5, 2e-30]);
    let mut case = Case::new("task_arithmetic", Some(&base), &[tuned]);
    case.options.dtype = OutputDType::Float(Float::F16);
    case.options.on_overflow = wgmerge::recipe::OnOverflow::Saturate;
    let found = measured(&case, &path("out.safetensors"), None);
    let own = found["w"].as_ref().expect("measured");
    assert_eq!([own.saturated, own.non_finite, own.flushed], [1, 0, 1]);
    assert_eq!((own.elements, own.changed), (4, 3));
    let kept = own.kept_squares.sqrt();
    assert!((kept - 65503.0).abs() < 1.0, "{kept}");
}

#[test]
fn the_numbers_do_not_depend_on_who_finds_them() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let output = folder.path().join("out.safetensors");
    let [base, a, b] = [0, 1, 2].map(|model| family(folder.path(), Float::BF16, model));
    for method in ["linear", "ties", "dare_linear"] {
        let base = (method != "linear").then_some(&base);
        let mut case = Case::new(method, base, &[a.clone(), b.clone()]);
        let expected = measured(&case, &output, None);
        for level in crate::support::backends::levels() {
            for (memory, threads) in [(64 << 20, 1), (1 << 30, 3)] {
                (case.level, case.memory, case.threads) = (level, memory, threads);
                let found = measured(&case, &output, None);
                assert_eq!(found, expected, "{method}, {}, {threads}", level.name());
            }
        }
        on_each(|device| assert_eq!(measured(&case, &output, device), expected, "{method}"));
    }
}

/// A base and a fine-tune whose change is below half a step of bf16, but for a `tenth` of its
/// elements.
fn small_change(folder: &Path, tenth: bool) -> [PathBuf; 2] {
    let base: Vec<f32> = (0..5000).map(|i| 1.0 + (i % 100) as f32 / 128.0).collect();
    let tuned = base.iter().enumerate().map(|(i, x)| match i % 10 {
        0 if tenth => x + 1.0 / 64.0,
        _ => x + 1.0 / 1024.0,
    });
    let tuned: Vec<f32> = tuned.collect();
    let [a, b] = ["base.safetensors", "tuned.safetensors"].map(|name| folder.join(name));
    write(&a, &[floats("w", Float::BF16, &[50, 100], &base)]);
    write(&b, &[floats("w", Float::F32, &[50, 100], &tuned)]);
    [a, b]
}

const MERGE: [&str; 8] = [
    "merge",
    "-M",
    "task_arithmetic",
    "-b",
    "base.safetensors",
    "tuned.safetensors",
    "-o",
    "out.safetensors",
];

#[test]
fn an_output_without_any_of_the_change_is_refused() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    small_change(folder.path(), false);
    let output = run(folder.path(), &[&MERGE[..], &["--prove"]].concat());
    assert_eq!(output.status.code(), Some(4), "{}", said(&output));
    let errors = said(&output);
    assert!(
        errors.contains("nothing of the change survives"),
        "{errors}"
    );
    assert!(errors.contains("5000 values"), "{errors}");
    assert!(!folder.path().join("out.safetensors").exists());
    // What the advice says works.
    let kept = [&MERGE[..], &["--dtype", "f32", "--json"]].concat();
    let report: serde_json::Value =
        serde_json::from_str(&prints(folder.path(), &kept)).expect("JSON");
    let survival = report["survival"]["survival"].as_f64().expect("a number");
    assert!((survival - 1.0).abs() < 1e-6, "{report}");
    // A sample is no proof: it is told.
    let anyway = run(folder.path(), &[&MERGE[..], &["--force"]].concat());
    assert_eq!(anyway.status.code(), Some(0));
    let warning = "1 tensor stored as in the base";
    assert!(said(&anyway).contains(warning), "{}", said(&anyway));
    let silent = run(
        folder.path(),
        &[&MERGE[..], &["--force", "--no-prove"]].concat(),
    );
    assert!(!said(&silent).contains(warning), "{}", said(&silent));
}

#[test]
fn an_output_with_too_little_of_the_change_is_refused() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    small_change(folder.path(), true);
    let report: serde_json::Value = serde_json::from_str(&prints(
        folder.path(),
        &[&MERGE[..], &["--json", "--prove"]].concat(),
    ))
    .expect("JSON");
    // A tenth of the elements has 16 times the change of the others.
    let share = 256.0 / (256.0 + 9.0);
    let survival = report["survival"]["survival"].as_f64().expect("a number");
    assert!((survival - share).abs() < 1e-4, "{survival} {share}");
    assert_eq!(report["survival"]["changed"], 500);
    let gate = |least: &'static str| {
        let asked = [&MERGE[..], &["--force", "--min-survival", least]].concat();
        run(folder.path(), &asked)
    };
    assert_eq!(gate("0.96").status.code(), Some(0));
    let refused = gate("0.97");
    assert_eq!(refused.status.code(), Some(4));
    assert!(said(&refused).contains("`w`"), "{}", said(&refused));
    assert_eq!(gate("1.5").status.code(), Some(2));
}

#[test]
fn models_without_an_effect_are_named() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let output = folder.path().join("out.safetensors");
    let [base, a, b] = [0, 1, 2].map(|model| family(folder.path(), Float::BF16, model));
    let copy = folder.path().join("copy.safetensors");
    std::fs::copy(&base, &copy).expect("a copy");
    let idle = |models: &[&PathBuf], parameters: &[&str], device: Option<Device>| {
        let models: Vec<PathBuf> = models.iter().map(|path| (*path).clone()).collect();
        let mut case = Case::new("task_arithmetic", Some(&base), &models);
        case.parameters = parameters;
        let (_, report) = case.run(&output, device).expect("a merge");
        report.idle
    };
    let cases: [(&[&PathBuf], &[&str], &[&PathBuf]); 3] = [
        (&[&a, &b], &[], &[]),
        (&[&a, &copy], &[], &[&copy]),
        (&[&a, &b], &["weight=1,0"], &[&b]),
    ];
    for (models, parameters, expected) in cases {
        on_each(|device| {
            assert!(
                idle(models, parameters, device)
                    .iter()
                    .eq(expected.iter().copied())
            )
        });
    }
}

/// Calls `body` with the CPU and with every device.
fn on_each(mut body: impl FnMut(Option<Device>)) {
    body(None);
    #[cfg(feature = "gpu")]
    for gpu in crate::support::backends::devices() {
        body(Some(Device::gpu(std::sync::Arc::clone(gpu))));
    }
}
