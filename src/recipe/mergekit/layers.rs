//! What the names of tensors say of an architecture: its layers, and what lies around them.

use indexmap::IndexMap;

use crate::vocabulary::{embeds, is_head};

/// The place of a tensor in a stack of layers: `model.layers.3.mlp.weight` is in layer 3 of
/// `model.layers`. It is the first number among the parts of a name that says the layer, so that
/// those of experts and convolutions inside a layer do not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place<'n> {
    /// The name of the stack.
    pub stack: &'n str,
    /// The number of the layer.
    pub layer: usize,
    /// What follows the number.
    pub rest: &'n str,
}

/// The place of a tensor, if it lies in a layer.
pub(super) fn place(name: &str) -> Option<Place<'_>> {
    let mut start = 0;
    for part in name.split('.') {
        let end = start + part.len();
        if start > 0 && end < name.len() && part.bytes().all(|byte| byte.is_ascii_digit()) {
            let layer: usize = part.parse().ok()?;
            // A number that is not written as one would not come back.
            return (layer.to_string() == part).then_some(Place {
                stack: &name[..start - 1],
                layer,
                rest: &name[end + 1..],
            });
        }
        start = end + 1;
    }
    None
}

impl Place<'_> {
    /// The name of the same tensor in another layer.
    pub fn at(&self, layer: usize) -> String {
        format!("{}.{layer}.{}", self.stack, self.rest)
    }
}

/// The stacks of layers among names, with how many layers each has.
pub(super) fn stacks<'n>(names: impl Iterator<Item = &'n str>) -> IndexMap<String, usize> {
    let mut stacks: IndexMap<String, usize> = IndexMap::new();
    for place in names.filter_map(place) {
        match stacks.get_mut(place.stack) {
            Some(count) => *count = (*count).max(place.layer + 1),
            None => {
                stacks.insert(place.stack.to_owned(), place.layer + 1);
            }
        }
    }
    stacks
}

/// Parts of names of stacks that stand beside the layers of a language model.
const BESIDE: [&str; 5] = ["vision", "visual", "audio", "mtp", "nextn"];

/// Whether a stack stands beside the layers of a language model: a tower of another sense, or
/// layers that predict further tokens. Where layers are stacked it comes along as it is.
pub(super) fn is_beside(stack: &str) -> bool {
    let mut parts = stack.split('.');
    parts.any(|part| BESIDE.iter().any(|beside| part.starts_with(beside)))
}

/// Whether a tensor outside of layers comes before them: what embeds tokens or places. The others,
/// norms and heads, come after them.
pub(super) fn is_embedding(name: &str) -> bool {
    !is_head(name) && name.split('.').any(embeds)
}
