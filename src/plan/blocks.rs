//! Block weights of a merge: the ratio of its method, for every tensor by name.

use std::borrow::Cow;

use indexmap::IndexMap;

use super::{PlanError, Source};
use crate::keys::blocks::OTHERS;
use crate::keys::{BlockRatio, Config};
use crate::recipe::{Constant, Entry, Form, Recipe, RecipeNode, Recogniser, Solution};

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
    recogniser: &mut Recogniser<'_>,
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
        let node = recipe.label(root);
        return Err(PlanError::NoRatio { node });
    };
    let solution = Solution::of(&recipe, recogniser)?;
    let reference = sources[recipe.reference].tensors;
    // The graph's names with those that the output has and block weights speak of.
    let tensors = solution.names(&recipe, root, &recipe.configs);
    let tensors = tensors
        .iter()
        .map(|name| (name, solution.output_name(name)));
    let is_merged = |name: &str| {
        let info = reference.get(name);
        info.is_none_or(|info| info.dtype.is_mergeable()) && recipe.options.filter.merges(name)
    };
    let tensors: Vec<(&String, &str)> = tensors.filter(|(_, name)| is_merged(name)).collect();
    let family = solution.config(root).map(Config::id);
    let shown = tensors.iter().map(|(_, name)| *name);
    let mut resolved = blocks.weights.resolve(shown, family)?;
    let own = match &recipe.nodes[root.0] {
        RecipeNode::Merge {
            method, parameters, ..
        } => {
            if resolved.unweighted.is_empty() && parameters.is_fixed(method, ratio) {
                let node = recipe.label(root);
                return Err(PlanError::RatioTwice { node, ratio });
            }
            parameters.number(ratio, 0)
        }
        _ => 0.0,
    };
    if !resolved.unweighted.is_empty() {
        resolved.blocks.push(BlockRatio {
            block: OTHERS.to_owned(),
            ratio: own,
            tensors: resolved.unweighted.len(),
        });
    }
    let entries: IndexMap<String, Entry> = tensors
        .iter()
        .map(|(graph, name)| {
            let weight = resolved.weights.get(*name).copied().unwrap_or(own);
            ((*graph).clone(), Entry::Constant(Constant::Number(weight)))
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
        form: Form::Inferred,
        space: None,
    });
    if let Some(mut merge) = merge {
        if let RecipeNode::Merge { given, .. } = &mut merge {
            given.retain(|(name, _)| *name != ratio);
            given.push((ratio, literal));
        }
        recipe.nodes.push(merge);
    }
    if let Some(blocks) = &mut recipe.options.block_weights {
        blocks.literal = Some(literal);
    }
    if let Some(&line) = recipe.lines.last() {
        recipe.lines.push(line);
    }
}
