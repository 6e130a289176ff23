//! TIES as sd-mecha defines it: its rank rule, count votes, and what can follow the election.

use super::median::{EPS, FTOL, MAXITER, median};
use super::stock::{COS_EPS, stock_ratio};
use super::{flag, number};
use crate::kernel::{Formula, Kept, Node, Scope, Ties};
use crate::method::peer::sd_mecha;
use crate::method::{Base, Domain, Group, Input, Lowering, Method, Parameter, Range, Space};

/// The kept share.
pub(super) const fn k(default: f64) -> Parameter {
    number(
        "k",
        "kept share of each task vector: all from the max(⌊(1-k) n⌋, 1)-th smallest magnitude on",
        default,
        Range::Unit,
    )
}

/// How signs are elected.
pub(super) const VOTE_SGN: Parameter = flag(
    "vote_sgn",
    "elect the sign of the sum instead of the sign that most task vectors have",
    false,
);
/// Whether the disjoint mean keeps its length.
pub(super) const APPLY_STOCK: Parameter = flag(
    "apply_stock",
    "leave out the ratio of model stock (the name says the opposite; sd-mecha 1.x does this)",
    false,
);
/// Whether the median is taken.
pub(super) const APPLY_MEDIAN: Parameter = flag(
    "apply_median",
    "geometric median of the elected entries instead of their mean",
    false,
);

/// TIES.
pub(super) static TIES_SUM: Method = Method {
    id: "ties_sum",
    summary: "trims task vectors, elects a sign per element and averages what agrees",
    formula: "Σ tᵢ [sign tᵢ = s] / Σ [sign tᵢ = s], tᵢ = trimmed dᵢ, s = sign Σ sign tᵢ; 0 where \
        the votes are even",
    source: "Yadav et al., arXiv:2306.01708",
    group: Group::Consensus,
    peers: &[sd_mecha("ties_sum")],
    base: Base::None,
    models_min: 1,
    models_max: usize::MAX,
    inputs: &[Input::delta("models")],
    result: Domain::Only(Space::Delta),
    parameters: &[k(1.0), VOTE_SGN],
    ratio: None,
    lower: &|l| {
        let values = l.inputs("models");
        let entries = elected(l, &values);
        disjoint_mean(l, &entries)
    },
};

/// TIES with model stock or the geometric median.
pub(super) static TIES_SUM_EXTENDED: Method = Method {
    id: "ties_sum_extended",
    summary: "TIES whose elected entries are merged by model stock or by the geometric median",
    formula: "t · ties_sum, t the ratio of model stock of the elected entries; or their geometric \
        median",
    source: "",
    group: Group::Consensus,
    peers: &[sd_mecha("ties_sum_extended")],
    base: Base::None,
    models_min: 1,
    models_max: usize::MAX,
    inputs: &[Input::delta("models")],
    result: Domain::Only(Space::Delta),
    parameters: &[
        k(0.2),
        VOTE_SGN,
        APPLY_STOCK,
        APPLY_MEDIAN,
        COS_EPS,
        EPS,
        MAXITER,
        FTOL,
    ],
    ratio: None,
    lower: &|l| {
        let values = l.inputs("models");
        extended(l, &values)
    },
};

/// `ties_sum_extended` of values, under the method's parameters.
pub(super) fn extended(l: &mut Lowering<'_>, values: &[Node]) -> Node {
    let entries = elected(l, values);
    if l.parameters.flag("apply_median") {
        let kept: Vec<Node> = entries.iter().map(|entry| entry.value).collect();
        return median(l, &kept);
    }
    let mean = disjoint_mean(l, &entries);
    if l.parameters.flag("apply_stock") || entries.len() < 2 {
        return mean;
    }
    let kept: Vec<Node> = entries.iter().map(|entry| entry.value).collect();
    let ratio = stock_ratio(l, &kept);
    l.call(Formula::Mul, &[mean, ratio])
}

/// What of a task vector has the elected sign.
struct Entry {
    /// Its value, 0 elsewhere.
    value: Node,
    /// 1 where it has the sign, 0 elsewhere.
    count: Node,
}

/// Trims task vectors and elects signs.
fn elected(l: &mut Lowering<'_>, values: &[Node]) -> Vec<Entry> {
    let kept = Kept::FromRank(l.parameters.number("k", 0));
    let trimmed: Vec<Node> = values
        .iter()
        .map(|&value| l.expression.trim(value, kept, Ties::Keep, Scope::Tensor))
        .collect();
    let votes: Vec<Node> = match l.parameters.flag("vote_sgn") {
        true => trimmed.clone(),
        false => trimmed
            .iter()
            .map(|&value| l.call(Formula::Vote, &[value]))
            .collect(),
    };
    let sum = l.total(&votes);
    let entries = trimmed.into_iter().map(|value| Entry {
        value: l.call(Formula::ElectedEntry, &[value, sum]),
        count: l.call(Formula::ElectedCount, &[value, sum]),
    });
    entries.collect()
}

/// The mean of what has the elected sign.
fn disjoint_mean(l: &mut Lowering<'_>, entries: &[Entry]) -> Node {
    let (values, counts): (Vec<Node>, Vec<Node>) = entries
        .iter()
        .map(|entry| (entry.value, entry.count))
        .unzip();
    let mass = l.total(&values);
    let count = l.total(&counts);
    l.call(Formula::Mean, &[mass, count])
}
