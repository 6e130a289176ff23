//! Differences of models, multiplied or added up by their squares.

use super::{Lowering, Method, Node, THREE, number, numbers, of, three};
use crate::kernel::{Derive, Formula};
use crate::method::Group;
use crate::method::Range;
use crate::method::peer::{chattiori, sd_meh};

/// The geometric mean of two differences.
pub(in crate::method) static ADD_MULTIPLIED_DIFFERENCE: Method = Method {
    id: "add_multiplied_difference",
    summary: "adds the weighted geometric mean of what two models learned over a third",
    formula: "c + sign(a - c + beta (b - a)) |a - c|^(1-alpha) |b - c|^alpha",
    source: "",
    group: Group::Diffusion,
    peers: &[sd_meh("multiply_difference"), chattiori("MD")],
    parameters: &[
        number("alpha", "ratio from a (0) to b (1)", 0.5, Range::Finite),
        number(
            "beta",
            "ratio from the sign of a's (0) to that of b's (1)",
            0.5,
            Range::Finite,
        ),
    ],
    ..of(THREE, &|l| {
        let [a, b, c] = three(l);
        let [alpha, beta] = numbers(l, ["alpha", "beta"]);
        let [of_a, of_b] = [a, b].map(|model| l.call(Formula::Sub, &[model, c]));
        let sign = l.mean(&[(of_a, 1.0 - beta), (of_b, beta)]);
        let ratio = l.scalar(alpha);
        let operands = [of_a.into(), of_b.into(), sign.into(), ratio];
        let difference = l.expression.call(Formula::SignedGeometric, &operands);
        l.shift(c, difference, 1.0)
    })
};

/// The Euclidean mean of two differences.
pub(in crate::method) static ADD_EUCLIDEAN_DIFFERENCE: Method = Method {
    id: "add_euclidean_difference",
    summary: "adds the weighted quadratic mean of two directions away from a third model",
    formula: "c + sign(d) n r/|r|, r = sqrt((1-alpha) u² + alpha v²), u and v the directions of \
        a - c and b - c, d = (1-alpha) (a - c) + alpha (b - c), n = |d|",
    source: "",
    group: Group::Diffusion,
    peers: &[sd_meh("euclidean_add_difference")],
    parameters: &[number(
        "alpha",
        "ratio from a (0) to b (1)",
        0.5,
        Range::Unit,
    )],
    ..of(THREE, &add_euclidean_difference)
};

fn add_euclidean_difference(l: &mut Lowering<'_>) -> Node {
    let [_, _, c] = three(l);
    let [alpha] = numbers(l, ["alpha"]);
    let [of_a, of_b] = ["a", "b"].map(|name| {
        let model = l.input(name);
        l.call(Formula::Sub, &[model, c])
    });
    let pairs = [(of_a, of_a), (of_b, of_b), (of_a, of_b)];
    let products = pairs.map(|(x, y)| l.call(Formula::Mul, &[x, y]));
    let derive = Derive {
        function: |sums, parameters| {
            let (s, t) = (1.0 - parameters[0], parameters[0]);
            let norm = (s * s * sums[0] + 2.0 * s * t * sums[2] + t * t * sums[1]).sqrt();
            // A direction that is not defined is zero; the squares of the others add up to 1.
            let weights = [(s, sums[0]), (t, sums[1])];
            let weights = weights.map(|(share, square)| if square > 0.0 { share } else { 0.0 });
            let length = (weights[0] + weights[1]).sqrt();
            let factor = |at: usize| match weights[at] > 0.0 {
                true => (weights[at] / sums[at]).sqrt() * norm / length,
                false => 0.0,
            };
            vec![factor(0), factor(1)]
        },
        parameters: vec![alpha],
    };
    let factors = l.expression.sums(&products, derive, 2);
    let scaled = [(of_a, factors[0]), (of_b, factors[1])]
        .map(|(value, factor)| l.expression.call(Formula::Scale, &[value.into(), factor]));
    let sign = l.mean(&[(of_a, 1.0 - alpha), (of_b, alpha)]);
    let length = l.call(Formula::SignedLength, &[scaled[0], scaled[1], sign]);
    l.shift(c, length, 1.0)
}
