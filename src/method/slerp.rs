//! Spherical interpolation of two models.

use super::peer::mergekit;
use super::{Base, Default, Domain, Group, Input, Lowering, Method, Parameter, Range, Shape};
use crate::kernel::{Derive, Formula, Node};

/// Cosines beyond this are interpolated linearly: the arc is too short, or undefined.
const COSINE_MAX: f64 = 0.9995;
/// Tensors of a smaller norm have no direction.
const NORM_MIN: f64 = 1e-8;

const T: Parameter = Parameter {
    name: "t",
    help: "position on the arc from the first model (0) to the second (1)",
    shape: Shape::Number(Default::Is(0.5), Range::Finite),
    per_model: false,
    per_element: false,
    complement: None,
};

const NORM: Parameter = Parameter {
    name: "norm",
    help: "what becomes of the tensors' norms",
    shape: Shape::Choice(&[
        (
            "keep",
            "the arc's factors apply to the tensors as they are (mergekit)",
        ),
        (
            "interpolate",
            "directions on the arc, norms interpolated linearly (sd-mecha)",
        ),
    ]),
    per_model: false,
    per_element: false,
    complement: None,
};

/// Spherical interpolation.
pub(super) static SLERP: Method = Method {
    id: "slerp",
    summary: "spherical interpolation of two models, tensor by tensor",
    formula: "(sin((1-t)θ) a + sin(tθ) b) / sin θ, θ = angle(a, b); linear where |cos θ| > 0.9995",
    source: "Shoemake, SIGGRAPH 1985",
    group: Group::Geometry,
    peers: &[mergekit("slerp")],
    base: Base::First,
    models_min: 2,
    models_max: 2,
    inputs: &[Input::same("a"), Input::same("b")],
    result: Domain::Same,
    parameters: &[T, NORM],
    ratio: Some("t"),
    lower: &slerp,
};

fn slerp(l: &mut Lowering<'_>) -> Node {
    let [a, b] = ["a", "b"].map(|name| l.input(name));
    let t = l.parameters.number("t", 0);
    let interpolate = l.parameters.word("norm") == "interpolate";
    let products = [
        l.call(Formula::Mul, &[a, a]),
        l.call(Formula::Mul, &[a, b]),
        l.call(Formula::Mul, &[b, b]),
    ];
    let derive = Derive {
        function: factors,
        parameters: vec![t, f64::from(u8::from(interpolate))],
    };
    // u a + v b, as (u + v) a + v (b - a) from the nearer end: equal models stay as they are.
    let scalars = l.expression.sums(&products, derive, 3);
    let (near, far, factor) = match t.abs() < 0.5 {
        true => (a, b, scalars[2]),
        false => (b, a, scalars[1]),
    };
    let scaled = l
        .expression
        .call(Formula::Scale, &[near.into(), scalars[0]]);
    let difference = l.call(Formula::Sub, &[far, near]);
    let operands = [scaled.into(), difference.into(), factor];
    l.expression.call(Formula::ShiftScaled, &operands)
}

/// The factors of a and b, and before them their sum, from the sums of a², ab and b².
fn factors(sums: &[f64], parameters: &[f64]) -> Vec<f64> {
    let [u, v] = shares(sums, parameters);
    vec![u + v, u, v]
}

fn shares(sums: &[f64], parameters: &[f64]) -> [f64; 2] {
    let (t, interpolate) = (parameters[0], parameters[1] != 0.0);
    let (norm_a, norm_b) = (sums[0].sqrt(), sums[2].sqrt());
    let cosine = sums[1] / (norm_a * norm_b);
    let directed = norm_a > NORM_MIN && norm_b > NORM_MIN;
    // Written so that a cosine that is not a number counts as too close.
    if !(directed && cosine.abs() <= COSINE_MAX) {
        return [1.0 - t, t];
    }
    let angle = cosine.acos();
    let arc = [
        ((1.0 - t) * angle).sin() / angle.sin(),
        (t * angle).sin() / angle.sin(),
    ];
    if !interpolate {
        return arc;
    }
    let norm = (1.0 - t) * norm_a + t * norm_b;
    [arc[0] * norm / norm_a, arc[1] * norm / norm_b]
}
