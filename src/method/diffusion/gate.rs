//! Methods of Chattiori's merger that let through a part of what separates two models.

use super::{Lowering, Method, Node, TWO, number, numbers, of, two};
use crate::kernel::host::{Band, ChannelGate};
use crate::kernel::{Derive, Formula, Kept, Scope, Ties};
use crate::method::peer::chattiori;
use crate::method::{Group, Range};

/// The larger element.
pub(in crate::method) static MAXIMUM: Method = Method {
    id: "maximum",
    summary: "the larger of two elements",
    formula: "max(a, b)",
    source: "",
    group: Group::Parts,
    peers: &[chattiori("MAX")],
    ratio: None,
    ..of(TWO, &|l| {
        let [a, b] = two(l);
        l.call(Formula::Greatest, &[a, b])
    })
};

/// A sum under logistic weights.
pub(in crate::method) static SIGMOID_SUM: Method = Method {
    id: "sigmoid_sum",
    summary: "a weighted sum of two models, with weights that follow logistic curves",
    formula: "s(4 alpha) (a + b) - s(alpha) a, s(x) = 1 / (1 + e⁻ˣ)",
    source: "",
    group: Group::Averages,
    peers: &[chattiori("SIG")],
    parameters: &[number("alpha", "how far towards b", 0.5, Range::Finite)],
    ..of(TWO, &|l| {
        let [a, b] = two(l);
        let [alpha] = numbers(l, ["alpha"]);
        let [steep, flat] = [4.0, 1.0].map(|slope: f64| 1.0 / (1.0 + (-slope * alpha).exp()));
        l.combine(&[(a, steep - flat), (b, steep)]).unwrap_or(a)
    })
};

/// What of the difference is perpendicular to a.
pub(in crate::method) static ADD_ORTHOGONAL_DIFFERENCE: Method = Method {
    id: "add_orthogonal_difference",
    summary: "adds what of the difference of two models is perpendicular to the first",
    formula: "a + alpha (d - (d·a) / (a·a + 1e-12) a), d = b - a",
    source: "",
    group: Group::Geometry,
    peers: &[chattiori("ORTHO")],
    parameters: &[number("alpha", "how much is added", 0.5, Range::Finite)],
    ..of(TWO, &add_orthogonal_difference)
};

fn add_orthogonal_difference(l: &mut Lowering<'_>) -> Node {
    let [a, b] = two(l);
    let [alpha] = numbers(l, ["alpha"]);
    let difference = l.call(Formula::Sub, &[b, a]);
    let products = [difference, a].map(|own| l.call(Formula::Mul, &[own, a]));
    let derive = Derive {
        function: |sums, _| vec![-sums[0] / (sums[1] + 1e-12)],
        parameters: Vec::new(),
    };
    let share = l.expression.sums(&products, derive, 1)[0];
    let operands = [difference.into(), a.into(), share];
    let across = l.expression.call(Formula::Axpy, &operands);
    l.shift(a, across, alpha)
}

/// The largest differences.
pub(in crate::method) static ADD_LARGEST_DIFFERENCE: Method = Method {
    id: "add_largest_difference",
    summary: "adds the largest differences of two models in each tensor",
    formula: "a + alpha d where |d| is among the ⌊beta n⌋ largest of n, all equals included, \
        d = b - a",
    source: "",
    group: Group::Parts,
    peers: &[chattiori("SPRSE")],
    parameters: &[
        number("alpha", "how much is added", 0.5, Range::Finite),
        number("beta", "share of the elements", 0.5, Range::Unit),
    ],
    ..of(TWO, &|l| {
        let [a, b] = two(l);
        let [alpha, beta] = numbers(l, ["alpha", "beta"]);
        if beta == 0.0 {
            return a;
        }
        let difference = l.call(Formula::Sub, &[b, a]);
        let kept = Kept::Density(beta);
        let largest = l
            .expression
            .trim(difference, kept, Ties::Keep, Scope::Tensor);
        l.shift(a, largest, alpha)
    })
};

/// A sum by the likeness of channels.
pub(in crate::method) static CHANNEL_SUM: Method = Method {
    id: "channel_sum",
    summary: "moves those channels from one model to another that differ in direction",
    formula: "a + g alpha (b - a), g = beta (1 - cos) within [0, 1], cos that of a and b over all \
        elements with one first index in tensors of 2 and 4 dimensions; 1 in others",
    source: "",
    group: Group::Diffusion,
    peers: &[chattiori("CHAN")],
    parameters: &[
        number("alpha", "how far towards b", 0.5, Range::Finite),
        number(
            "beta",
            "how much a difference in direction counts",
            1.0,
            Range::Finite,
        ),
    ],
    ..of(TWO, &|l| {
        let [a, b] = two(l);
        let [alpha, beta] = numbers(l, ["alpha", "beta"]);
        let mut difference = l.call(Formula::Sub, &[b, a]);
        if matches!(l.shape.len(), 2 | 4) {
            let gate = l.expression.host(ChannelGate { beta }, &[a, b]);
            difference = l.call(Formula::Mul, &[difference, gate]);
        }
        l.shift(a, difference, alpha)
    })
};

/// A sum of the outer frequencies of kernels.
pub(in crate::method) static BAND_SUM: Method = Method {
    id: "band_sum",
    summary: "the weighted sum of two models, but for a band of the frequencies of kernels",
    formula: "F⁻¹((1 - alpha f) F(a) + alpha f F(b)) over the last 2 of 4 dimensions, each of 3 \
        at least, f = 0 at places of the half spectrum up to max(⌊beta min(h, w)⌋, 1) from its \
        middle, else 1; in other tensors the weighted sum",
    source: "",
    group: Group::Parts,
    peers: &[chattiori("FREQ")],
    parameters: &[
        number("alpha", "ratio from a (0) to b (1)", 0.5, Range::Finite),
        number(
            "beta",
            "how wide the band is that stays a's",
            0.5,
            Range::Unit,
        ),
    ],
    ..of(TWO, &|l| {
        let [a, b] = two(l);
        let [alpha, beta] = numbers(l, ["alpha", "beta"]);
        let mut difference = l.call(Formula::Sub, &[b, a]);
        if matches!(l.shape, &[_, _, h, w] if h.min(w) >= 3) {
            difference = l.expression.host(Band { beta }, &[difference]);
        }
        l.shift(a, difference, alpha)
    })
};
