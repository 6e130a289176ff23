//! The geometric median, by Weiszfeld's iteration.

use super::number;
use crate::kernel::{Formula, Iterate, Node, Weiszfeld};
use crate::method::peer::sd_mecha;
use crate::method::{Base, Domain, Group, Input, Lowering, Method, Parameter, Range};

/// Distances below this count as this.
pub(super) const EPS: Parameter = number(
    "eps",
    "the smallest distance that a weight is divided by",
    1e-6,
    Range::Positive,
);
/// Iterations.
pub(super) const MAXITER: Parameter = number("maxiter", "iterations at most", 100.0, Range::Whole);
/// When the iteration ends.
pub(super) const FTOL: Parameter = number(
    "ftol",
    "relative change of the mean distance at which the iteration ends",
    1e-20,
    Range::Finite,
);

/// The geometric median of each tensor.
pub(super) static GEOMETRIC_MEDIAN: Method = Method {
    id: "geometric_median",
    summary: "the point with the least sum of distances to all models, tensor by tensor",
    formula: "m ← Σ wᵢ xᵢ / Σ wᵢ, wᵢ = 1 / max(|xᵢ - m|, eps), until the mean distance settles",
    source: "Weiszfeld 1937; Pillutla et al., arXiv:1912.13445",
    group: Group::Averages,
    peers: &[sd_mecha("geometric_median")],
    base: Base::None,
    models_min: 1,
    models_max: usize::MAX,
    inputs: &[Input::same("models")],
    result: Domain::Same,
    parameters: &[EPS, MAXITER, FTOL],
    ratio: None,
    lower: &|l| {
        let values = l.inputs("models");
        median(l, &values)
    },
};

/// The geometric median of values, under the method's `eps`, `maxiter` and `ftol`.
pub(super) fn median(l: &mut Lowering<'_>, values: &[Node]) -> Node {
    let numbers = ["eps", "maxiter", "ftol"].map(|name| l.parameters.number(name, 0));
    let iterate = Iterate {
        begin: Weiszfeld::begin,
        parameters: numbers.to_vec(),
    };
    let weights = l.expression.iterated(values, iterate, values.len());
    let mut terms = values.iter().zip(weights);
    let first = terms.next().map(|(&value, weight)| {
        let operands = [value.into(), weight];
        l.expression.call(Formula::Scale, &operands)
    });
    let first = first.unwrap_or(values[0]);
    terms.fold(first, |median, (&value, weight)| {
        let operands = [median.into(), value.into(), weight];
        l.expression.call(Formula::Axpy, &operands)
    })
}
