//! The same numbers as other tools: data that mergekit and sd-mecha made.

use std::path::{Path, PathBuf};

use wgmerge::checkpoint::Checkpoint;
use wgmerge::dtype::Float;
use wgmerge::kernel::Compute;
use wgmerge::recipe::{Options, OutputDType};

use crate::support::models::Case;
use crate::support::tensors::tensor;

/// A path among the test data.
pub fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/data")
        .join(name)
}

/// A merge that a tool did too: our flags, and its file.
struct Golden<'a> {
    method: &'a str,
    base: Option<&'a str>,
    models: &'a [&'a str],
    parameters: &'a [&'a str],
    expected: PathBuf,
}

impl Golden<'_> {
    /// Runs the merge and hands both results, tensor by tensor, to `compare`.
    fn check(
        &self,
        path: impl Fn(&str) -> PathBuf,
        options: Options,
        mut compare: impl FnMut(&str, &[f32], &[f32]),
    ) {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let output = folder.path().join("out.safetensors");
        let models: Vec<PathBuf> = self.models.iter().map(|name| path(name)).collect();
        let base = self.base.map(path);
        let parameters = self.parameters;
        let case = Case {
            parameters,
            options,
            ..Case::new(self.method, base.as_ref(), &models)
        };
        case.run(&output, None)
            .unwrap_or_else(|fault| panic!("{}: {fault}", self.method));
        let (found, expected) = (Checkpoint::open(&output), Checkpoint::open(&self.expected));
        let (found, expected) = (found.expect("sound"), expected.expect("a tool's file"));
        assert!(!expected.tensors().is_empty());
        for key in expected.tensors().keys() {
            compare(key, &tensor(&found, key), &tensor(&expected, key));
        }
    }
}

/// Within a share of the tensor's root mean square.
pub fn close(what: &str, found: &[f32], expected: &[f32], share: f64) {
    let square = |x: &f32| f64::from(*x) * f64::from(*x);
    let rms = (expected.iter().map(square).sum::<f64>() / expected.len().max(1) as f64).sqrt();
    assert_eq!(found.len(), expected.len(), "{what}");
    for (a, b) in found.iter().zip(expected) {
        assert!(
            f64::from((a - b).abs()) <= share * rms,
            "{what}: {a} and {b}, rms {rms}"
        );
    }
}

/// A case's name, our method, the base, the models and the parameters.
type Row = (
    &'static str,
    &'static str,
    Option<&'static str>,
    &'static [&'static str],
    &'static [&'static str],
);

/// mergekit's methods: its YAML files lie beside the data.
const MERGEKIT: &[Row] = &[
    (
        "linear",
        "linear",
        None,
        &["a", "b", "c"],
        &["weight=0.5,0.3,0.4"],
    ),
    (
        "linear_raw",
        "linear",
        None,
        &["a", "b"],
        &["weight=0.7,0.6", "normalize=false"],
    ),
    ("slerp", "slerp", Some("base"), &["a"], &["t=0.35"]),
    (
        "task_arithmetic",
        "task_arithmetic",
        Some("base"),
        &["a", "b"],
        &["weight=0.7,-0.2", "lambda=0.9"],
    ),
    (
        "ties",
        "ties",
        Some("base"),
        &["a", "b", "c"],
        &["weight=0.5,0.3,0.4", "density=0.3,0.5,0.2"],
    ),
    (
        "ties_nonorm",
        "ties",
        Some("base"),
        &["a", "b"],
        &[
            "weight=0.5,0.8",
            "density=0.3,0.5",
            "divisor=none",
            "lambda=1.2",
        ],
    ),
];

fn mergekit(float: &str, check: impl Fn(&str, Golden<'_>)) {
    for (name, method, base, models, parameters) in MERGEKIT {
        let expected = data(&format!("mergekit/merged/{float}_{name}.safetensors"));
        let (base, models, parameters) = (*base, *models, *parameters);
        check(
            name,
            Golden {
                method,
                base,
                models,
                parameters,
                expected,
            },
        );
    }
}

#[test]
fn mergekit_in_f32() {
    mergekit("f32", |name, golden| {
        let path = |model: &str| data(&format!("mergekit/models/f32/{model}/model.safetensors"));
        golden.check(path, Options::default(), |key, found, expected| {
            close(&format!("{name}: {key}"), found, expected, 2e-6);
        });
    });
}

#[test]
fn mergekit_in_bf16() {
    mergekit("bf16", |name, golden| {
        // mergekit was given the f32 models and cast them to its dtype as it loaded them. slerp
        // computes in f32 there whatever the dtype.
        let compute = if name == "slerp" {
            Compute::F32
        } else {
            Compute::BF16
        };
        let dtype = OutputDType::Float(Float::BF16);
        let options = Options {
            compute,
            dtype,
            ..Options::default()
        };
        let path = |model: &str| data(&format!("mergekit/models/f32/{model}/model.safetensors"));
        let (mut off, mut far, mut all) = (0, 0, 0);
        golden.check(path, options, |_, found, expected| {
            let squares = expected.iter().map(|x| x * x).sum::<f32>();
            let rms = (squares / expected.len() as f32).sqrt();
            for (a, b) in found.iter().zip(expected) {
                off += usize::from(a != b);
                far += usize::from((a - b).abs() > 0.02 * b.abs().max(rms));
                all += 1;
            }
        });
        println!("{name}: of {all} elements {off} differ, {far} by more than five steps of bf16");
        // mergekit normalizes after the sum and rounds sums once; and of the many equal magnitudes
        // at a threshold it keeps arbitrary ones.
        let far_max = if name.starts_with("ties") {
            all / 20
        } else {
            0
        };
        assert!(
            off < all && far <= far_max,
            "{name}: {off} and {far} of {all}"
        );
    });
}
