//! Values of another type in the middle of a computation. The arithmetic stays in f32.

use super::fold;
use super::{Found, LowerError, Lowerer, NodeValue, Step, Wanted, describe};
use crate::dtype::{DType, Float};
use crate::kernel::{Formula, Node};
use crate::recipe::{Constant, NodeId, Route, cast};

/// A text as a value.
pub(super) fn name(text: &str) -> NodeValue {
    NodeValue::Constant(Constant::Text(text.to_owned()))
}

impl Lowerer<'_> {
    /// A value as a cast leaves it.
    pub(super) fn cast(&mut self, value: NodeValue, route: &Route) -> NodeValue {
        match (route, value) {
            (Route::Cast(Some(float)), NodeValue::Constant(constant)) => {
                NodeValue::Constant(fold::cast(constant, *float))
            }
            (Route::Cast(Some(float)), NodeValue::Tensor(node)) => {
                NodeValue::Tensor(self.narrowed(node, *float))
            }
            (Route::Whole(dtype), NodeValue::Constant(constant)) => {
                NodeValue::Constant(fold::whole(constant, *dtype))
            }
            (Route::Whole(dtype), NodeValue::Tensor(node)) => {
                NodeValue::Tensor(self.whole(node, *dtype))
            }
            (_, value) => value,
        }
    }

    /// The first value in the type that the second names.
    pub(super) fn cast_to(
        &mut self,
        [values, dtype]: [NodeId; 2],
        wanted: &Wanted,
        answers: &mut Vec<Found>,
    ) -> Result<Step<Wanted, Found>, LowerError> {
        let (value, dtype) = match answers.as_slice() {
            [] => return Ok(Step::Ask(wanted.of(values))),
            [Some(_)] => return Ok(Step::Ask(wanted.of(dtype))),
            [Some(value), Some(dtype)] => (value.clone(), dtype),
            _ => return Ok(Step::Answer(None)),
        };
        let route = match dtype {
            NodeValue::Constant(Constant::Null) => Some(Route::Cast(None)),
            NodeValue::Constant(Constant::Text(name)) => cast(name),
            _ => None,
        };
        let route = route.ok_or_else(|| LowerError::Kind {
            node: self.recipe.label(wanted.id),
            key: self.key.to_owned(),
            name: "dtype".to_owned(),
            wanted: "the name of a type, such as \"float16\" or \"int8\"",
            found: describe(dtype),
        })?;
        Ok(Step::Answer(Some(self.cast(value, &route))))
    }

    /// The name of the type that a value is computed in.
    pub(super) fn type_name(&self, value: &NodeValue) -> NodeValue {
        name(match value {
            NodeValue::Tensor(node) => self.float(*node).torch_name(),
            NodeValue::Constant(_) => Float::F32.torch_name(),
        })
    }

    /// A value in another type. What is narrower is rounded, and so is what is computed from
    /// values of that type alone.
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

    /// A value as a type of integers holds it; what is beyond its ends is at them.
    fn whole(&mut self, node: Node, dtype: DType) -> Node {
        let mut fill = |number: f32| {
            let number = self.expression.scalar(f64::from(number));
            self.expression.call(Formula::Fill, &[number])
        };
        let [least, greatest] = dtype.whole_range().unwrap_or_default().map(&mut fill);
        let mut call =
            |formula, a: Node, b: Node| self.expression.call(formula, &[a.into(), b.into()]);
        if dtype == DType::Bool {
            let is_none = call(Formula::IsSame, node, least);
            return call(Formula::Sub, greatest, is_none);
        }
        let most = call(Formula::Least, node, greatest);
        let cut = call(Formula::Greatest, most, least);
        let whole = self.expression.call(Formula::WholePart, &[cut.into()]);
        // Integers have one zero.
        let zero = self.expression.scalar(0.0);
        self.expression.call(Formula::Raise, &[whole.into(), zero])
    }
}
