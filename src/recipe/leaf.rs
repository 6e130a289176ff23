//! Tensors of models.

use super::ModelId;

/// A tensor of a model, as a leaf of a view.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Leaf {
    /// Which model.
    pub model: ModelId,
    /// The tensor's name in its file.
    pub name: String,
}
