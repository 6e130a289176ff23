//! Methods in which every element of the result hangs on all elements of the inputs.

use super::linear::pair;
use super::number;
use crate::kernel::host::{Crossover, Exchange};
use crate::kernel::{Formula, Node};
use crate::method::peer::sd_mecha;
use crate::method::{Base, Domain, Group, Input, Lowering, Method, Range};

/// Low frequencies of a, high ones of b.
pub(super) static CROSSOVER: Method = Method {
    id: "crossover",
    summary: "mixes two models in the frequencies of each tensor: alpha is the share that is b's",
    formula: "F⁻¹((1 - f) F(a) + f F(b)), f a filter over the sizes of frequencies: a step at tilt \
        0 and 2, a ramp between, everywhere alpha at 1",
    source: "",
    group: Group::Parts,
    peers: &[sd_mecha("crossover")],
    base: Base::None,
    models_min: 2,
    models_max: 2,
    inputs: &[Input::same("a"), Input::same("b")],
    result: Domain::Same,
    parameters: &[
        number(
            "alpha",
            "share of the frequencies that are b's",
            0.5,
            Range::Unit,
        ),
        number(
            "tilt",
            "how the filter leans: 0 b's are the high ones, 2 the low ones, 1 alpha of each",
            0.0,
            Range::Finite,
        ),
    ],
    ratio: Some("alpha"),
    lower: &crossover,
};

/// b's entries are replaced by a's entries of the same rank.
pub(super) static TOP_K_TENSOR_SUM: Method = Method {
    id: "top_k_tensor_sum",
    summary: "puts a's entries in the order of b's, those whose magnitude lies in a region of all",
    formula: "s[rank of bᵢ], s = a sorted, where |s| lies between two of a's sorted magnitudes; \
        else aᵢ",
    source: "",
    group: Group::Parts,
    peers: &[sd_mecha("top_k_tensor_sum")],
    base: Base::None,
    models_min: 2,
    models_max: 2,
    inputs: &[Input::same("a"), Input::same("b")],
    result: Domain::Same,
    parameters: &[
        number(
            "width",
            "share of the magnitudes in the region",
            1.0,
            Range::Finite,
        ),
        number(
            "offset",
            "where the region begins, as a share; it wraps",
            0.0,
            Range::Finite,
        ),
    ],
    ratio: Some("width"),
    lower: &top_k_tensor_sum,
};

fn crossover(l: &mut Lowering<'_>) -> Node {
    let [a, b] = pair(l);
    let alpha = l.parameters.number("alpha", 0);
    let tilt = l.parameters.number("tilt", 0).rem_euclid(4.0);
    if alpha == 0.0 {
        return a;
    }
    if alpha == 1.0 {
        return b;
    }
    if tilt == 1.0 {
        let difference = l.call(Formula::Sub, &[b, a]);
        return l.add_scaled(a, difference, alpha);
    }
    l.expression.host(Crossover { alpha, tilt }, &[a, b])
}

fn top_k_tensor_sum(l: &mut Lowering<'_>) -> Node {
    let [a, b] = pair(l);
    let [width, offset] = ["width", "offset"].map(|name| l.parameters.number(name, 0));
    l.expression.host(Exchange { width, offset }, &[a, b])
}
