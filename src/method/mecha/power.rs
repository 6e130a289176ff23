//! Powers of elements.

use super::amount;
use super::linear::pair;
use crate::kernel::{Formula, Node};
use crate::method::peer::{chattiori, sd_mecha};
use crate::method::{Amount, Base, Domain, Group, Input, Lowering, Method};

/// a^(1 - alpha) b^alpha.
pub(super) static GEOMETRIC_SUM: Method = Method {
    id: "geometric_sum",
    summary: "the weighted geometric mean of two models",
    formula: "Re(a^(1-alpha) b^alpha), principal powers: -|a|^(1-alpha) |b|^alpha where both are \
        negative, times cos(pi (1-alpha)) or cos(pi alpha) where a or b alone is; 0^0 is 1",
    source: "",
    group: Group::Averages,
    peers: &[
        sd_mecha("geometric_sum").but("there 0^0 is NaN"),
        chattiori("GEO").but("which has NaN where a number is negative"),
    ],
    base: Base::None,
    models_min: 2,
    models_max: 2,
    inputs: &[Input::same("a"), Input::same("b")],
    result: Domain::Same,
    parameters: &[amount("alpha", "ratio from a (0) to b (1)", 0.5)],
    ratio: Some("alpha"),
    lower: &geometric_sum,
};

/// a (b / c)^p.
pub(super) static MULTIPLY_QUOTIENT: Method = Method {
    id: "multiply_quotient",
    summary: "multiplies a model by a power of a quotient, where that opposes what it learned",
    formula: "Re(a (b/c)^p), p = alpha max(0, -xy / max(|x|, |y|)²), x = ln|a/c|, y = ln|b/c|; a \
        where a number is 0",
    source: "",
    group: Group::TaskVectors,
    peers: &[sd_mecha("multiply_quotient")],
    base: Base::None,
    models_min: 3,
    models_max: 3,
    inputs: &[Input::same("a"), Input::same("b"), Input::same("c")],
    result: Domain::Same,
    parameters: &[amount("alpha", "strength of the exponent", 1.0)],
    ratio: Some("alpha"),
    lower: &multiply_quotient,
};

fn geometric_sum(l: &mut Lowering<'_>) -> Node {
    let [a, b] = pair(l);
    match l.amount("alpha") {
        Amount::Number(0.0) => a,
        Amount::Number(1.0) => b,
        Amount::Number(alpha) => {
            let alpha = l.scalar(alpha);
            let operands = [a.into(), b.into(), alpha];
            l.expression.call(Formula::Geometric, &operands)
        }
        Amount::Each(alpha) => l.call(Formula::GeometricEach, &[a, b, alpha]),
    }
}

fn multiply_quotient(l: &mut Lowering<'_>) -> Node {
    let [a, b, c] = ["a", "b", "c"].map(|name| l.input(name));
    match l.amount("alpha") {
        Amount::Number(0.0) => a,
        Amount::Number(alpha) => {
            let alpha = l.scalar(alpha);
            let operands = [a.into(), b.into(), c.into(), alpha];
            l.expression.call(Formula::MultiplyQuotient, &operands)
        }
        Amount::Each(alpha) => l.call(Formula::MultiplyQuotientEach, &[a, b, c, alpha]),
    }
}
