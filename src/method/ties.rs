//! TIES-merging: trim, elect signs, average what agrees.

use super::consensus::{DIVISOR, ELECT, ELECT_ON, LAMBDA, ROUND, TASK_WEIGHT, ZERO, add_consensus};
use super::peer::mergekit;
use super::{
    Argument, Base, Default, Domain, Group, Lowering, MODELS, Method, Parameter, Range, Shape,
    Space,
};
use crate::kernel::{Derive, Formula, Kept, Node, Operand, Scope, Ties};

/// The kept share of a task vector.
pub(super) const DENSITY: Parameter = Parameter {
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
        (
            "one_more",
            "all as large as the (n - k)-th smallest, k + 1 at least (the paper's code)",
        ),
        (
            "from_rank",
            "all from the max(⌊(1 - density) n⌋, 1)-th smallest on (MergeLM)",
        ),
    ]),
    per_model: false,
    per_element: false,
    complement: None,
};

/// What makes up for trimmed entries.
pub(super) const RESCALE: Parameter = Parameter {
    name: "rescale",
    help: "what makes up for the trimmed entries",
    shape: Shape::Choice(&[
        ("none", "nothing (the paper)"),
        (
            "l1",
            "kept entries are scaled so that the sum of magnitudes stays (mergekit's rescale)",
        ),
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
    group: Group::Consensus,
    peers: &[mergekit("ties")],
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
        RESCALE,
        ELECT,
        ELECT_ON,
        ZERO,
        DIVISOR,
        ROUND,
    ],
    ratio: Some("lambda"),
    lower: &ties,
};

pub(super) fn ties(l: &mut Lowering<'_>) -> Node {
    let deltas = l.rounded_deltas();
    let mut trimmed = trim(l, &deltas, "density");
    if l.parameters.word("rescale") == "l1" {
        for (before, after) in deltas.iter().zip(&mut trimmed) {
            if l.number("density", *before) < 1.0 {
                after.node = keep_l1(l, before.node, after.node);
            }
        }
    }
    add_consensus(l, &trimmed)
}

/// The kept values scaled by Σ|before| / Σ|after|.
pub(super) fn keep_l1(l: &mut Lowering<'_>, before: Node, after: Node) -> Node {
    let magnitudes = [
        l.call(Formula::Magnitude, &[before]),
        l.call(Formula::Magnitude, &[after]),
    ];
    let derive = Derive {
        function: l1_ratio,
        parameters: Vec::new(),
    };
    let scalars: Vec<Operand> = l.expression.sums(&magnitudes, derive, 1);
    let scaled = l
        .expression
        .call(Formula::Scale, &[after.into(), scalars[0]]);
    l.step(scaled)
}

fn l1_ratio(sums: &[f64], _parameters: &[f64]) -> Vec<f64> {
    // Nothing kept, or nothing there: no factor can make up for it.
    let ratio = sums[0] / sums[1];
    vec![if ratio.is_finite() { ratio } else { 1.0 }]
}

/// Keeps the largest entries of each value; the share is the parameter named `density`.
pub(super) fn trim(l: &mut Lowering<'_>, deltas: &[Argument], density: &str) -> Vec<Argument> {
    type Rule = (fn(f64) -> Kept, Ties);
    let (kept, ties): Rule = match l.parameters.word("ties") {
        "keep" => (Kept::Density, Ties::Keep),
        "one_more" => (Kept::OneMore, Ties::Keep),
        "from_rank" => (Kept::FromRank, Ties::Keep),
        _ => (Kept::Density, Ties::Exact),
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
            let kept = kept(l.number(density, delta));
            let node = l.expression.trim(delta.node, kept, ties, scope);
            Argument { node, ..delta }
        })
        .collect()
}
