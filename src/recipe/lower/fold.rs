//! Merges of numbers: what sd-mecha users compute with parameters before a merge takes them.

use super::NodeValue;
use crate::dtype::{Float, codec};
use crate::method::{Method, Parameters};
use crate::recipe::Constant;

/// The result of a linear merge of constants, in f32 as sd-mecha computes it. None where a value
/// is no number, or the method is not linear.
pub(super) fn fold<'v>(
    method: &Method,
    values: impl Iterator<Item = &'v NodeValue>,
    parameters: &Parameters,
) -> Option<NodeValue> {
    let number = |value: &NodeValue| match value {
        NodeValue::Constant(Constant::Number(number)) => Some(*number as f32),
        _ => None,
    };
    let numbers: Vec<f32> = values.map(number).collect::<Option<_>>()?;
    let alpha = || parameters.number("alpha", 0) as f32;
    let lerp = |a: f32, b: f32, t: f32| match t.abs() < 0.5 {
        true => a + t * (b - a),
        false => b - (b - a) * (1.0 - t),
    };
    let result = match (method.id, numbers.as_slice()) {
        ("weighted_sum", [a, b]) => lerp(*a, *b, alpha()),
        ("add_difference", [a, b]) => a + alpha() * b,
        ("subtract", [a, b]) => a - b,
        ("scale", [a]) => a * alpha(),
        ("n_average", [first, rest @ ..]) => {
            let each = (2..).zip(rest);
            each.fold(*first, |mean, (n, x)| lerp(mean, *x, 1.0 / n as f32))
        }
        _ => return None,
    };
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
