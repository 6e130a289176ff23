//! From composed values to the nodes of a recipe.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use super::term::{ComposeError, Given, Merge, Term, Value};
use super::{LiteralEntry, ModelId, NodeId, Options, Recipe, RecipeNode};
use crate::method::{Parameters, in_recipes};

/// The recipe of a value, unchecked.
pub(super) fn composed(value: &Value, options: Options) -> Result<Recipe, ComposeError> {
    let mut composer = Composer {
        recipe: Recipe::new(Vec::new(), Vec::new(), options),
        models: HashMap::new(),
        known: HashMap::new(),
    };
    composer.compose(value)?;
    Ok(composer.recipe)
}

/// Turns values into nodes, each once.
struct Composer {
    recipe: Recipe,
    models: HashMap<PathBuf, usize>,
    known: HashMap<*const Term, NodeId>,
}

impl Composer {
    fn push(&mut self, node: RecipeNode) -> NodeId {
        self.recipe.nodes.push(node);
        self.recipe.root()
    }

    /// Makes nodes of a value and all that it is made of, what comes first first. Values may lie
    /// deeper in each other than a thread's stack.
    fn compose(&mut self, value: &Value) -> Result<(), ComposeError> {
        let mut open = vec![value];
        while let Some(&value) = open.last() {
            let before = open.len();
            if !self.known.contains_key(&Arc::as_ptr(&value.0)) {
                let parts = value.0.parts();
                let new = |part: &&&Value| !self.known.contains_key(&Arc::as_ptr(&part.0));
                open.extend(parts.iter().rev().filter(new));
            }
            if open.len() == before {
                open.pop();
                self.node(value)?;
            }
        }
        Ok(())
    }

    /// The node of a value whose parts have theirs.
    fn node(&mut self, value: &Value) -> Result<NodeId, ComposeError> {
        let address = Arc::as_ptr(&value.0);
        if let Some(known) = self.known.get(&address) {
            return Ok(*known);
        }
        let id = match value.0.as_ref() {
            Term::Model(path, form, space) => {
                let next = self.recipe.models.len();
                let model = *self.models.entry(path.clone()).or_insert(next);
                if model == next {
                    self.recipe.models.push(path.clone());
                }
                let (model, form, space) = (ModelId::new(model), form.clone(), *space);
                self.push(RecipeNode::Model { model, form, space })
            }
            Term::Literal(entries, form) => {
                let entries = entries.iter().map(|(name, constant)| {
                    (name.clone(), LiteralEntry::Constant(constant.clone()))
                });
                self.push(RecipeNode::Literal {
                    entries: entries.collect(),
                    form: form.clone(),
                    space: None,
                })
            }
            Term::Merge(merge) => self.merge(merge)?,
            Term::Route(route, inputs) => {
                let inputs: Vec<NodeId> = inputs
                    .iter()
                    .map(|input| self.node(input))
                    .collect::<Result<_, _>>()?;
                let route = route.clone();
                self.push(RecipeNode::Route { route, inputs })
            }
            Term::Unconvertible(from, to) => {
                let (from, to) = (from.clone(), to.clone());
                return Err(ComposeError::NoConversion { from, to });
            }
        };
        self.known.insert(address, id);
        Ok(id)
    }

    fn merge(&mut self, merge: &Merge) -> Result<NodeId, ComposeError> {
        let id = merge.method.clone();
        let method = in_recipes(&id).ok_or(ComposeError::UnknownMethod { id })?;
        let given = merge.inputs.len();
        if !(method.models_min..=method.models_max).contains(&given) {
            return Err(ComposeError::Inputs {
                method: method.id,
                wanted: method.takes("input"),
                given,
            });
        }
        let models: Vec<NodeId> = merge
            .inputs
            .iter()
            .map(|input| self.node(input))
            .collect::<Result<_, _>>()?;
        let (mut constants, mut nodes) = (Vec::new(), Vec::new());
        for (name, given) in &merge.parameters {
            match given {
                Given::Constant(constant) => {
                    constants.extend(constant.given().map(|value| (name.clone(), value)));
                }
                Given::Value(value) => {
                    let (parameter, _) = crate::method::parameter_named(method, name)?;
                    nodes.push((parameter.name, self.node(value)?));
                }
            }
        }
        let parameters = Parameters::resolve(method, &constants, models.len())?;
        Ok(self.push(RecipeNode::Merge {
            method,
            base: None,
            models,
            parameters,
            given: nodes,
            schedule: None,
        }))
    }
}
