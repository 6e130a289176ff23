//! Task arithmetic: a weighted sum of task vectors on top of the base.

use super::consensus::{LAMBDA, TASK_WEIGHT};
use super::lowering::are_shares;
use super::peer::mergekit;
use super::{Argument, Base, Domain, Group, Lowering, MODELS, Method, Parameter, Shape, Space};
use crate::kernel::Node;

/// Division by the sum of weights, off by default.
pub(super) const NORMALIZE_OFF: Parameter = Parameter {
    name: "normalize",
    help: "divide by the sum of the weights",
    shape: Shape::Flag(false),
    per_model: false,
    per_element: false,
    complement: None,
};

/// Task arithmetic.
pub(super) static TASK_ARITHMETIC: Method = Method {
    id: "task_arithmetic",
    summary: "adds weighted task vectors (model minus base) to the base",
    formula: "b + λ Σ wᵢ (mᵢ - b)",
    source: "Ilharco et al., arXiv:2212.04089",
    group: Group::TaskVectors,
    peers: &[mergekit("task_arithmetic")],
    base: Base::Required,
    models_min: 1,
    models_max: usize::MAX,
    inputs: MODELS,
    result: Domain::Only(Space::Weight),
    parameters: &[TASK_WEIGHT, LAMBDA, NORMALIZE_OFF],
    ratio: Some("lambda"),
    lower: &task_arithmetic,
};

pub(super) fn task_arithmetic(l: &mut Lowering<'_>) -> Node {
    if l.is_stepwise() {
        let deltas = l.deltas();
        return add_stepwise(l, &deltas);
    }
    let factors = factors(l, |_, _| 1.0);
    let models = l.models.clone();
    if are_shares(factors.iter().copied()) {
        // The base cancels out.
        let terms: Vec<(Node, f64)> = models.iter().map(|m| m.node).zip(factors).collect();
        return l.mean(&terms);
    }
    let deltas = l.deltas();
    let terms: Vec<(Node, f64)> = deltas.iter().map(|d| d.node).zip(factors).collect();
    add(l, &terms)
}

/// The factors of the task vectors: weight, λ, what else there is, and the division by the sum of
/// the weights if `normalize` is set, in one number, so that each term is rounded once.
pub(super) fn factors(
    l: &mut Lowering<'_>,
    other: impl Fn(&Lowering<'_>, Argument) -> f64,
) -> Vec<f64> {
    let weights = l.weights();
    let lambda = l.parameters.number("lambda", 0);
    let divisor = match l.parameters.flag("normalize") {
        true => l.divisor(&weights),
        false => 1.0,
    };
    let models = l.models.iter().zip(weights);
    models
        .map(|(&model, weight)| weight * other(l, model) * lambda / divisor)
        .collect()
}

/// The sum of weighted task vectors on top of the base, with a rounding after every step: weights,
/// their products, the sum, the division by the sum of the weights, λ.
pub(super) fn add_stepwise(l: &mut Lowering<'_>, deltas: &[Argument]) -> Node {
    let base = l.base();
    let weights: Vec<f64> = deltas
        .iter()
        .map(|&delta| l.step_number(l.number("weight", delta)))
        .collect();
    let mut terms = Vec::new();
    for (delta, &weight) in deltas.iter().zip(&weights) {
        if weight != 0.0 {
            let term = l.scale(delta.node, weight);
            terms.push(l.step(term));
        }
    }
    if terms.is_empty() {
        return base;
    }
    let sum = l.total(&terms);
    let mut sum = l.step(sum);
    if l.parameters.flag("normalize") {
        let divisor = l.divisor(&weights);
        let divided = l.scale(sum, 1.0 / l.step_number(divisor));
        sum = l.step(divided);
    }
    let lambda = l.parameters.number("lambda", 0);
    let scaled = l.scale(sum, lambda);
    let sum = l.step(scaled);
    l.shift(base, sum, 1.0)
}

/// Base + Σ fᵢ xᵢ.
pub(super) fn add(l: &mut Lowering<'_>, terms: &[(Node, f64)]) -> Node {
    let base = l.base();
    match l.combine(terms) {
        Some(sum) => l.shift(base, sum, 1.0),
        None => base,
    }
}

/// Adds task vectors of which `sparse` leaves the share `density`; all of them where that is 1.
pub(super) fn add_sparse(
    l: &mut Lowering<'_>,
    sparse: impl FnOnce(&mut Lowering<'_>) -> Vec<Argument>,
) -> Node {
    let keeps_all = |&model: &Argument| l.number("density", model) >= 1.0;
    if l.models.iter().all(keeps_all) {
        return task_arithmetic(l);
    }
    let sparse = sparse(l);
    if l.is_stepwise() {
        return add_stepwise(l, &sparse);
    }
    let factors = factors(l, |_, _| 1.0);
    let terms: Vec<(Node, f64)> = sparse.iter().map(|x| x.node).zip(factors).collect();
    add(l, &terms)
}
