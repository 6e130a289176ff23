//! Merges of a tensor.

use std::borrow::Cow;

use super::fold::fold;
use super::{LowerError, Lowerer, Value, Wanted};
use crate::dtype::Float;
use crate::kernel::Node;
use crate::method::{Argument, Lowering, Method, Parameters};
use crate::recipe::{Missing, NodeId, RecipeNode, View};

/// The parameters of a merge for one tensor.
struct Numbers<'r> {
    values: Cow<'r, Parameters>,
    /// Those that are given per element.
    each: Vec<(&'static str, Node)>,
}

impl Lowerer<'_> {
    pub(super) fn merge(
        &mut self,
        id: NodeId,
        wanted: &Wanted,
    ) -> Result<Option<Value>, LowerError> {
        let recipe = self.recipe;
        let RecipeNode::Merge {
            method,
            base,
            models,
            parameters,
            given,
        } = &recipe.nodes[id.0]
        else {
            return Ok(None);
        };
        let Some(numbers) =
            self.parameters(id, (*method, parameters), given, models.len(), wanted)?
        else {
            return Ok(None);
        };
        let base = match base {
            Some(base) => Some(self.value(*base, wanted)?),
            None => None,
        };
        let mut values = Vec::with_capacity(models.len());
        for (position, model) in models.iter().enumerate() {
            if let Some(value) = self.value(*model, wanted)? {
                values.push((position, value));
            }
        }
        if base.is_none() && numbers.each.is_empty() && values.len() == models.len() {
            let own = values.iter().map(|(_, value)| value);
            if let Some(folded) = fold(method, own, &numbers.values) {
                return Ok(Some(folded));
            }
        }
        let arguments: Vec<Argument> = values
            .into_iter()
            .map(|(position, value)| Argument {
                position,
                node: self.tensor(value),
            })
            .collect();
        let complete = arguments.len() == models.len() && base != Some(None);
        if !complete && recipe.options.missing == Missing::Error {
            return Ok(None);
        }
        let base = match base {
            // Without the base there is no task vector.
            Some(None) => return Ok(arguments.first().map(|first| Value::Tensor(first.node))),
            Some(Some(base)) => Some(self.tensor(base)),
            None => None,
        };
        if arguments.is_empty() {
            return Ok(base.map(Value::Tensor));
        }
        if arguments.len() < models.len() && !method.is_variadic() {
            // The first that is there stands for the result, where it is of its space.
            let stands = |argument: &&Argument| {
                let input = method.input(argument.position);
                input.is_some_and(|input| input.domain == method.result)
            };
            let first = arguments.first().filter(stands);
            return Ok(first.map(|first| Value::Tensor(first.node)));
        }
        let node = self.write(id, method, base, arguments, &numbers, &wanted.0)?;
        Ok(Some(Value::Tensor(node)))
    }

    /// Has a method write its arithmetic.
    fn write(
        &mut self,
        id: NodeId,
        method: &'static Method,
        base: Option<Node>,
        models: Vec<Argument>,
        numbers: &Numbers<'_>,
        view: &View<String>,
    ) -> Result<Node, LowerError> {
        let inputs = base.iter().chain(models.iter().map(|model| &model.node));
        let types: Vec<Option<Float>> = inputs.map(|node| self.narrow.get(node).copied()).collect();
        let statistics = self.expression.statistics().len();
        let planes = self.expression.planes().len();
        let mut lowering = Lowering {
            expression: self.expression,
            base,
            models,
            parameters: &numbers.values,
            each: &numbers.each,
            key: self.key,
            seed: self.recipe.options.seed,
            merge: id.0 as u32,
        };
        let node = (method.lower)(&mut lowering);
        let statistics = self.expression.statistics().len() > statistics;
        let made = &self.expression.planes()[planes..];
        let rows = made.iter().any(|plane| plane.made.reads_rows());
        let fits = match view {
            View::Tensor(_) => true,
            view => view.is_whole() && !rows,
        };
        if (statistics || !made.is_empty()) && !fits {
            return Err(LowerError::Rearranged {
                node: self.recipe.label(id),
                key: self.key.to_owned(),
            });
        }
        Ok(match types.as_slice() {
            [Some(float), rest @ ..] if rest.iter().all(|other| *other == Some(*float)) => {
                self.narrowed(node, *float)
            }
            _ => node,
        })
    }

    /// The parameters of a merge for this tensor; None where one of them has no value for it.
    fn parameters<'r>(
        &mut self,
        id: NodeId,
        (method, parameters): (&'static Method, &'r Parameters),
        given: &[(&'static str, NodeId)],
        models: usize,
        wanted: &Wanted,
    ) -> Result<Option<Numbers<'r>>, LowerError> {
        let mut own = Cow::Borrowed(parameters);
        let mut each = Vec::new();
        for &(name, node) in given {
            let Some(value) = self.value(node, wanted)? else {
                return Ok(None);
            };
            let per_element = method
                .parameters
                .iter()
                .any(|parameter| parameter.name == name && parameter.per_element);
            let constant = match value {
                Value::Tensor(node) if per_element => {
                    each.push((name, node));
                    continue;
                }
                Value::Constant(constant) => Some(constant),
                Value::Tensor(_) => None,
            };
            let kind = |found: String| LowerError::Kind {
                node: self.recipe.label(id),
                key: self.key.to_owned(),
                name: name.to_owned(),
                wanted: "one value per tensor",
                found,
            };
            let constant = constant.ok_or_else(|| kind("one per element".to_owned()))?;
            let Some(value) = constant.given() else {
                continue;
            };
            let with = own.with(method, name, &value, models);
            own = Cow::Owned(with.map_err(|fault| LowerError::Parameter {
                node: self.recipe.label(id),
                key: self.key.to_owned(),
                fault: Box::new(fault),
            })?);
        }
        Ok(Some(Numbers { values: own, each }))
    }
}
