//! Consensus merging: the sum of task vectors where enough of them claim it.

use super::consensus::{LAMBDA, TASK_WEIGHT};
use super::mecha::number;
use super::{Base, Domain, Group, Lowering, MODELS, Method, Parameter, Range, Space};
use crate::kernel::{Formula, Node};

/// When a task vector claims an element.
const THRESHOLD: Parameter = Parameter {
    per_model: true,
    ..number(
        "threshold",
        "a task vector claims an element that is at least so many times as large as what the sum \
            differs from it",
        0.4,
        Range::NotNegative,
    )
};

/// Consensus task arithmetic.
pub(super) static CONSENSUS_TA: Method = Method {
    id: "consensus_ta",
    summary: "adds the sum of task vectors where at least so many of them claim the element",
    formula: "b + λ d [count of |tᵢ| ≥ thresholdᵢ |d - tᵢ| ≥ tasks], d = Σ wᵢ tᵢ, tᵢ = mᵢ - b",
    source: "Wang et al., arXiv:2405.07813 (TALL masks, consensus merging)",
    group: Group::Consensus,
    peers: &[],
    base: Base::Required,
    models_min: 1,
    models_max: usize::MAX,
    inputs: MODELS,
    result: Domain::Only(Space::Weight),
    parameters: &[
        TASK_WEIGHT,
        THRESHOLD,
        number(
            "tasks",
            "how many task vectors must claim an element",
            2.0,
            Range::Count,
        ),
        LAMBDA,
    ],
    ratio: Some("lambda"),
    lower: &consensus_ta,
};

fn consensus_ta(l: &mut Lowering<'_>) -> Node {
    let base = l.base();
    let [lambda, tasks] = ["lambda", "tasks"].map(|name| l.parameters.number(name, 0));
    let deltas = l.deltas();
    let weighted = deltas
        .iter()
        .map(|&own| (own.node, l.number("weight", own)));
    let weighted: Vec<(Node, f64)> = weighted.collect();
    let Some(sum) = l.combine(&weighted).filter(|_| lambda != 0.0) else {
        return base;
    };
    let one = l.constant(1.0);
    let mut unclaimed = Vec::with_capacity(deltas.len());
    for &delta in &deltas {
        let far = l.call(Formula::Sub, &[sum, delta.node]);
        let far = l.scale(far, l.number("threshold", delta));
        let [size, far] = [delta.node, far].map(|own| l.call(Formula::Magnitude, &[own]));
        unclaimed.push(l.call(Formula::KeepBelowEach, &[one, size, far]));
    }
    let unclaimed = l.total(&unclaimed);
    // Counts are whole: half of one keeps apart those below the bound and those at it.
    let most = l.scalar(deltas.len() as f64 - tasks + 0.5);
    let operands = [sum.into(), unclaimed.into(), most];
    let kept = l.expression.call(Formula::KeepBelow, &operands);
    // 0, or NaN where the sum is not finite: nobody claims such an element.
    let nothing = l.call(Formula::Sub, &[sum, sum]);
    let kept = l.call(Formula::Add, &[kept, nothing]);
    l.shift(base, kept, lambda)
}
