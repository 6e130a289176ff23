//! The tensors of a mixture, and those of its models that they are made of.

use foldhash::{HashMap, HashMapExt};

use super::form::{Form, PARTS};
use crate::method::ParameterValue;
use crate::recipe::{GatheredRows, Gathering, Renaming, Schedule, Selection};

/// The embedding of tokens.
pub(super) const EMBEDDING: &str = "model.embed_tokens.weight";

/// The place of a matrix of a feed-forward layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Matrix<'n> {
    /// The layer: `model.layers.3`.
    pub layer: &'n str,
    /// Which of [`PARTS`] it is.
    pub part: usize,
}

/// The part of the names of a dense model's feed-forward layers.
const BLOCK: &str = ".mlp.";

/// Whether a tensor is of a feed-forward layer.
pub(super) fn is_inside(name: &str) -> bool {
    name.contains(BLOCK)
}

/// Whether a tensor of the base is one of the mixture: all but feed-forward layers, and frequencies
/// that old programs stored and that are computed since.
pub(super) fn is_outside(name: &str) -> bool {
    !is_inside(name) && !name.ends_with("rotary_emb.inv_freq")
}

/// The place of a matrix of a dense model.
pub(super) fn matrix(name: &str) -> Option<Matrix<'_>> {
    let (layer, rest) = name.split_once(BLOCK)?;
    let rest = rest.strip_suffix(".weight")?;
    let part = PARTS.iter().position(|part| *part == rest)?;
    Some(Matrix { layer, part })
}

/// The name of a matrix of a dense model.
pub(super) fn dense(layer: &str, part: usize) -> String {
    format!("{layer}{BLOCK}{}.weight", PARTS[part])
}

impl Form {
    /// The name of a matrix of an expert.
    pub fn expert(&self, layer: &str, expert: usize, part: usize) -> String {
        let (block, part) = (self.names.block, self.names.parts[part]);
        format!("{layer}.{block}.experts.{expert}.{part}.weight")
    }

    /// The name of a matrix of the shared expert.
    pub fn shared(&self, layer: &str, part: usize) -> String {
        let (block, part) = (self.names.shared, self.names.parts[part]);
        format!("{layer}.{block}.{part}.weight")
    }

    /// The name of the matrix that chooses among the experts of a layer.
    pub fn gate(&self, layer: &str) -> String {
        format!("{layer}.{}.gate.weight", self.names.block)
    }

    /// The name of the matrix that says how much of the shared expert there is.
    pub fn shared_gate(&self, layer: &str) -> String {
        format!("{layer}.{}_gate.weight", self.names.shared)
    }
}

/// Tensors under other names.
#[derive(Debug, Default)]
pub(super) struct Renamed {
    sources: HashMap<String, String>,
    targets: HashMap<String, Vec<String>>,
}

impl Renamed {
    /// Has a tensor be one of the input's.
    pub fn add(&mut self, name: String, source: String) {
        let targets = self.targets.entry(source.clone()).or_default();
        targets.push(name.clone());
        self.sources.insert(name, source);
    }

    /// The new names.
    pub fn names(&self) -> impl Iterator<Item = &String> {
        self.sources.keys()
    }
}

impl Renaming for Renamed {
    fn source(&self, name: &str) -> Option<String> {
        self.sources.get(name).cloned()
    }

    fn targets(&self, name: &str) -> Vec<String> {
        self.targets.get(name).cloned().unwrap_or_default()
    }
}

/// Which input each tensor is of.
#[derive(Debug)]
pub(super) struct Parts(pub HashMap<String, usize>);

impl Parts {
    pub fn new() -> Parts {
        Parts(HashMap::new())
    }
}

impl Selection for Parts {
    fn input(&self, name: &str) -> Option<usize> {
        self.0.get(name).copied()
    }
}

/// The rows of tensors that no model has: gates, and biases of zeros.
#[derive(Debug, Default)]
pub(super) struct Rows(pub HashMap<String, GatheredRows>);

impl Gathering for Rows {
    fn rows(&self, name: &str) -> Option<GatheredRows> {
        self.0.get(name).cloned()
    }
}

/// How many random numbers are drawn before those of each gate.
#[derive(Debug, Default)]
pub(super) struct Draws(pub HashMap<String, u64>);

impl Schedule for Draws {
    fn parameters(&self, name: &str) -> Vec<(&'static str, ParameterValue)> {
        let skip = self.0.get(name).map(|skip| *skip as f64);
        let skip = skip.map(|skip| ("skip", ParameterValue::Numbers(vec![skip])));
        skip.into_iter().collect()
    }
}
