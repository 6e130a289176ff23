//! Block weights of a merge: the ratio of its method, for every tensor by name.

use std::borrow::Cow;

use indexmap::IndexMap;

use super::{PlanError, Source};
use crate::keys::blocks::OTHERS;
use crate::keys::{BlockRatio, Verdict};
use crate::recipe::{Constant, Entry, Form, Recipe, RecipeNode};

/// A recipe with its block weights written out.
pub(super) struct Applied<'r> {
    pub(super) recipe: Cow<'r, Recipe>,
    /// What is to be said about them.
    pub(super) notes: Vec<String>,
    /// What they came to.
    pub(super) blocks: Vec<BlockRatio>,
}

/// Writes out the block weights of a recipe.
pub(super) fn applied<'r>(
    recipe: &'r Recipe,
    sources: &[Source<'_>],
) -> Result<Applied<'r>, PlanError> {
    let Some(blocks) = &recipe.options.block_weights else {
        return Ok(Applied {
            recipe: Cow::Borrowed(recipe),
            notes: Vec::new(),
            blocks: Vec::new(),
        });
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
    let mut resolved = blocks.weights.resolve(keys.iter().copied(), family)?;
    let own = match &recipe.nodes[root.0] {
        RecipeNode::Merge { parameters, .. } => parameters.number(ratio, 0),
        _ => 0.0,
    };
    if !resolved.unweighted.is_empty() {
        resolved.blocks.push(BlockRatio {
            block: OTHERS.to_owned(),
            ratio: own,
            tensors: resolved.unweighted.len(),
        });
    }
    let entries: IndexMap<String, Entry> = keys
        .iter()
        .map(|key| {
            let weight = resolved.weights.get(*key).copied().unwrap_or(own);
            ((*key).to_owned(), Entry::Constant(Constant::Number(weight)))
        })
        .collect();
    insert(&mut recipe, ratio, entries);
    Ok(Applied {
        recipe: Cow::Owned(recipe),
        notes: resolved.notes,
        blocks: resolved.blocks,
    })
}

/// Puts a literal before the last node, a merge, as the value of its parameter `ratio`.
fn insert(recipe: &mut Recipe, ratio: &'static str, entries: IndexMap<String, Entry>) {
    let literal = recipe.root();
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
}
