//! A value kept between others.

use super::number;
use crate::kernel::{Formula, Node};
use crate::method::peer::{sd_mecha, sd_meh};
use crate::method::{Base, Domain, Group, Input, Lowering, Method, Range};

/// a, kept between the smallest and the largest bound.
pub(super) static CLAMP: Method = Method {
    id: "clamp",
    summary: "keeps a model between others, element by element",
    formula: "min(max(a, lo), hi); lo and hi lie between the outermost bounds (stiffness 0) and \
        those next to the bounds' mean (1)",
    source: "",
    group: Group::Arithmetic,
    peers: &[
        sd_mecha("clamp"),
        sd_meh("weights_clip").but("of a result and its inputs; by flags: --clip"),
    ],
    base: Base::None,
    models_min: 2,
    models_max: usize::MAX,
    inputs: &[Input::same("a"), Input::same("bounds")],
    result: Domain::Same,
    parameters: &[number(
        "stiffness",
        "how far the bounds move towards their mean",
        0.0,
        Range::Finite,
    )],
    ratio: None,
    lower: &clamp,
};

fn clamp(l: &mut Lowering<'_>) -> Node {
    let (a, bounds) = (l.input("a"), l.inputs("bounds"));
    if bounds.is_empty() {
        return a;
    }
    let outermost = |l: &mut Lowering<'_>, formula| {
        let mut bound = bounds[0];
        for &other in &bounds[1..] {
            bound = l.call(formula, &[bound, other]);
        }
        bound
    };
    let mut high = outermost(l, Formula::Greatest);
    let mut low = outermost(l, Formula::Least);
    let stiffness = l.parameters.number("stiffness", 0);
    if stiffness != 0.0 {
        let sum = l.total(&bounds);
        // Divided, as torch does: a bound that equals the mean is compared with it.
        let count = l.expression.scalar(bounds.len() as f64);
        let count = l.expression.call(Formula::Fill, &[count]);
        let mean = l.call(Formula::Mean, &[sum, count]);
        let (mut above, mut below) = (high, low);
        for &bound in &bounds {
            above = l.call(Formula::LeastFrom, &[above, bound, mean]);
            below = l.call(Formula::GreatestTo, &[below, bound, mean]);
        }
        let pull = [1.0 - stiffness, stiffness];
        let pulled = |l: &mut Lowering<'_>, outer, inner| {
            let terms = [(outer, pull[0]), (inner, pull[1])];
            l.combine(&terms).unwrap_or(outer)
        };
        high = pulled(l, high, above);
        low = pulled(l, low, below);
    }
    let raised = l.call(Formula::Greatest, &[a, low]);
    l.call(Formula::Least, &[raised, high])
}
