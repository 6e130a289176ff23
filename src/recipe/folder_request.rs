//! What a recipe says of the output's folder besides its tensors.

use std::path::PathBuf;
use std::sync::Arc;

use crate::vocabulary::LongText;

/// What a recipe says of the output's folder besides its tensors.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FolderRequest {
    /// The layers of the result, stack by stack.
    pub stacks: Vec<Stack>,
    /// Texts. One takes the place of the reference model's file of its name.
    pub texts: Vec<FolderText>,
    /// Files of the reference model that do not come along, by their names: a tokenizer that the
    /// result does not have.
    pub left_out: Vec<PathBuf>,
}

/// A text of an output folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FolderText {
    /// Its name, relative to the folder.
    pub name: PathBuf,
    /// What it says.
    pub text: Arc<LongText>,
}

/// A stack of layers of the result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stack {
    /// Its name among the tensors' names, such as `model.layers`.
    pub name: String,
    /// Where its layers come from, in order.
    pub layers: Vec<SourceLayer>,
}

/// A layer of a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SourceLayer {
    /// The model, as a number in [`Recipe::models`](super::Recipe::models); where a layer is merged
    /// of several, the base, else the first.
    pub model: usize,
    /// The number of the layer in it.
    pub layer: usize,
}
