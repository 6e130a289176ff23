//! Merge spaces: a model, a difference of models and a number that steers cannot stand for each
//! other.
//!
//! Every method says which space its inputs and its result have, or that they share one. Solving
//! joins the values that must share a space and meets what is said about each; a recipe in which
//! nothing remains for some value is refused with the place that says so.

use super::{Form, Label, NodeId, Recipe, RecipeNode, Route};
use crate::method::{Domain, Space};

/// Values whose spaces do not fit.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum SpaceError {
    #[error("{node}: {input} must be a {wanted}, but is a {found}{hint}")]
    Input {
        node: Label,
        input: String,
        wanted: &'static str,
        found: &'static str,
        hint: &'static str,
    },
    #[error("{node}: {input} is a {found}, but the inputs before it are of space {wanted}")]
    Mixed {
        node: Label,
        input: String,
        wanted: &'static str,
        found: &'static str,
    },
    #[error(
        "the result of the recipe is a {found}; only a model (weight) or, where asked for, a \
        task vector (delta) can be written"
    )]
    Result { node: Label, found: &'static str },
}

impl SpaceError {
    /// The line of the recipe's text at which it shows, where there is one.
    pub fn line(&self) -> Option<usize> {
        match self {
            SpaceError::Input { node, .. }
            | SpaceError::Mixed { node, .. }
            | SpaceError::Result { node, .. } => node.line(),
        }
    }
}

/// What each node is, where that is determined; constants may be anything.
pub fn spaces(recipe: &Recipe) -> Result<Vec<Option<Space>>, SpaceError> {
    let mut found: Vec<Option<Space>> = Vec::with_capacity(recipe.nodes.len());
    for (id, node) in recipe.nodes.iter().enumerate() {
        let space = match node {
            RecipeNode::Model { space, .. } => Some(*space),
            RecipeNode::Literal { space, form, .. } => match form {
                Form::Singleton => space.or(Some(Space::Param)),
                _ => *space,
            },
            RecipeNode::Merge { .. } => merge(recipe, NodeId::new(id), &found)?,
            RecipeNode::Route { route, inputs } => match route {
                Route::ConvertSingleton | Route::TypeName | Route::DeviceName => Some(Space::Param),
                Route::CastTo => {
                    let dtype = found[inputs[1].index()].filter(|space| *space != Space::Param);
                    if let Some(space) = dtype {
                        let id = NodeId::new(id);
                        return Err(mismatch(recipe, id, "dtype", Space::Param, space));
                    }
                    found[inputs[0].index()]
                }
                Route::Convert(conversion) if conversion.adapter().is_some() => {
                    let input = found[inputs[0].index()];
                    if let Some(space) = input.filter(|space| *space != Space::Weight) {
                        let id = NodeId::new(id);
                        return Err(mismatch(recipe, id, "adapter", Space::Weight, space));
                    }
                    Some(Space::Delta)
                }
                _ => same(recipe, NodeId::new(id), inputs, &found)?,
            },
        };
        found.push(space);
    }
    match found.last().copied().flatten() {
        Some(Space::Param) => Err(SpaceError::Result {
            node: recipe.label(recipe.root()),
            found: name(Space::Param),
        }),
        _ => Ok(found),
    }
}

fn merge(
    recipe: &Recipe,
    id: NodeId,
    found: &[Option<Space>],
) -> Result<Option<Space>, SpaceError> {
    let RecipeNode::Merge {
        method,
        base,
        models,
        given,
        ..
    } = &recipe.nodes[id.index()]
    else {
        return Ok(None);
    };
    let mut shared: Option<Space> = None;
    let base = base
        .iter()
        .map(|base| (*base, "the base", Domain::Only(Space::Weight)));
    let inputs = models.iter().enumerate().filter_map(|(position, model)| {
        let input = method.input(position)?;
        Some((*model, input.name, input.domain))
    });
    for (node, input, domain) in base.chain(inputs) {
        let Some(space) = found[node.index()] else {
            continue;
        };
        match (domain, shared) {
            (Domain::Only(wanted), _) if wanted != space => {
                return Err(mismatch(recipe, id, input, wanted, space));
            }
            (Domain::Same, Some(wanted)) if wanted != space => {
                return Err(SpaceError::Mixed {
                    node: recipe.label(id),
                    input: format!("`{input}`"),
                    wanted: name(wanted),
                    found: name(space),
                });
            }
            (Domain::Same, _) => shared = Some(space),
            _ => {}
        }
    }
    for (parameter, node) in given {
        match found[node.index()] {
            Some(space) if space != Space::Param => {
                return Err(mismatch(recipe, id, parameter, Space::Param, space));
            }
            _ => {}
        }
    }
    Ok(match method.result {
        Domain::Only(space) => Some(space),
        Domain::Same => shared,
    })
}

fn mismatch(recipe: &Recipe, id: NodeId, input: &str, wanted: Space, found: Space) -> SpaceError {
    let hint = match (wanted, found) {
        (Space::Delta, Space::Weight) => ": subtract its base from it",
        (Space::Weight, Space::Delta) => ": add it to a model",
        _ => "",
    };
    SpaceError::Input {
        node: recipe.label(id),
        input: format!("`{input}`"),
        wanted: name(wanted),
        found: name(found),
        hint,
    }
}

/// The space that the inputs of a route share.
fn same(
    recipe: &Recipe,
    id: NodeId,
    inputs: &[NodeId],
    found: &[Option<Space>],
) -> Result<Option<Space>, SpaceError> {
    let mut shared = None;
    for input in inputs {
        match (shared, found[input.index()]) {
            (Some(wanted), Some(space)) if wanted != space => {
                return Err(SpaceError::Mixed {
                    node: recipe.label(id),
                    input: recipe.label(*input).to_string(),
                    wanted: name(wanted),
                    found: name(space),
                });
            }
            (None, space) => shared = space,
            _ => {}
        }
    }
    Ok(shared)
}

fn name(space: Space) -> &'static str {
    match space {
        Space::Weight => "model (weight)",
        Space::Delta => "task vector (delta)",
        Space::Param => "parameter (param)",
    }
}
