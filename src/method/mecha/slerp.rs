//! Spherical interpolation with interpolated norms.

use super::linear::pair;
use super::number;
use crate::kernel::{Derive, Formula, Node};
use crate::method::peer::sd_mecha;
use crate::method::{Base, Domain, Group, Input, Lowering, Method, Range};

/// Angles whose sine is smaller are no arc that can be divided.
const SINE_MIN: f64 = 1e-7;

/// Spherical interpolation.
pub(super) static SLERP: Method = Method {
    id: "slerp",
    summary: "spherical interpolation of directions, linear interpolation of norms",
    formula: "(sin((1-alpha)θ) a/|a| + sin(alpha θ) b/|b|) / sin θ · ((1-alpha)|a| + alpha |b|); \
        linear where that is undefined",
    source: "",
    group: Group::Geometry,
    peers: &[sd_mecha("slerp")],
    base: Base::None,
    models_min: 2,
    models_max: 2,
    inputs: &[Input::same("a"), Input::same("b")],
    result: Domain::Same,
    parameters: &[number(
        "alpha",
        "position on the arc from a (0) to b (1)",
        0.5,
        Range::Finite,
    )],
    ratio: Some("alpha"),
    lower: &slerp,
};

fn slerp(l: &mut Lowering<'_>) -> Node {
    let [a, b] = pair(l);
    let alpha = l.parameters.number("alpha", 0);
    let products = [
        l.call(Formula::Mul, &[a, a]),
        l.call(Formula::Mul, &[a, b]),
        l.call(Formula::Mul, &[b, b]),
    ];
    let derive = Derive {
        function: factors,
        parameters: vec![alpha],
    };
    let scalars = l.expression.sums(&products, derive, 2);
    let operands = [a.into(), b.into(), scalars[0], scalars[1]];
    l.expression.call(Formula::Blend, &operands)
}

/// The factors of a and b from the sums of a², ab and b².
fn factors(sums: &[f64], parameters: &[f64]) -> Vec<f64> {
    let alpha = parameters[0];
    let (norm_a, norm_b) = (sums[0].sqrt(), sums[2].sqrt());
    let cosine = (sums[1] / (norm_a * norm_b)).clamp(-1.0, 1.0);
    let angle = cosine.acos();
    if cosine.is_nan() || (angle.sin() < SINE_MIN && cosine > 0.0) {
        return vec![1.0 - alpha, alpha];
    }
    if angle.sin() < SINE_MIN {
        // Opposite directions cancel out; every arc between them is as good as any other.
        return vec![0.0, 0.0];
    }
    let norm = (1.0 - alpha) * norm_a + alpha * norm_b;
    vec![
        ((1.0 - alpha) * angle).sin() / angle.sin() * norm / norm_a,
        (alpha * angle).sin() / angle.sin() * norm / norm_b,
    ]
}
