//! The front doors of other tools: their command lines, unchanged, against what the tools computed.

mod mergeflux;
mod supermario;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Output;

use serde_json::Value;
use wgmerge::checkpoint::Checkpoint;
use wgmerge::dtype::DType;

use crate::golden::data;
use crate::support::command::wgmerge;
use crate::support::tensors::decoded;

/// The cases of a tool.
pub struct Peer {
    folder: PathBuf,
    pub cases: BTreeMap<String, Value>,
    scratch: tempfile::TempDir,
}

impl Peer {
    pub fn new(name: &str) -> Peer {
        let folder = data(name);
        let text = std::fs::read_to_string(folder.join("cases.json")).expect("the cases");
        Peer {
            folder,
            cases: serde_json::from_str(&text).expect("cases"),
            scratch: tempfile::tempdir().expect("a temporary folder"),
        }
    }

    /// A path in the folder of what is written.
    pub fn scratch(&self, name: &str) -> PathBuf {
        self.scratch.path().join(name)
    }

    /// What the tool wrote.
    pub fn expected(&self, name: &str) -> PathBuf {
        let output = self.cases[name]["output"].as_str();
        self.folder.join(output.expect("a case with an output"))
    }

    /// The folder of the inputs.
    pub fn inputs(&self) -> PathBuf {
        self.folder.join("in")
    }

    /// Runs wgmerge where the inputs are.
    pub fn run(&self, arguments: &[&str]) -> Output {
        wgmerge()
            .current_dir(self.inputs())
            .args(arguments)
            .env("NO_COLOR", "1")
            .env("HF_HOME", self.scratch("hub"))
            .output()
            .expect("the binary runs")
    }
}

/// How far a result may be from a tool's.
#[derive(Clone, Copy, Debug)]
pub enum Tolerance {
    /// Every bit is the same.
    Exact,
    /// The largest difference over the root mean square, and the share of elements that differ.
    Close { rel_rms: f64, bits_share: f64 },
}

impl Tolerance {
    pub fn of(case: &Value) -> Tolerance {
        let tolerance = &case["tolerance"];
        match tolerance["kind"].as_str() {
            Some("exact") => Tolerance::Exact,
            Some("close") => Tolerance::Close {
                rel_rms: tolerance["rel_rms"].as_f64().expect("a tolerance"),
                bits_share: tolerance["bits_share"].as_f64().unwrap_or(1.0),
            },
            other => panic!("{other:?} is no tolerance"),
        }
    }
}

/// Fails unless two checkpoints have the same names, shapes and types, and values within bounds.
pub fn compare(name: &str, found: &Path, expected: &Path, tolerance: Tolerance) {
    let open =
        |path: &Path| Checkpoint::open(path).unwrap_or_else(|fault| panic!("{name}: {fault}"));
    let (found, expected) = (open(found), open(expected));
    let keys = |model: &Checkpoint| {
        model
            .tensors()
            .keys()
            .cloned()
            .collect::<BTreeSet<String>>()
    };
    assert_eq!(keys(&found), keys(&expected), "{name}: names");
    let (mut differ, mut all) = (0, 0);
    for (key, theirs) in expected.tensors() {
        let ours = &found.tensors()[key];
        let form = |dtype: DType, shape: &[u64]| format!("{dtype} {shape:?}");
        let forms = (
            form(ours.dtype, &ours.shape),
            form(theirs.dtype, &theirs.shape),
        );
        assert_eq!(forms.0, forms.1, "{name}: {key}");
        let (ours, theirs) = (decoded(&found, key), decoded(&expected, key));
        let rms = root_mean_square(&theirs);
        for (a, b) in ours.iter().zip(&theirs) {
            let same = a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan());
            differ += usize::from(!same);
            all += 1;
            match tolerance {
                Tolerance::Exact => assert!(same, "{name}: {key}: {a} and {b}"),
                Tolerance::Close { rel_rms, .. } => {
                    let near = (a - b).abs() <= rel_rms * rms;
                    assert!(near, "{name}: {key}: {a} and {b}, rms {rms}");
                }
            }
        }
    }
    if let Tolerance::Close { bits_share, .. } = tolerance {
        let share = differ as f64 / all as f64;
        assert!(
            share <= bits_share,
            "{name}: {differ} of {all} differ: {share}"
        );
    }
}

fn root_mean_square(values: &[f64]) -> f64 {
    let squares: f64 = values.iter().map(|x| x * x).sum();
    (squares / values.len().max(1) as f64).sqrt()
}

/// The quantities of a merged tensor that random merges are compared by.
pub struct Statistics {
    sums: BTreeMap<String, Vec<f64>>,
}

impl Statistics {
    pub fn new() -> Statistics {
        Statistics {
            sums: BTreeMap::new(),
        }
    }

    /// Adds a run's figures of a tensor.
    pub fn add(&mut self, figures: impl IntoIterator<Item = (String, f64)>) {
        for (name, figure) in figures {
            self.sums.entry(name).or_default().push(figure);
        }
    }

    /// Fails where a mean over our runs is too far from that over the tool's.
    pub fn check(&self, what: &str, name: &str, theirs: &Value, runs: f64) {
        let [mean, deviation] = [0, 1].map(|at| theirs[at].as_f64().expect("a figure"));
        let own = &self.sums[name];
        let average = own.iter().sum::<f64>() / own.len() as f64;
        let bound = 5.0 * deviation * (1.0 / own.len() as f64 + 1.0 / runs).sqrt();
        // Figures are written with six digits.
        let bound = bound + 1e-5 * mean.abs() + 1e-9;
        assert!(
            (average - mean).abs() <= bound,
            "{what}: {name} is {average} instead of {mean} within {bound}"
        );
    }
}

/// Figures of what was added to a base, and of what each model adds.
pub fn figures(merged: &[f64], base: &[f64], models: &[Option<Vec<f64>>]) -> Vec<(String, f64)> {
    let moved: Vec<f64> = merged.iter().zip(base).map(|(a, b)| a - b).collect();
    let deltas: Vec<Vec<f64>> = models
        .iter()
        .map(|model| match model {
            Some(model) => model.iter().zip(base).map(|(a, b)| a - b).collect(),
            None => vec![0.0; base.len()],
        })
        .collect();
    let n = moved.len() as f64;
    let mean = moved.iter().sum::<f64>() / n;
    let changed = (0..moved.len()).filter(|&at| deltas.iter().any(|delta| delta[at] != 0.0));
    let changed = changed.count() as f64;
    let kept = moved.iter().filter(|x| **x != 0.0).count() as f64 / changed;
    let mut figures = vec![
        ("kept".to_owned(), kept),
        ("mean".to_owned(), mean),
        (
            "var".to_owned(),
            moved.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / n,
        ),
        ("l1".to_owned(), moved.iter().map(|x| x.abs()).sum()),
    ];
    for (at, delta) in deltas.iter().enumerate() {
        let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
        let square = dot(delta, delta);
        let slope = if square == 0.0 {
            0.0
        } else {
            dot(&moved, delta) / square
        };
        figures.push((format!("slope{at}"), slope));
    }
    figures
}
