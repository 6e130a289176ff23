//! What one model learned over its origin, added to another.

use super::peer::{chattiori, sd_mecha, sd_meh, supermerger};
use super::{
    Base, Default, Domain, Group, Input, Lowering, Method, Parameter, Range, Shape, Space,
};
use crate::kernel::{Formula, Node};

const ALPHA: Parameter = Parameter {
    name: "alpha",
    help: "how much of the difference is added",
    shape: Shape::Number(Default::Is(1.0), Range::Finite),
    per_model: false,
    per_element: false,
    complement: None,
};

/// A + alpha (B - C).
pub(super) static ADD_DIFFERENCE: Method = Method {
    id: "add_difference",
    summary: "adds the difference of the second and third model to the first",
    formula: "a + alpha (b - c)",
    source: "",
    group: Group::TaskVectors,
    peers: &[
        supermerger("Add difference"),
        sd_meh("add_difference"),
        chattiori("AD"),
        sd_mecha("add_difference").but("of a `subtract`"),
    ],
    base: Base::None,
    models_min: 3,
    models_max: 3,
    inputs: &[Input::weight("a"), Input::weight("b"), Input::weight("c")],
    result: Domain::Only(Space::Weight),
    parameters: &[ALPHA],
    ratio: Some("alpha"),
    lower: &add_difference,
};

fn add_difference(l: &mut Lowering<'_>) -> Node {
    let [a, b, c] = ["a", "b", "c"].map(|name| l.input(name));
    let alpha = l.parameters.number("alpha", 0);
    if alpha == 0.0 {
        return a;
    }
    let difference = l.call(Formula::Sub, &[b, c]);
    l.shift(a, difference, alpha)
}
