//! DELLA: drops random entries of task vectors, small ones more likely than large ones.

use super::consensus::{DIVISOR, ELECT, ELECT_ON, LAMBDA, ROUND, TASK_WEIGHT, add_consensus};
use super::mecha::number;
use super::peer::mergekit;
use super::task_arithmetic::{NORMALIZE_OFF, add_sparse};
use super::ties::keep_l1;
use super::{
    Argument, Base, Domain, Group, Lowering, MODELS, Method, Parameter, ParameterError, Range,
    Shape, Space,
};
use crate::kernel::host::RowRank;
use crate::kernel::{Formula, Node};

const SOURCE: &str = "Deep et al., arXiv:2406.11617";

/// The kept share.
const DENSITY: Parameter = Parameter {
    per_model: true,
    complement: Some("drop"),
    ..number(
        "density",
        "mean probability with which an entry is kept; all are at 1",
        1.0,
        Range::Share,
    )
};

/// How far probabilities lie apart.
const EPSILON: Parameter = Parameter {
    per_model: true,
    ..number(
        "epsilon",
        "how much less likely than that the smallest entry of a row is kept, and how much more the \
            largest",
        0.15,
        Range::NotNegative,
    )
};

/// What makes up for dropped entries.
const RESCALE: Parameter = Parameter {
    name: "rescale",
    help: "what makes up for the dropped entries",
    shape: Shape::Choice(&[
        (
            "l1",
            "kept entries are scaled so that the sum of magnitudes stays (mergekit)",
        ),
        ("none", "nothing"),
    ]),
    per_model: false,
    per_element: false,
    complement: None,
};

/// DELLA in place of the trim of TIES.
pub(super) static DELLA: Method = Method {
    id: "della",
    summary: "TIES with a random drop in place of the trim, which spares large entries",
    formula: "b + λ Σ wᵢ dᵢ [sign = s] / Σ wᵢ [sign = s], dᵢ = cᵢ xᵢ (mᵢ - b), xᵢ ~ \
        Bernoulli(density - epsilon + 2 epsilon rank), rank from 0 to 1 along the second dimension",
    source: SOURCE,
    group: Group::Random,
    peers: &[mergekit("della")],
    base: Base::Required,
    models_min: 1,
    models_max: usize::MAX,
    inputs: MODELS,
    result: Domain::Only(Space::Weight),
    parameters: &[
        TASK_WEIGHT,
        DENSITY,
        EPSILON,
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

/// DELLA, then task arithmetic.
pub(super) static DELLA_LINEAR: Method = Method {
    id: "della_linear",
    summary: "drops random entries of task vectors, sparing large ones, and adds the rest",
    formula: "b + λ Σ wᵢ cᵢ xᵢ (mᵢ - b), xᵢ ~ Bernoulli(density - epsilon + 2 epsilon rank), rank \
        from 0 to 1 along the second dimension",
    source: SOURCE,
    group: Group::Random,
    peers: &[mergekit("della_linear")],
    base: Base::Required,
    models_min: 1,
    models_max: usize::MAX,
    inputs: MODELS,
    result: Domain::Only(Space::Weight),
    parameters: &[
        TASK_WEIGHT,
        DENSITY,
        EPSILON,
        RESCALE,
        LAMBDA,
        NORMALIZE_OFF,
    ],
    ratio: Some("lambda"),
    lower: &|l| add_sparse(l, sparse),
};

/// The task vectors after the drop.
fn sparse(l: &mut Lowering<'_>) -> Vec<Argument> {
    let deltas = l.rounded_deltas();
    let mut sparse = Vec::with_capacity(deltas.len());
    for delta in deltas {
        let node = dropped(l, delta);
        sparse.push(Argument { node, ..delta });
    }
    sparse
}

fn dropped(l: &mut Lowering<'_>, delta: Argument) -> Node {
    let [density, epsilon] = ["density", "epsilon"].map(|name| l.number(name, delta));
    if density >= 1.0 {
        return delta.node;
    }
    if density <= epsilon || density + epsilon >= 1.0 {
        l.fault
            .get_or_insert(ParameterError::Spread { density, epsilon });
    }
    let rank = l.expression.host(RowRank, &[delta.node]);
    let spread = l.scalar(2.0 * epsilon);
    let spread = l.scaled(rank, spread);
    let least = l.scalar(density - epsilon);
    let probability = l.expression.call(Formula::Raise, &[spread.into(), least]);
    let probability = l.step(probability);
    let word = l.dropout_words(delta);
    let operands = [delta.node.into(), word.into(), probability.into()];
    let kept = l.expression.call(Formula::KeepChance, &operands);
    match l.parameters.word("rescale") {
        "l1" => keep_l1(l, delta.node, kept),
        _ => kept,
    }
}
