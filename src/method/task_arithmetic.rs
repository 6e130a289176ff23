//! Task arithmetic: a weighted sum of task vectors on top of the base.

use super::consensus::{LAMBDA, TASK_WEIGHT};
use super::{Base, Domain, Lowering, MODELS, Method, Parameter, Shape, Space};
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
    base: Base::Required,
    models_min: 1,
    models_max: usize::MAX,
    inputs: MODELS,
    result: Domain::Only(Space::Weight),
    parameters: &[TASK_WEIGHT, LAMBDA, NORMALIZE_OFF],
    ratio: Some("lambda"),
    lower: task_arithmetic,
};

fn task_arithmetic(l: &mut Lowering<'_>) -> Node {
    let deltas = l.deltas();
    let terms: Vec<(Node, f64)> = deltas
        .iter()
        .map(|&delta| (delta.node, l.number("weight", delta)))
        .collect();
    let weights = terms.iter().map(|(_, weight)| weight).sum();
    add_weighted(l, &terms, weights)
}

/// Base + λ Σ fᵢ xᵢ, divided by the sum of the weights if `normalize` is set. λ and the divisor
/// become part of the factors, so each term is rounded once.
pub(super) fn add_weighted(l: &mut Lowering<'_>, terms: &[(Node, f64)], weights: f64) -> Node {
    let lambda = l.parameters.number("lambda", 0);
    let normalize = l.parameters.flag("normalize") && weights != 0.0;
    let divisor = if normalize { weights } else { 1.0 };
    let terms: Vec<(Node, f64)> = terms
        .iter()
        .map(|&(node, weight)| (node, weight * lambda / divisor))
        .collect();
    let base = l.base();
    match l.combine(&terms) {
        Some(sum) => l.add_scaled(base, sum, 1.0),
        None => base,
    }
}
