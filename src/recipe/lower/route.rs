//! Routes of a tensor: values passed on, rearranged or chosen.

use std::rc::Rc;

use super::fold;
use super::{Leaf, Lost, LowerError, Lowerer, Value, Wanted};
use crate::dtype::Float;
use crate::kernel::{Derive, Formula, Node};
use crate::method::Space;
use crate::recipe::{NodeId, RecipeNode, Route, View};

impl Lowerer<'_> {
    pub(super) fn route(
        &mut self,
        id: NodeId,
        route: &Route,
        inputs: &[NodeId],
        wanted: &Wanted,
    ) -> Result<Option<Value>, LowerError> {
        match route {
            Route::Fallback => self.fallback(inputs[0], inputs[1], wanted),
            Route::Cast(float) => {
                let value = self.value(inputs[0], wanted)?;
                Ok(value.map(|value| self.cast(value, *float)))
            }
            Route::PickComponent(_) | Route::OmitComponent(_) => {
                let names = wanted.0.leaves();
                if names
                    .iter()
                    .all(|name| self.solution.passes(id, route, name))
                {
                    self.value(inputs[0], wanted)
                } else {
                    self.lost.extend(names.into_iter().map(|name| Lost {
                        node: id,
                        name: name.clone(),
                    }));
                    Ok(None)
                }
            }
            // Without a fallback the load itself refuses what is not finite.
            Route::OmitNonFinite => self.value(inputs[0], wanted),
            Route::ConvertSingleton => {
                let key = Rc::new(View::Tensor("key".to_owned()));
                self.value(inputs[0], &(key, wanted.1))
            }
            Route::Convert(conversion) => {
                let converted = (id, *conversion);
                match self
                    .solution
                    .converted(self.recipe, converted, inputs[0], &wanted.0)
                {
                    Some(view) => self.value(inputs[0], &(Rc::new(view), wanted.1)),
                    None => {
                        let name = wanted.0.leaves().into_iter().next().cloned();
                        self.lost.extend(name.map(|name| Lost { node: id, name }));
                        Ok(None)
                    }
                }
            }
            Route::Stack => self.stack(id, inputs, wanted),
        }
    }

    fn stack(
        &mut self,
        id: NodeId,
        inputs: &[NodeId],
        wanted: &Wanted,
    ) -> Result<Option<Value>, LowerError> {
        let stacked: Option<Vec<View<Leaf>>> = inputs
            .iter()
            .map(|&input| self.solution.routed(self.recipe, input, &wanted.0))
            .collect();
        match stacked {
            Some(views) => {
                let view = View::Stacked(views);
                let loaded = (&view, Space::Weight);
                let node = self.loader.load(self.expression, loaded, wanted.1);
                Ok(node.map(Value::Tensor))
            }
            None => Err(LowerError::Stack {
                node: self.recipe.label(id),
                key: self.key.to_owned(),
            }),
        }
    }

    /// The first value where there is one, else the second. Where the first leaves out tensors
    /// that are not finite, that shows only when they are read: a statistic chooses.
    fn fallback(
        &mut self,
        first: NodeId,
        second: NodeId,
        wanted: &Wanted,
    ) -> Result<Option<Value>, LowerError> {
        let before = self.lost.len();
        let checked = match &self.recipe.nodes[first.0] {
            RecipeNode::Route {
                route: Route::OmitNonFinite,
                inputs,
            } => Some(inputs[0]),
            _ => None,
        };
        let value = match checked {
            Some(input) => self.value(input, &(Rc::clone(&wanted.0), true))?,
            None => self.value(first, wanted)?,
        };
        let Some(value) = value else {
            // What the first lacks the second may have.
            let lost = self.lost.split_off(before);
            let value = self.value(second, wanted)?;
            if value.is_none() {
                self.lost.splice(before..before, lost);
            }
            return Ok(value);
        };
        if checked.is_none() {
            return Ok(Some(value));
        }
        let Some(other) = self.value(second, wanted)? else {
            return Ok(Some(value));
        };
        let [value, other] = [self.tensor(value), self.tensor(other)];
        let flaw = self.expression.call(Formula::Flaw, &[value.into()]);
        let derive = Derive {
            function: |sums, _| vec![if sums[0] == 0.0 { 1.0 } else { 0.0 }],
            parameters: Vec::new(),
        };
        let sound = self.expression.sums(&[flaw], derive, 1);
        let operands = [value.into(), other.into(), sound[0]];
        let chosen = self.expression.call(Formula::Choose, &operands);
        Ok(Some(Value::Tensor(chosen)))
    }

    fn cast(&mut self, value: Value, float: Option<Float>) -> Value {
        let Some(float) = float else {
            return value;
        };
        match value {
            Value::Constant(constant) => Value::Constant(fold::cast(constant, float)),
            Value::Tensor(node) => Value::Tensor(self.narrowed(node, float)),
        }
    }

    /// A value in another type. The arithmetic is in f32; what is narrower is rounded, and so is
    /// what is computed from values of that type alone.
    pub(super) fn narrowed(&mut self, node: Node, float: Float) -> Node {
        let formula = match float {
            Float::F16 => Formula::RoundF16,
            Float::BF16 => Formula::RoundBf16,
            Float::F8E4M3 => Formula::RoundF8E4m3,
            Float::F8E5M2 => Formula::RoundF8E5m2,
            Float::F32 | Float::F64 => Formula::Enter,
        };
        let node = self.expression.call(formula, &[node.into()]);
        if !matches!(float, Float::F32 | Float::F64) {
            self.narrow.insert(node, float);
        }
        node
    }
}
