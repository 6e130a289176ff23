//! Merges of numbers: what sd-mecha users compute with parameters before a merge takes them.

use super::NodeValue;
use crate::dtype::{DType, Float, codec};
use crate::kernel::written::folded;
use crate::kernel::{Compute, Expression, Formula, Output};
use crate::method::{Argument, Lowering, Method, Parameters};
use crate::recipe::Constant;

/// What a method makes of constants, in f32 as sd-mecha computes it. None where a value is no
/// number, or what the method does hangs on more than one element.
pub(super) fn fold<'v>(
    method: &'static Method,
    values: impl Iterator<Item = &'v NodeValue>,
    parameters: &Parameters,
) -> Option<NodeValue> {
    let mut expression = Expression::new(Compute::F32);
    let mut models = Vec::new();
    for (position, value) in values.enumerate() {
        let NodeValue::Constant(Constant::Number(number)) = value else {
            return None;
        };
        let number = expression.scalar(*number);
        let node = expression.call(Formula::Fill, &[number]);
        models.push(Argument { position, node });
    }
    let mut lowering = Lowering {
        method,
        expression: &mut expression,
        base: None,
        models,
        parameters,
        each: &[],
        key: "",
        elements: 1,
        shape: &[],
        placed: false,
        seed: 0,
        merge: 0,
        working: None,
        merges_before: 0,
        fault: None,
        same: None,
    };
    let node = (method.lower)(&mut lowering);
    let whole = lowering.fault.is_none() && expression.excess().is_none();
    if !whole || !expression.statistics().is_empty() || !expression.stages().is_empty() {
        return None;
    }
    let program = expression.program(&[node], |values| vec![Output::Sum(values[0])]);
    let result = folded(&program, &expression.into_parts().row)?;
    Some(NodeValue::Constant(Constant::Number(f64::from(result))))
}

/// A constant in another type.
pub(super) fn cast(constant: Constant, float: Float) -> Constant {
    match constant {
        Constant::Number(number) => {
            let word = codec::settled((number as f32).to_bits());
            let word = codec::decode(float, codec::encode(float, word));
            Constant::Number(f64::from(f32::from_bits(word)))
        }
        other => other,
    }
}

/// A constant as a type of integers holds it.
pub(super) fn whole(constant: Constant, dtype: DType) -> Constant {
    let [least, greatest] = dtype.whole_range().unwrap_or_default();
    match constant {
        Constant::Number(number) if dtype == DType::Bool => {
            Constant::Number(f64::from(u8::from(number != 0.0)))
        }
        Constant::Number(number) => {
            let cut = (number as f32).max(least).min(greatest);
            Constant::Number(f64::from(cut.trunc() + 0.0))
        }
        other => other,
    }
}
