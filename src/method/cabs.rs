//! CABS: task vectors that are sparse in every few elements, and none where another is.

use super::consensus::{LAMBDA, TASK_WEIGHT};
use super::mecha::number;
use super::peer::mergekit;
use super::task_arithmetic::add;
use super::{Base, Domain, Group, Lowering, MODELS, Method, Parameter, Range, Space};
use crate::kernel::Node;
use crate::kernel::host::LargestOfEach;

/// How many are kept of every few.
const KEPT: Parameter = Parameter {
    per_model: true,
    ..number(
        "n",
        "how many entries of every m in a row a task vector keeps at most",
        1.0,
        Range::Count,
    )
};

/// CABS.
pub(super) static CABS: Method = Method {
    id: "cabs",
    summary: "adds task vectors that keep n of every m entries, in turn, where none before has any",
    formula: "b + λ Σ wᵢ tᵢ, tᵢ = of every m entries in a row the n largest of mᵢ - b among those \
        that t₁ to tᵢ₋₁ leave at 0",
    source: "Yang et al., arXiv:2503.01874",
    group: Group::Consensus,
    peers: &[mergekit("cabs").but("a branch; n_m_ratio")],
    base: Base::Required,
    models_min: 1,
    models_max: usize::MAX,
    inputs: MODELS,
    result: Domain::Only(Space::Weight),
    parameters: &[
        TASK_WEIGHT,
        KEPT,
        number(
            "m",
            "entries in a row that are looked at together",
            4.0,
            Range::Count,
        ),
        LAMBDA,
    ],
    ratio: Some("lambda"),
    lower: &cabs,
};

fn cabs(l: &mut Lowering<'_>) -> Node {
    let [lambda, of] = ["lambda", "m"].map(|name| l.parameters.number(name, 0));
    let mut kept: Vec<Node> = Vec::new();
    let mut terms = Vec::new();
    for delta in l.deltas() {
        // The delta comes first, then what takes places away.
        let values = [&[delta.node], &kept[..]].concat();
        let largest = LargestOfEach {
            kept: l.number("n", delta) as u64,
            of: of as u64,
        };
        let own = l.expression.host(largest, &values);
        kept.push(own);
        terms.push((own, l.number("weight", delta) * lambda));
    }
    add(l, &terms)
}
