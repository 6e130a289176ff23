//! Groups of nodes whose tensors have the same names.
//!
//! Nodes that meet in a merge are joined; what is said about one of them holds for all. A
//! conversion says what its two sides are and does not join them.

use super::{Form, NodeId, Recipe, RecipeNode, Route, SolveError};
use crate::keys::LAYERED;

/// What is said about the form of a group.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Fixed {
    /// Own names.
    Own,
    /// A model config.
    Config(String),
}

impl Fixed {
    fn name(&self) -> &str {
        match self {
            Fixed::Own => "its own file",
            Fixed::Config(name) => name,
        }
    }
}

/// Nodes that share a form.
pub(super) struct Groups {
    parent: Vec<usize>,
    /// What is said about each group, at its root.
    pub(super) fixed: Vec<Option<Fixed>>,
}

impl Groups {
    /// The groups of a recipe's nodes.
    pub(super) fn of(recipe: &Recipe) -> Result<Groups, SolveError> {
        let count = recipe.nodes.len();
        let mut groups = Groups {
            parent: (0..count).collect(),
            fixed: vec![None; count],
        };
        for (id, node) in recipe.nodes.iter().enumerate() {
            match node {
                RecipeNode::Model { form, .. } | RecipeNode::Literal { form, .. } => match form {
                    Form::Own => groups.fix(recipe, id, id, Fixed::Own)?,
                    Form::Config(name) => {
                        groups.fix(recipe, id, id, Fixed::Config(name.clone()))?;
                    }
                    Form::Inferred | Form::Singleton => {}
                },
                RecipeNode::Route {
                    route: Route::Convert(conversion),
                    inputs,
                } => {
                    let (from, to) = (conversion.from.to_owned(), conversion.to.to_owned());
                    groups.fix(recipe, id, inputs[0].index(), Fixed::Config(from))?;
                    groups.fix(recipe, id, id, Fixed::Config(to))?;
                }
                RecipeNode::Route {
                    route: Route::ConvertSingleton | Route::Rename(_),
                    ..
                } => {}
                _ => {
                    for input in node.inputs() {
                        groups.join(recipe, id, input.index())?;
                    }
                    if let RecipeNode::Route {
                        route: Route::Layers(route),
                        ..
                    } = node
                        && route.is_of_config()
                    {
                        groups.fix(recipe, id, id, Fixed::Config(LAYERED.to_owned()))?;
                    }
                }
            }
        }
        Ok(groups)
    }

    /// The root of a node's group.
    pub(super) fn find(&mut self, id: usize) -> usize {
        let mut at = id;
        while self.parent[at] != at {
            // Halved, so that long chains stay short.
            self.parent[at] = self.parent[self.parent[at]];
            at = self.parent[at];
        }
        at
    }

    /// Says what the form of a node is; `at` is the node that says so.
    fn fix(
        &mut self,
        recipe: &Recipe,
        at: usize,
        id: usize,
        fixed: Fixed,
    ) -> Result<(), SolveError> {
        let root = self.find(id);
        match &self.fixed[root] {
            Some(known) if *known != fixed => Err(SolveError::Conflict {
                node: recipe.label(NodeId::new(at)),
                first: known.name().to_owned(),
                second: fixed.name().to_owned(),
            }),
            _ => {
                self.fixed[root] = Some(fixed);
                Ok(())
            }
        }
    }

    /// Makes two nodes share a form; `at` is the node that needs it.
    fn join(&mut self, recipe: &Recipe, at: usize, other: usize) -> Result<(), SolveError> {
        if let RecipeNode::Literal {
            form: Form::Singleton,
            ..
        } = recipe.nodes[other]
        {
            return Ok(());
        }
        let (root, child) = (self.find(at), self.find(other));
        if root == child {
            return Ok(());
        }
        self.parent[child] = root;
        match self.fixed[child].take() {
            Some(fixed) => self.fix(recipe, at, root, fixed),
            None => Ok(()),
        }
    }
}
