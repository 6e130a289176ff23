//! The account of keys: what each model lacks, has beyond the others, or has in another form.

use serde::Serialize;

use super::blocks::BlockRatio;

/// How one model's tensors compare with those of the output.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ModelKeys {
    /// The model's path.
    pub model: String,
    /// Tensors it has.
    pub tensors: usize,
    /// Tensors of the output that it lacks.
    pub missing: Vec<String>,
    /// Tensors that it has and the output does not.
    pub extra: Vec<String>,
    /// Tensors whose shape or dtype differs from the output's reference model.
    pub mismatched: Vec<Mismatch>,
}

/// A tensor whose form differs between two models.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Mismatch {
    /// The tensor.
    pub key: String,
    /// What the reference has, `F16 [320, 4, 3, 3]`.
    pub expected: String,
    /// What this model has.
    pub found: String,
    /// Whether the shapes differ, not the dtypes alone.
    pub shape: bool,
    /// What helps; empty where it is not known.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub advice: &'static str,
}

impl Mismatch {
    /// Whether the dtypes differ, whatever the shapes are.
    pub(crate) fn dtypes_differ(&self) -> bool {
        let dtype = |text: &str| text.split(' ').next().map(str::to_owned);
        dtype(&self.expected) != dtype(&self.found)
    }
}

/// The account of all models.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct KeyReport {
    /// The model whose tensors the output has: the base, else the first.
    pub reference: String,
    /// Tensors of the output.
    pub tensors: usize,
    /// Tensors that are computed.
    pub merged: usize,
    /// Tensors that are copied as they are.
    pub copied: usize,
    /// Tensors that are optional in the model config and left out because a model lacks them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<String>,
    /// What else is to be said, in lines.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// What block weights came to.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub blocks: Vec<BlockRatio>,
    /// One entry per model.
    pub models: Vec<ModelKeys>,
}

impl KeyReport {
    /// Whether every model has the same tensors in the same form.
    pub fn is_clean(&self) -> bool {
        self.models.iter().all(|model| {
            model.missing.is_empty() && model.extra.is_empty() && model.mismatched.is_empty()
        })
    }
}
