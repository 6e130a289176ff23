//! TIES-merging: trim, elect signs, average what agrees.

use super::consensus::{DIVISOR, ELECT, ELECT_ON, LAMBDA, ROUND, TASK_WEIGHT, add_consensus};
use super::{
    Argument, Base, Default, Domain, Lowering, MODELS, Method, Parameter, Range, Shape, Space,
};
use crate::kernel::{Kept, Node, Scope, Ties};

/// The kept share of a task vector.
const DENSITY: Parameter = Parameter {
    name: "density",
    help: "kept share of each task vector: the k = ⌊density n⌋ largest magnitudes",
    shape: Shape::Number(Default::Is(1.0), Range::Share),
    per_model: true,
    per_element: false,
    complement: None,
};

/// Over what the largest entries are sought.
pub(super) const SCOPE: Parameter = Parameter {
    name: "scope",
    help: "over what the largest entries are sought",
    shape: Shape::Choice(&[
        ("tensor", "each tensor by itself (every current tool)"),
        ("model", "all merged tensors of a model at once (the paper)"),
    ]),
    per_model: false,
    per_element: false,
    complement: None,
};

/// What happens to equal magnitudes at the threshold.
pub(super) const TIES_RULE: Parameter = Parameter {
    name: "ties",
    help: "which entries are kept among those as large as the smallest kept one",
    shape: Shape::Choice(&[
        (
            "exact",
            "the first in index order, so that exactly k are kept",
        ),
        ("keep", "all of them, so that more than k may be kept"),
    ]),
    per_model: false,
    per_element: false,
    complement: None,
};

/// TIES-merging.
pub(super) static TIES: Method = Method {
    id: "ties",
    summary: "trims task vectors, elects a sign per element and averages what agrees",
    formula: "b + λ Σ wᵢ tᵢ [sign = s] / Σ wᵢ [sign = s], tᵢ = top-k(mᵢ - b), s = sign(Σ wᵢ tᵢ), \
        0 → +",
    source: "Yadav et al., arXiv:2306.01708",
    base: Base::Required,
    models_min: 1,
    models_max: usize::MAX,
    inputs: MODELS,
    result: Domain::Only(Space::Weight),
    parameters: &[
        TASK_WEIGHT,
        DENSITY,
        LAMBDA,
        SCOPE,
        TIES_RULE,
        ELECT,
        ELECT_ON,
        DIVISOR,
        ROUND,
    ],
    ratio: Some("lambda"),
    lower: ties,
};

fn ties(l: &mut Lowering<'_>) -> Node {
    let deltas = l.rounded_deltas();
    let trimmed = trim(l, &deltas, "density");
    add_consensus(l, &trimmed)
}

/// Keeps the largest entries of each value; the share is the parameter named `density`.
pub(super) fn trim(l: &mut Lowering<'_>, deltas: &[Argument], density: &str) -> Vec<Argument> {
    let ties = match l.parameters.word("ties") {
        "keep" => Ties::Keep,
        _ => Ties::Exact,
    };
    let global = l.parameters.word("scope") == "model";
    deltas
        .iter()
        .map(|&delta| {
            let scope = if global {
                l.model_scope(delta)
            } else {
                Scope::Tensor
            };
            let density = l.number(density, delta);
            Argument {
                node: l
                    .expression
                    .trim(delta.node, Kept::Density(density), ties, scope),
                ..delta
            }
        })
        .collect()
}
