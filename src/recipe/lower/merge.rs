//! Merges of a tensor.

use std::borrow::Cow;

use super::fold::fold;
use super::{Found, LowerError, Lowerer, NodeValue, Step, Wanted};
use crate::dtype::Float;
use crate::kernel::Node;
use crate::method::{Argument, Lowering, Method, Parameters};
use crate::recipe::typing::promoted;
use crate::recipe::{Constant, Missing, NodeId, RecipeNode, Scheduled, View};

/// The parameters of a merge for one tensor.
pub(super) struct Numbers<'r> {
    pub(super) values: Cow<'r, Parameters>,
    /// Those that are given per element.
    each: Vec<(&'static str, Node)>,
}

/// What stands for the result of a merge that lacks a model with a role of its own: the first that
/// is there, where it is of the result's space.
fn stand_in(method: &Method, arguments: &[Argument]) -> Found {
    let stands = |argument: &&Argument| {
        let input = method.input(argument.position);
        input.is_some_and(|input| input.domain == method.result)
    };
    let first = arguments.first().filter(stands);
    first.map(|first| NodeValue::Tensor(first.node))
}

impl Lowerer<'_> {
    /// A merge asks for its parameters, its base and its models, in this order; without a
    /// parameter's value it has none itself.
    pub(super) fn merge(
        &mut self,
        wanted: &Wanted,
        answers: &mut Vec<Found>,
    ) -> Result<Step<Wanted, Found>, LowerError> {
        let recipe = self.recipe;
        let node = &recipe.nodes[wanted.id.index()];
        let RecipeNode::Merge { given, base, .. } = node else {
            return Ok(Step::Answer(None));
        };
        let apart = given.len() + usize::from(base.is_some());
        let taking = self.taking(wanted, node)?;
        let leaves_out =
            |position| taking.as_ref().and_then(|own| own.get(position)) == Some(&false);
        while answers.len() >= apart && leaves_out(answers.len() - apart) {
            answers.push(None);
        }
        let asked = answers.len();
        if asked <= given.len() && answers.last().is_some_and(Option::is_none) {
            return Ok(Step::Answer(None));
        }
        let next = match given.get(asked) {
            Some((_, node)) => Some(*node),
            None => node.operand(asked - given.len()),
        };
        match next {
            Some(next) => Ok(Step::Ask(wanted.of(next))),
            None => self
                .merged(wanted, taking.as_deref(), answers)
                .map(Step::Answer),
        }
    }

    /// The value of a merge whose parameters and operands are known.
    fn merged(
        &mut self,
        wanted: &Wanted,
        taking: Option<&[bool]>,
        answers: &mut Vec<Found>,
    ) -> Result<Found, LowerError> {
        let recipe = self.recipe;
        let RecipeNode::Merge {
            method,
            base,
            models,
            parameters,
            given,
            schedule,
        } = &recipe.nodes[wanted.id.index()]
        else {
            return Ok(None);
        };
        let mut answers = answers.drain(..);
        let values = answers.by_ref().take(given.len()).flatten();
        let each = given.iter().map(|(name, _)| *name).zip(values);
        let mut numbers = self.parameters(wanted.id, (*method, parameters), each, models.len())?;
        if let Some(Scheduled::Bound(schedule)) = schedule {
            self.schedule(wanted, (*method, &*schedule.0), &mut numbers, models.len())?;
        }
        let base = match base {
            Some(_) => answers.next(),
            None => None,
        };
        let values = answers.enumerate();
        let values: Vec<(usize, NodeValue)> = values
            .filter_map(|(position, value)| Some((position, value?)))
            .collect();
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
        let expected = taking.map_or(models.len(), |own| {
            own.iter().filter(|takes| **takes).count()
        });
        let complete = arguments.len() == expected && base != Some(None);
        let needs_all = matches!(recipe.options.missing, Missing::Error | Missing::Drop);
        if !complete && !self.partial && needs_all {
            return Ok(None);
        }
        let base = match base {
            // Without the base there is no task vector.
            Some(None) => return Ok(arguments.first().map(|first| NodeValue::Tensor(first.node))),
            Some(Some(base)) => Some(self.tensor(base)),
            None => None,
        };
        if arguments.is_empty() {
            return Ok(base.map(NodeValue::Tensor));
        }
        let single = arguments.iter().map(|argument| argument.position);
        if single.take_while(|at| *at < method.single_inputs()).count() < method.single_inputs() {
            return Ok(stand_in(method, &arguments));
        }
        self.write(wanted, method, base, arguments, &numbers)
            .map(Some)
    }

    /// Has a method write its arithmetic.
    fn write(
        &mut self,
        Wanted { id, view, .. }: &Wanted,
        method: &'static Method,
        base: Option<Node>,
        models: Vec<Argument>,
        numbers: &Numbers<'_>,
    ) -> Result<NodeValue, LowerError> {
        let inputs = base.iter().chain(models.iter().map(|model| &model.node));
        let types: Vec<Option<Float>> = inputs.map(|node| self.narrow.get(node).copied()).collect();
        let working = promoted(&types);
        let statistics = self.expression.statistics().len();
        let planes = self.expression.planes().len();
        let mut lowering = Lowering {
            method,
            expression: self.expression,
            base,
            models,
            parameters: &numbers.values,
            each: &numbers.each,
            key: self.key,
            elements: self.elements,
            shape: &self.shape,
            placed: false,
            seed: self.recipe.options.seed,
            merge: id.index(),
            working,
            merges_before: self.solution.merges_before(*id),
            fault: None,
            same: None,
        };
        let node = (method.lower)(&mut lowering);
        if let Some(fault) = lowering.fault.take() {
            return Err(self.refused(*id, fault));
        }
        let (placed, same) = (lowering.placed, lowering.same);
        let statistics = self.expression.statistics().len() > statistics;
        let made = &self.expression.planes()[planes..];
        let rows = made.iter().any(|plane| plane.made.reads_rows());
        let is_one = match view.as_ref() {
            View::Tensor(_) => true,
            View::Rows { of, part, parts } => {
                let is_run = self.run == Some([*part, *parts]);
                is_run && matches!(of.as_ref(), View::Tensor(_))
            }
            _ => false,
        };
        let fits = is_one || view.is_whole() && !rows;
        if ((statistics || !made.is_empty()) && !fits) || (placed && !is_one) {
            return Err(LowerError::Rearranged {
                node: self.recipe.label(*id),
                key: self.key.to_owned(),
            });
        }
        if let Some(number) = same {
            return Ok(NodeValue::Constant(Constant::Number(number)));
        }
        Ok(NodeValue::Tensor(match working {
            Some(Float::F64) => {
                self.narrow.insert(node, Float::F64);
                node
            }
            Some(float) => self.narrowed(node, float),
            None => node,
        }))
    }

    /// The parameters of a merge for this tensor, `given` by the values of nodes.
    fn parameters<'r>(
        &mut self,
        id: NodeId,
        (method, parameters): (&'static Method, &'r Parameters),
        given: impl Iterator<Item = (&'static str, NodeValue)>,
        models: usize,
    ) -> Result<Numbers<'r>, LowerError> {
        let mut own = Cow::Borrowed(parameters);
        let mut each = Vec::new();
        for (name, value) in given {
            let per_element = method
                .parameters
                .iter()
                .any(|parameter| parameter.name == name && parameter.per_element);
            let constant = match value {
                NodeValue::Tensor(node) if per_element => {
                    each.push((name, node));
                    continue;
                }
                NodeValue::Constant(constant) => Some(constant),
                NodeValue::Tensor(_) => None,
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
            own = Cow::Owned(with.map_err(|fault| self.refused(id, fault))?);
        }
        Ok(Numbers { values: own, each })
    }
}
