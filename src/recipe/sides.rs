//! Whether what meets in a merge or fallback has tensors in common.

use std::borrow::Cow;
use std::collections::HashSet;
use std::rc::Rc;

use super::{NodeId, Recipe, RecipeNode, Route, Solution, SolveError};
use crate::figures::counted;

/// The names of a node's tensors; None where it has values for any.
type Names = Option<Side>;

#[derive(Clone)]
struct Side {
    names: Rc<HashSet<String>>,
    /// Whether the recipe says which tensors of something these are: such a part may well have
    /// nothing in common with another.
    chosen: bool,
}

impl Solution<'_> {
    /// Refuses a merge or fallback of which one input shares no tensor with those before it: what
    /// it was meant to change would stay as it was.
    pub(super) fn check_sides(&self, recipe: &Recipe) -> Result<(), SolveError> {
        let routed = |node: &RecipeNode| {
            let route = matches!(node, RecipeNode::Route { .. });
            let fallback = matches!(
                node,
                RecipeNode::Route {
                    route: Route::Fallback,
                    ..
                }
            );
            (route, fallback)
        };
        // A plain merge is compared model by model.
        if !recipe.nodes.iter().any(|node| routed(node).0) {
            return Ok(());
        }
        let mut sets: Vec<Names> = Vec::with_capacity(recipe.nodes.len());
        for (id, node) in recipe.nodes.iter().enumerate() {
            let id = NodeId::new(id);
            let set = match node {
                RecipeNode::Model { .. } => self.model_side(id, &sets),
                RecipeNode::Literal { .. } => None,
                RecipeNode::Merge { .. } => self.union(recipe, id, &node.operands(), &sets)?,
                RecipeNode::Route { inputs, .. } if routed(node).1 => {
                    self.union(recipe, id, inputs, &sets)?
                }
                RecipeNode::Route { route, inputs } => {
                    self.route_side(recipe, id, route, inputs, &sets)
                }
            };
            sets.push(set);
        }
        Ok(())
    }

    /// A model's names; one set for all models that have the same.
    fn model_side(&self, id: NodeId, sets: &[Names]) -> Names {
        let side = |names| Side {
            names,
            chosen: false,
        };
        let count = self.model_names(id).count();
        let same = |set: &&Rc<HashSet<String>>| {
            set.len() == count && self.model_names(id).all(|name| set.contains(name))
        };
        let recent = sets.iter().rev().flatten().take(RECENT);
        let mut recent = recent.map(|side| &side.names);
        Some(side(match recent.find(same) {
            Some(set) => Rc::clone(set),
            None => Rc::new(self.model_names(id).map(str::to_owned).collect()),
        }))
    }

    fn route_side(
        &self,
        recipe: &Recipe,
        id: NodeId,
        route: &Route,
        inputs: &[NodeId],
        sets: &[Names],
    ) -> Names {
        let side = sets[inputs.first()?.index()].as_ref()?;
        let first = &side.names;
        let chooses = matches!(
            route,
            Route::PickComponent(_)
                | Route::OmitComponent(_)
                | Route::OmitMatching(_)
                | Route::Rename(_)
                | Route::Select(_)
        );
        let names = match route {
            Route::PickComponent(_) | Route::OmitComponent(_) | Route::OmitMatching(_) => {
                let names = first.iter().filter(|name| self.passes(id, route, name));
                Rc::new(names.cloned().collect())
            }
            Route::Convert(conversion) => {
                let sources = first.iter().map(|name| Cow::Borrowed(name.as_str()));
                let sources = sources.collect();
                let target = recipe.configs.find(conversion.to).ok()?;
                let names = self.converted_names((id, conversion), &sources, target);
                Rc::new(names.into_iter().map(str::to_owned).collect())
            }
            Route::Rename(rule) => {
                let names = first.iter().flat_map(|name| rule.0.targets(name));
                Rc::new(names.collect())
            }
            Route::Select(rule) => {
                let of = |position: usize, input: &NodeId| {
                    let names = sets[input.index()]
                        .iter()
                        .flat_map(|side| side.names.iter());
                    names.filter(move |name| rule.0.input(name) == Some(position))
                };
                let inputs = inputs.iter().enumerate();
                let names = inputs.flat_map(|(position, input)| of(position, input));
                Rc::new(names.cloned().collect())
            }
            Route::ConvertSingleton => return None,
            Route::Fallback
            | Route::Cast(_)
            | Route::Whole(_)
            | Route::CastTo
            | Route::TypeName
            | Route::DeviceName
            | Route::Typed(_)
            | Route::Stack
            | Route::OmitNonFinite(_)
            | Route::Gather(_)
            | Route::Layers(_) => Rc::clone(first),
        };
        Some(Side {
            names,
            chosen: side.chosen || chooses,
        })
    }

    /// The names of several inputs, of which each shares one with those before it.
    fn union(
        &self,
        recipe: &Recipe,
        id: NodeId,
        inputs: &[NodeId],
        sets: &[Names],
    ) -> Result<Names, SolveError> {
        let mut all: Option<(NodeId, Side)> = None;
        for &input in inputs {
            let Some(side) = &sets[input.index()] else {
                continue;
            };
            let Some((first, before)) = &all else {
                all = Some((input, side.clone()));
                continue;
            };
            let chosen = before.chosen || side.chosen;
            if Rc::ptr_eq(&before.names, &side.names) {
                continue;
            }
            let (before, own) = (&before.names, &side.names);
            let shared = own.iter().filter(|name| before.contains(*name)).count();
            if shared == 0 && !chosen {
                return Err(SolveError::NothingShared {
                    node: recipe.label(id),
                    first: self.side(recipe, *first, before),
                    second: self.side(recipe, input, own),
                });
            }
            let names = match (shared == own.len(), shared == before.len()) {
                (true, _) => Rc::clone(before),
                (_, true) => Rc::clone(own),
                _ => Rc::new(before.union(own).cloned().collect()),
            };
            all = Some((*first, Side { names, chosen }));
        }
        Ok(all.map(|(_, side)| side))
    }

    /// What an input looks like: what it is, how many tensors it has, and one of them.
    fn side(&self, recipe: &Recipe, id: NodeId, names: &HashSet<String>) -> String {
        let what = match &recipe.nodes[id.index()] {
            RecipeNode::Model { model, .. } => self.described[model.index()].clone(),
            _ => recipe.label(id).to_string(),
        };
        match names.iter().min() {
            Some(name) => {
                let tensors = counted(names.len(), "tensor");
                format!("{what} with {tensors} such as `{name}`")
            }
            None => format!("{what} without tensors"),
        }
    }
}

/// How many sets of names a model's is compared with.
const RECENT: usize = 4;
