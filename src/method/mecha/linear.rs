//! Sums, differences and multiples.

use super::amount;
use crate::kernel::{Derive, Formula, Node};
use crate::method::peer::{chattiori, sd_mecha, sd_meh, supermerger};
use crate::method::{Amount, Base, Domain, Group, Input, Lowering, Method, Parameter, Space};

const ALPHA_HALF: Parameter = amount("alpha", "ratio from a (0) to b (1)", 0.5);
const ALPHA_ONE: Parameter = amount("alpha", "factor of the difference", 1.0);

/// (1 - alpha) a + alpha b.
pub(super) static WEIGHTED_SUM: Method = Method {
    id: "weighted_sum",
    summary: "the point at a ratio on the line from one model to another",
    formula: "a + alpha (b - a); a itself at 0, b itself at 1",
    source: "",
    group: Group::Averages,
    peers: &[
        sd_mecha("weighted_sum"),
        supermerger("Weight sum"),
        sd_meh("weighted_sum"),
        chattiori("WS"),
    ],
    base: Base::None,
    models_min: 2,
    models_max: 2,
    inputs: &[Input::same("a"), Input::same("b")],
    result: Domain::Same,
    parameters: &[ALPHA_HALF],
    ratio: Some("alpha"),
    lower: &weighted_sum,
};

/// a - b.
pub(super) static SUBTRACT: Method = Method {
    id: "subtract",
    summary: "the task vector from one model to another",
    formula: "a - b",
    source: "",
    group: Group::Arithmetic,
    peers: &[sd_mecha("subtract")],
    base: Base::None,
    models_min: 2,
    models_max: 2,
    inputs: &[Input::weight("a"), Input::weight("b")],
    result: Domain::Only(Space::Delta),
    parameters: &[],
    ratio: None,
    lower: &|l| {
        let values = pair(l);
        l.call(Formula::Sub, &values)
    },
};

/// a + alpha b.
pub(super) static ADD_DIFFERENCE: Method = Method {
    id: "add_difference",
    summary: "adds a multiple of a task vector",
    formula: "a + alpha b",
    source: "",
    group: Group::Arithmetic,
    peers: &[sd_mecha("add_difference")],
    base: Base::None,
    models_min: 2,
    models_max: 2,
    inputs: &[Input::same("a"), Input::delta("b")],
    result: Domain::Same,
    parameters: &[ALPHA_ONE],
    ratio: Some("alpha"),
    lower: &add_difference,
};

/// alpha a.
pub(super) static SCALE: Method = Method {
    id: "scale",
    summary: "a multiple of a task vector",
    formula: "alpha a",
    source: "",
    group: Group::Arithmetic,
    peers: &[sd_mecha("scale")],
    base: Base::None,
    models_min: 1,
    models_max: 1,
    inputs: &[Input::delta("a")],
    result: Domain::Only(Space::Delta),
    parameters: &[ALPHA_ONE],
    ratio: Some("alpha"),
    lower: &scale,
};

/// What of b is perpendicular to a.
pub(super) static PERPENDICULAR_COMPONENT: Method = Method {
    id: "perpendicular_component",
    summary: "what of one tensor is perpendicular to another",
    formula: "b - a Σab / Σa²; 0 where a is zero",
    source: "",
    group: Group::Arithmetic,
    peers: &[sd_mecha("perpendicular_component")],
    base: Base::None,
    models_min: 2,
    models_max: 2,
    inputs: &[Input::same("a"), Input::same("b")],
    result: Domain::Same,
    parameters: &[],
    ratio: None,
    lower: &perpendicular_component,
};

fn weighted_sum(l: &mut Lowering<'_>) -> Node {
    let [a, b] = pair(l);
    match l.amount("alpha") {
        Amount::Number(0.0) => a,
        Amount::Number(1.0) => b,
        Amount::Each(t) => l.call(Formula::LerpEach, &[a, b, t]),
        Amount::Number(t) => {
            // From the nearer end, as torch's lerp goes.
            let difference = l.call(Formula::Sub, &[b, a]);
            if t.abs() < 0.5 {
                l.add_scaled(a, difference, t)
            } else {
                l.add_scaled(b, difference, f64::from(t as f32 - 1.0))
            }
        }
    }
}

fn add_difference(l: &mut Lowering<'_>) -> Node {
    let [a, b] = pair(l);
    match l.amount("alpha") {
        Amount::Number(0.0) => a,
        Amount::Number(alpha) => l.add_scaled(a, b, alpha),
        Amount::Each(alpha) => l.call(Formula::AxpyEach, &[a, b, alpha]),
    }
}

fn scale(l: &mut Lowering<'_>) -> Node {
    let a = l.input("a");
    match l.amount("alpha") {
        Amount::Number(alpha) => l.scale(a, alpha),
        Amount::Each(alpha) => l.call(Formula::Mul, &[a, alpha]),
    }
}

fn perpendicular_component(l: &mut Lowering<'_>) -> Node {
    let [a, b] = pair(l);
    let products = [l.call(Formula::Mul, &[a, a]), l.call(Formula::Mul, &[a, b])];
    let derive = Derive {
        function: |sums, _| match sums[1] / sums[0] {
            share if share.is_finite() => vec![-share, 1.0],
            _ => vec![0.0, 0.0],
        },
        parameters: Vec::new(),
    };
    let factors = l.expression.sums(&products, derive, 2);
    let operands = [a.into(), b.into(), factors[0], factors[1]];
    l.expression.call(Formula::Blend, &operands)
}

/// The two inputs of a method that takes two.
pub(super) fn pair(l: &Lowering<'_>) -> [Node; 2] {
    ["a", "b"].map(|name| l.input(name))
}
