//! Routes of a tensor: values passed on, rearranged or chosen.

use std::rc::Rc;

use super::cast::name;
use super::{Found, Leaf, Lost, LowerError, Lowerer, NodeValue, Step, Wanted};
use crate::kernel::{Derive, Formula};
use crate::method::Space;
use crate::recipe::gathering::Asked;
use crate::recipe::layers::Part;
use crate::recipe::{
    Gathering, LayerRoute, NodeId, Omitted, RecipeNode, Route, Rule, Typing, View,
};

impl Lowerer<'_> {
    pub(super) fn route(
        &mut self,
        route: &Route,
        inputs: &[NodeId],
        wanted: &Wanted,
        answers: &mut Vec<Found>,
    ) -> Result<Step<Wanted, Found>, LowerError> {
        match route {
            Route::Fallback => return Ok(self.fallback([inputs[0], inputs[1]], wanted, answers)),
            Route::Stack => return self.stack(inputs, wanted).map(Step::Answer),
            Route::Gather(rule) if answers.is_empty() && !rule.passes(&wanted.view) => {
                return self.gather(rule, inputs, wanted);
            }
            Route::Layers(route) if answers.is_empty() && !route.passes(&wanted.view) => {
                return self.layers(*route, inputs, wanted);
            }
            Route::CastTo => return self.cast_to([inputs[0], inputs[1]], wanted, answers),
            _ => {}
        }
        if let Some(value) = answers.pop() {
            return Ok(Step::Answer(match route {
                Route::Cast(_) | Route::Whole(_) => value.map(|value| self.cast(value, route)),
                Route::TypeName => value.map(|value| self.type_name(&value)),
                Route::DeviceName => value.map(|_| name("cpu")),
                Route::Typed(rule) => {
                    self.note_type(rule, &wanted.view, value.as_ref());
                    value
                }
                _ => value,
            }));
        }
        let chosen = match route {
            Route::Select(rule) => rule.selected(&wanted.view),
            _ => None,
        };
        let asked = wanted.of(inputs[chosen.unwrap_or(0)]);
        let view = match route {
            Route::PickComponent(_) | Route::OmitComponent(_) | Route::OmitMatching(_) => {
                let passes = |name: &&String| self.solution.passes(wanted.id, route, name);
                let all = wanted.view.leaves().iter().all(passes);
                all.then(|| Rc::clone(&wanted.view))
            }
            Route::ConvertSingleton => Some(Rc::new(View::Tensor("key".to_owned()))),
            Route::Rename(rule) => rule.renamed(&wanted.view).map(Rc::new),
            Route::Select(_) => chosen.map(|_| Rc::clone(&wanted.view)),
            Route::Convert(conversion) => {
                let converted = (wanted.id, *conversion);
                let view = self
                    .solution
                    .converted(self.recipe, converted, inputs[0], &wanted.view);
                view.map(Rc::new)
            }
            // Without a fallback the load itself refuses what is not finite.
            _ => Some(Rc::clone(&wanted.view)),
        };
        let Some(view) = view else {
            let names = wanted.view.leaves().into_iter();
            let names = names.take(match route {
                Route::Convert(_) => 1,
                _ => usize::MAX,
            });
            let node = wanted.id;
            self.lost
                .extend(names.cloned().map(|name| Lost { node, name }));
            return Ok(Step::Answer(None));
        };
        Ok(Step::Ask(Wanted { view, ..asked }))
    }

    /// Notes that a value is of a type, if all parts of it are.
    fn note_type(
        &mut self,
        rule: &Rule<dyn Typing>,
        view: &View<String>,
        value: Option<&NodeValue>,
    ) {
        let mut types = view.leaves().into_iter().map(|name| rule.0.float(name));
        let first = types.next().flatten();
        if let (Some(float), Some(NodeValue::Tensor(node))) = (first, value)
            && types.all(|other| other == first)
        {
            self.narrow.insert(*node, float);
        }
    }

    fn stack(&mut self, inputs: &[NodeId], wanted: &Wanted) -> Result<Found, LowerError> {
        let stacked: Option<Vec<View<Leaf>>> = inputs
            .iter()
            .map(|&input| self.solution.routed(self.recipe, input, &wanted.view))
            .collect();
        match stacked {
            Some(views) => {
                let view = View::Stacked(views);
                let loaded = (&view, Space::Weight);
                let node = self.loader.load(self.expression, loaded, wanted.tolerated);
                Ok(node.map(NodeValue::Tensor))
            }
            None => Err(LowerError::Stack {
                node: self.recipe.label(wanted.id),
                key: self.key.to_owned(),
            }),
        }
    }

    /// Rows of the inputs' tensors. Where the first input has none, it says so itself.
    fn gather(
        &mut self,
        rule: &Rule<dyn Gathering>,
        inputs: &[NodeId],
        wanted: &Wanted,
    ) -> Result<Step<Wanted, Found>, LowerError> {
        let (recipe, view) = (self.recipe, &wanted.view);
        if let Some(view) = self.solution.routed(recipe, wanted.id, view) {
            let loaded = (&view, Space::Weight);
            let node = self.loader.load(self.expression, loaded, wanted.tolerated);
            return Ok(Step::Answer(node.map(NodeValue::Tensor)));
        }
        if self.solution.origin(recipe, inputs[0], view).is_none() {
            return Ok(Step::Ask(wanted.of(inputs[0])));
        }
        let lacks = |asked: &&Asked<'_>| {
            let view = View::Tensor(asked.name.clone());
            let input = inputs[asked.input];
            self.solution.routed(recipe, input, &view).is_none()
        };
        let asked = rule.asked(view);
        let lacking = asked.iter().find(lacks).map_or(0, |asked| asked.input);
        Err(LowerError::Gather {
            node: self.recipe.label(wanted.id),
            key: self.key.to_owned(),
            from: self.recipe.label(inputs[lacking]),
        })
    }

    /// Tensors that are made of those of their layers. Where the first input has none, it says so
    /// itself.
    fn layers(
        &mut self,
        route: LayerRoute,
        inputs: &[NodeId],
        wanted: &Wanted,
    ) -> Result<Step<Wanted, Found>, LowerError> {
        let (recipe, view) = (self.recipe, &wanted.view);
        if let Some(view) = self.solution.routed(recipe, wanted.id, view) {
            let loaded = (&view, Space::Weight);
            let node = self.loader.load(self.expression, loaded, wanted.tolerated);
            return Ok(Step::Answer(node.map(NodeValue::Tensor)));
        }
        if self.solution.origin(recipe, inputs[0], view).is_none() {
            return Ok(Step::Ask(wanted.of(inputs[0])));
        }
        if let Some(lost) = self.without_statistics(route, inputs, wanted) {
            self.lost.push(lost);
            return Ok(Step::Answer(None));
        }
        let lacks = |part: &Part| {
            let view = View::Tensor(part.name.clone());
            let input = inputs[part.input];
            self.solution.routed(recipe, input, &view).is_none()
        };
        let lacking = route.parts(view).into_iter().find(lacks);
        let (from, name) = lacking.map_or((0, String::new()), |part| (part.input, part.name));
        Err(LowerError::Layer {
            node: self.recipe.label(wanted.id),
            key: self.key.to_owned(),
            name,
            from: self.recipe.label(inputs[from]),
        })
    }

    /// A tensor of which no model has statistics: the regression has none.
    fn without_statistics(
        &self,
        route: LayerRoute,
        inputs: &[NodeId],
        wanted: &Wanted,
    ) -> Option<Lost> {
        let statistics = match route {
            LayerRoute::RegMean { .. } => inputs.iter().skip(1).step_by(2),
            _ => return None,
        };
        let has = |name: &&String, input: &NodeId| {
            let view = View::Tensor((*name).clone());
            self.solution.origin(self.recipe, *input, &view).is_some()
        };
        let mut names = wanted.view.leaves().into_iter();
        let name = names.find(|name| !statistics.clone().any(|input| has(name, input)))?;
        Some(Lost {
            node: inputs[1],
            name: name.clone(),
        })
    }

    /// The first value where there is one, else the second. Where the first leaves out tensors
    /// that are not finite, that shows only when they are read: a statistic chooses.
    fn fallback(
        &mut self,
        [first, second]: [NodeId; 2],
        wanted: &Wanted,
        answers: &mut Vec<Found>,
    ) -> Step<Wanted, Found> {
        let checked = match &self.recipe.nodes[first.index()] {
            RecipeNode::Route {
                route: Route::OmitNonFinite(omitted),
                inputs,
            } if self.omits(*omitted, first, wanted) => Some(inputs[0]),
            _ => None,
        };
        match answers.as_slice() {
            [] => {
                self.marks.push(self.lost.len());
                Step::Ask(match checked {
                    Some(input) => Wanted {
                        tolerated: true,
                        ..wanted.of(input)
                    },
                    None => wanted.of(first),
                })
            }
            [Some(_)] if checked.is_none() => {
                self.marks.pop();
                Step::Answer(answers.pop().flatten())
            }
            [_] => {
                self.marks.push(self.lost.len());
                Step::Ask(wanted.of(second))
            }
            _ => {
                let (other, value) = (answers.pop().flatten(), answers.pop().flatten());
                let (end, begin) = (self.marks.pop(), self.marks.pop());
                Step::Answer(match (value, other) {
                    (Some(value), Some(other)) => Some(self.choose(value, other)),
                    (None, Some(other)) => {
                        // What the first lacks the second has.
                        let lost = begin.unwrap_or(0)..end.unwrap_or(0);
                        self.lost.drain(lost);
                        Some(other)
                    }
                    (None, None) => {
                        // What the second may lack, the result may lack.
                        let (begin, end) = (begin.unwrap_or(0), end.unwrap_or(0));
                        let second = &self.lost[end..];
                        let optional = second.iter().all(|lost| self.is_optional(lost));
                        if optional && !second.is_empty() {
                            self.lost.drain(begin..end);
                        }
                        None
                    }
                    (value, None) => value,
                })
            }
        }
    }

    /// Whether a model lacks something that its config does not require.
    fn is_optional(&self, lost: &Lost) -> bool {
        let model = matches!(
            self.recipe.nodes[lost.node.index()],
            RecipeNode::Model { .. }
        );
        model && self.solution.is_optional(lost.node, &lost.name)
    }

    /// Whether a node leaves out a tensor that holds infinities or NaN.
    fn omits(&self, omitted: Omitted, id: NodeId, wanted: &Wanted) -> bool {
        let known = self.solution.config(id).is_some();
        let optional = |name: &&String| known && self.solution.is_optional(id, name);
        match wanted.view.leaves().iter().all(optional) {
            true => omitted.optional,
            false => omitted.mandatory,
        }
    }

    /// A value where all of it is finite, else another.
    fn choose(&mut self, value: NodeValue, other: NodeValue) -> NodeValue {
        let [value, other] = [self.tensor(value), self.tensor(other)];
        let flaw = self.expression.call(Formula::Flaw, &[value.into()]);
        let derive = Derive {
            function: |sums, _| vec![if sums[0] == 0.0 { 1.0 } else { 0.0 }],
            parameters: Vec::new(),
        };
        let sound = self.expression.sums(&[flaw], derive, 1);
        let operands = [value.into(), other.into(), sound[0]];
        NodeValue::Tensor(self.expression.call(Formula::Choose, &operands))
    }
}
