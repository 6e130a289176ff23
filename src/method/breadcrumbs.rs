//! Model breadcrumbs: task vectors without their small entries and without their outliers.

use super::consensus::{DIVISOR, ELECT, ELECT_ON, LAMBDA, ROUND, TASK_WEIGHT, add_consensus};
use super::mecha::number;
use super::peer::mergekit;
use super::task_arithmetic::{NORMALIZE_OFF, add_sparse};
use super::ties::{RESCALE, keep_l1};
use super::{Argument, Base, Domain, Group, Lowering, MODELS, Method, Parameter, Range, Space};
use crate::kernel::{Formula, Kept, Node, Scope, Ties};

const SOURCE: &str = "Davari and Belilovsky, arXiv:2312.06795";

/// The kept share of a task vector.
const DENSITY: Parameter = Parameter {
    per_model: true,
    ..number(
        "density",
        "kept share of each task vector: ⌊density n⌋ entries, the largest below the outliers",
        1.0,
        Range::Share,
    )
};

/// The share of outliers.
const GAMMA: Parameter = Parameter {
    per_model: true,
    ..number(
        "gamma",
        "share of outliers: the ⌊gamma n⌋ largest entries are dropped, as far as the density \
            leaves any to drop",
        0.01,
        Range::Unit,
    )
};

/// Breadcrumbs, then task arithmetic.
pub(super) static BREADCRUMBS: Method = Method {
    id: "breadcrumbs",
    summary: "drops small entries and outliers of task vectors and adds the rest to the base",
    formula: "b + λ Σ wᵢ tᵢ, tᵢ = mᵢ - b without its ⌊γn⌋ largest and all but the next ⌊density n⌋ \
        entries",
    source: SOURCE,
    group: Group::TaskVectors,
    peers: &[mergekit("breadcrumbs")],
    base: Base::Required,
    models_min: 1,
    models_max: usize::MAX,
    inputs: MODELS,
    result: Domain::Only(Space::Weight),
    parameters: &[TASK_WEIGHT, DENSITY, GAMMA, RESCALE, LAMBDA, NORMALIZE_OFF],
    ratio: Some("lambda"),
    lower: &|l| add_sparse(l, sparse),
};

/// Breadcrumbs in place of the trim of TIES.
pub(super) static BREADCRUMBS_TIES: Method = Method {
    id: "breadcrumbs_ties",
    summary: "TIES that drops outliers too",
    formula: "b + λ Σ wᵢ tᵢ [sign = s] / Σ wᵢ [sign = s], tᵢ = mᵢ - b without its ⌊γn⌋ largest and \
        all but the next ⌊density n⌋ entries, s = sign(Σ wᵢ tᵢ)",
    source: SOURCE,
    group: Group::Consensus,
    peers: &[mergekit("breadcrumbs_ties")],
    base: Base::Required,
    models_min: 1,
    models_max: usize::MAX,
    inputs: MODELS,
    result: Domain::Only(Space::Weight),
    parameters: &[
        TASK_WEIGHT,
        DENSITY,
        GAMMA,
        RESCALE,
        LAMBDA,
        ELECT,
        ELECT_ON,
        DIVISOR,
        ROUND,
    ],
    ratio: Some("lambda"),
    lower: &|l| {
        let sparse = sparse(l);
        add_consensus(l, &sparse)
    },
};

/// The task vectors without small entries and outliers.
fn sparse(l: &mut Lowering<'_>) -> Vec<Argument> {
    let deltas = l.rounded_deltas().into_iter();
    let sparse = deltas.map(|delta| {
        let density = l.number("density", delta);
        if density >= 1.0 {
            return delta;
        }
        let mut node = without_outliers(l, delta.node, density, l.number("gamma", delta));
        if l.parameters.word("rescale") == "l1" {
            node = keep_l1(l, delta.node, node);
        }
        Argument { node, ..delta }
    });
    sparse.collect()
}

/// The largest entries of a value less its outliers: both are chosen by one order, so what is left
/// are whole entries.
fn without_outliers(l: &mut Lowering<'_>, value: Node, density: f64, outliers: f64) -> Node {
    let mut largest = |kept| l.expression.trim(value, kept, Ties::Exact, Scope::Tensor);
    let all = largest(Kept::WithOutliers { density, outliers });
    if outliers == 0.0 {
        return all;
    }
    let outliers = largest(Kept::Outliers { density, outliers });
    l.call(Formula::Sub, &[all, outliers])
}
