//! Schedules of a recipe, bound to the tensors of their merges.

use std::borrow::Cow;
use std::sync::Arc;

use super::account::read_as;
use super::{PlanError, Source};
use crate::keys::{BlockRatio, Config};
use crate::recipe::{
    BlockRatios, Bound, Named, NodeId, Recipe, RecipeNode, Recogniser, Rule, ScheduleError,
    ScheduleSource, Scheduled, Scope, Solution,
};

/// A recipe whose schedules are bound.
pub(super) struct Applied<'r> {
    pub(super) recipe: Cow<'r, Recipe>,
    /// What is to be said about them.
    pub(super) notes: Vec<String>,
    /// What they came to.
    pub(super) blocks: Vec<BlockRatio>,
}

/// Binds the schedules of a recipe.
pub(super) fn applied<'r>(
    recipe: &'r Recipe,
    sources: &[Source<'_>],
    recogniser: &mut Recogniser<'_>,
) -> Result<Applied<'r>, PlanError> {
    let mut applied = Applied {
        recipe: with_block_weights(recipe)?,
        notes: Vec::new(),
        blocks: Vec::new(),
    };
    let recipe = applied.recipe.as_ref();
    let open = recipe.nodes.iter().enumerate().filter_map(|(id, node)| {
        let schedule = open(node)?;
        Some((NodeId::new(id), Arc::clone(schedule)))
    });
    let open: Vec<(NodeId, Arc<dyn ScheduleSource>)> = open.collect();
    if open.is_empty() {
        return Ok(applied);
    }
    let solution = Solution::of(recipe, recogniser)?;
    let mut bound = Vec::with_capacity(open.len());
    for (id, schedule) in &open {
        bound.push(bind(recipe, sources, &solution, *id, &**schedule)?);
    }
    let recipe = applied.recipe.to_mut();
    for ((id, _), bound) in open.into_iter().zip(bound) {
        if let RecipeNode::Merge { schedule, .. } = &mut recipe.nodes[id.index()] {
            *schedule = Some(Scheduled::Bound(Rule(bound.schedule)));
        }
        applied.notes.extend(bound.notes);
        applied.blocks.extend(bound.blocks);
    }
    Ok(applied)
}

/// The schedule of a node that is not bound.
fn open(node: &RecipeNode) -> Option<&Arc<dyn ScheduleSource>> {
    match node {
        RecipeNode::Merge {
            schedule: Some(Scheduled::Open(schedule)),
            ..
        } => Some(&schedule.0),
        _ => None,
    }
}

/// The recipe with its block weights as the schedule of its last merge.
fn with_block_weights(recipe: &Recipe) -> Result<Cow<'_, Recipe>, PlanError> {
    let Some(blocks) = &recipe.options.block_weights else {
        return Ok(Cow::Borrowed(recipe));
    };
    let root = recipe.root();
    let mut recipe = recipe.clone();
    let node = recipe.label(root);
    let RecipeNode::Merge {
        method,
        parameters,
        given,
        schedule,
        ..
    } = &mut recipe.nodes[root.index()]
    else {
        return Err(PlanError::NoRatio { node });
    };
    let Some(ratio) = method.ratio else {
        return Err(PlanError::NoRatio { node });
    };
    if schedule.is_some() {
        return Err(PlanError::Scheduled { node });
    }
    given.retain(|(name, _)| *name != ratio);
    *schedule = Some(Scheduled::Open(Rule(Arc::new(BlockRatios {
        weights: blocks.weights.clone(),
        ratio,
        own: parameters.number(ratio, 0),
        is_fixed: parameters.is_fixed(method, ratio),
    }))));
    Ok(Cow::Owned(recipe))
}

fn bind(
    recipe: &Recipe,
    sources: &[Source<'_>],
    solution: &Solution<'_>,
    id: NodeId,
    schedule: &dyn ScheduleSource,
) -> Result<Bound, PlanError> {
    let reference = sources[recipe.reference.index()].tensors;
    let names = solution.names(recipe, id, &recipe.configs);
    let named = names.iter().map(|name| Named {
        graph: name,
        output: solution.output_name(name),
    });
    let is_merged = |tensor: &Named<'_>| {
        let info = reference.get(tensor.output);
        let mergeable = info.is_none_or(|info| read_as(recipe, info.dtype).is_some());
        mergeable && recipe.options.filter.merges(tensor.output)
    };
    let scope = Scope {
        tensors: named.filter(is_merged).collect(),
        family: solution.config(id).map(Config::id),
    };
    schedule.bind(&scope).map_err(|fault| match fault {
        ScheduleError::Blocks(fault) => PlanError::Blocks(fault),
        ScheduleError::Twice { ratio } => PlanError::RatioTwice {
            node: recipe.label(id),
            ratio,
        },
    })
}
