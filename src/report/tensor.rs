//! One tensor of a report.

use serde::Serialize;

use super::{Comparison, Statistics, Survival};
use crate::keys::blocks::Kind;

/// What became of a tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Its elements were compared as numbers.
    Compared,
    /// Its bytes were compared: it is no tensor of floats.
    Bytes,
    /// It is of another shape in b, or of another type whose bytes are not comparable.
    OtherForm,
    /// Not all models have it.
    OnlySome,
    /// It was computed.
    Computed,
    /// It was copied.
    Copied,
    /// It was read.
    Read,
}

impl State {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            State::Compared => "compared",
            State::Bytes => "compared by its bytes",
            State::OtherForm => "of another form",
            State::OnlySome => "not in all models",
            State::Computed => "computed",
            State::Copied => "copied",
            State::Read => "read",
        }
    }
}

/// How a tensor is stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Form {
    /// Its type, as a safetensors header names it.
    pub dtype: String,
    /// Its dimensions.
    pub shape: Vec<u64>,
}

/// How many elements of tensors that are no floats differ.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Stored {
    /// Bytes that were compared.
    pub bytes: u64,
    /// Bytes that differ.
    pub changed: u64,
}

/// A tensor with what is known of it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Tensor {
    /// Its name, as the output of a merge would have it.
    pub key: String,
    /// The block that it lies in.
    pub block: String,
    /// What it does there.
    pub kind: Kind,
    /// The number of its expert, if it belongs to one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expert: Option<u64>,
    /// What became of it.
    pub state: State,
    /// The models that have it, where not all do.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub present: Vec<&'static str>,
    /// How it is stored.
    pub form: Form,
    /// How b stores it, where it does so otherwise than a.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub other: Option<Form>,
    /// What a comparison found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comparison: Option<Comparison>,
    /// What a comparison of bytes found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stored: Option<Stored>,
    /// What is present of a merge's change.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub survival: Option<Survival>,
    /// What its values are like.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub statistics: Option<Statistics>,
}

impl Tensor {
    /// A tensor of which nothing was measured yet, in a block.
    pub fn new(key: String, block: String, state: State, form: Form) -> Tensor {
        Tensor {
            kind: Kind::of(&key),
            expert: crate::keys::blocks::expert(&key),
            key,
            block,
            state,
            present: Vec::new(),
            form,
            other: None,
            comparison: None,
            stored: None,
            survival: None,
            statistics: None,
        }
    }
}
