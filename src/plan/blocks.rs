//! Block weights of a merge: the ratio of its method, for every tensor by name.

use std::borrow::Cow;

use indexmap::IndexMap;

use super::{PlanError, Source};
use crate::keys::Verdict;
use crate::recipe::{Constant, Entry, Form, NodeId, Recipe, RecipeNode};

/// The recipe with its block weights written out, and what is to be said about them.
pub(super) fn applied<'r>(
    recipe: &'r Recipe,
    sources: &[Source<'_>],
) -> Result<(Cow<'r, Recipe>, Vec<String>), PlanError> {
    let Some(blocks) = &recipe.options.block_weights else {
        return Ok((Cow::Borrowed(recipe), Vec::new()));
    };
    let mut recipe = recipe.clone();
    let root = recipe.root();
    let ratio = match &recipe.nodes[root.0] {
        RecipeNode::Merge { method, .. } => method.ratio,
        _ => None,
    };
    let Some(ratio) = ratio else {
        return Err(PlanError::NoRatio {
            node: recipe.label(root),
        });
    };
    let reference = sources[recipe.reference].tensors;
    let merged = reference
        .iter()
        .filter(|(key, info)| info.dtype.is_mergeable() && recipe.options.filter.merges(key));
    let keys: Vec<&str> = merged.map(|(key, _)| key.as_str()).collect();
    let shown = reference
        .iter()
        .map(|(name, info)| (name.as_str(), info.shape.as_slice()));
    let recognition = recipe.configs.recognise(shown);
    let family = match &recognition.verdict {
        Verdict::Known(config) => Some(config.id()),
        Verdict::Unknown | Verdict::Ambiguous(_) => None,
    };
    let resolved = blocks.weights.resolve(keys.iter().copied(), family)?;
    let RecipeNode::Merge { parameters, .. } = &recipe.nodes[root.0] else {
        return Ok((Cow::Owned(recipe), resolved.notes));
    };
    let own = parameters.number(ratio, 0);
    let entries: IndexMap<String, Entry> = keys
        .iter()
        .map(|key| {
            let weight = resolved.weights.get(*key).copied().unwrap_or(own);
            ((*key).to_owned(), Entry::Constant(Constant::Number(weight)))
        })
        .collect();
    let literal = NodeId(root.0);
    let merge = recipe.nodes.pop();
    recipe.nodes.push(RecipeNode::Literal {
        entries,
        form: Form::Own,
        space: None,
    });
    if let Some(mut merge) = merge {
        if let RecipeNode::Merge { given, .. } = &mut merge {
            given.retain(|(name, _)| *name != ratio);
            given.push((ratio, literal));
        }
        recipe.nodes.push(merge);
    }
    if let Some(&line) = recipe.lines.last() {
        recipe.lines.push(line);
    }
    Ok((Cow::Owned(recipe), resolved.notes))
}
