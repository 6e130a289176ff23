//! A model that a mixture is made of.

use std::path::PathBuf;

use serde_json::{Map, Value};

use crate::checkpoint::Tensors;

/// A dense model, as far as its header and its configuration show it.
#[derive(Clone, Debug)]
pub struct Dense<'m> {
    /// Where it is.
    pub path: PathBuf,
    /// Its tensors.
    pub tensors: &'m Tensors,
    /// What its config.json says, or why it says nothing.
    pub config: Result<Map<String, Value>, String>,
}
