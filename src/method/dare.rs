//! DARE: drop random entries of task vectors and rescale the rest.

use super::consensus::{DIVISOR, ELECT, ELECT_ON, LAMBDA, ROUND, TASK_WEIGHT, ZERO, add_consensus};
use super::peer::{mergeflux, mergekit, peft};
use super::task_arithmetic::{NORMALIZE_OFF, add, add_stepwise, factors, task_arithmetic};
use super::ties::{SCOPE, TIES_RULE, keep_l1, trim};
use super::{
    Argument, Base, Default, Domain, Group, Lowering, MODELS, Method, Parameter, Range, Shape,
    Space,
};
use crate::kernel::{Formula, Node};

const SOURCE: &str = "Yu et al., arXiv:2311.03099";

/// The kept share, with the paper's drop rate as its complement.
pub(super) const DENSITY: Parameter = Parameter {
    name: "density",
    help: "probability with which an entry is kept",
    shape: Shape::Number(Default::Is(1.0), Range::Share),
    per_model: true,
    per_element: false,
    complement: Some("drop"),
};

const RESCALE: Parameter = Parameter {
    name: "rescale",
    help: "what makes up for the dropped entries",
    shape: Shape::Choice(&[
        (
            "density",
            "kept entries are divided by the density (the paper)",
        ),
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

/// The kept share of the trim that follows the drop.
pub(super) const TRIM: Parameter = Parameter {
    name: "trim",
    help: "kept share of the TIES trim after the drop: the k = ⌊trim n⌋ largest magnitudes",
    shape: Shape::Number(Default::Is(1.0), Range::Share),
    per_model: true,
    per_element: false,
    complement: None,
};

/// DARE, then task arithmetic.
pub(super) static DARE_LINEAR: Method = Method {
    id: "dare_linear",
    summary: "drops random entries of task vectors, rescales the rest and adds them to the base",
    formula: "b + λ Σ wᵢ cᵢ xᵢ (mᵢ - b), xᵢ ~ Bernoulli(density), cᵢ = 1 / density",
    source: SOURCE,
    group: Group::Random,
    peers: &[mergekit("dare_linear"), peft("dare_linear")],
    base: Base::Required,
    models_min: 1,
    models_max: usize::MAX,
    inputs: MODELS,
    result: Domain::Only(Space::Weight),
    parameters: &[TASK_WEIGHT, DENSITY, RESCALE, LAMBDA, NORMALIZE_OFF],
    ratio: Some("lambda"),
    lower: &dare_linear,
};

/// DARE in place of the trim of TIES.
pub(super) static DARE_TIES: Method = Method {
    id: "dare_ties",
    summary: "TIES with a random drop in place of the trim, as current tools do it",
    formula: "b + λ Σ wᵢ dᵢ [sign = s] / Σ wᵢ [sign = s], dᵢ = cᵢ xᵢ (mᵢ - b), s = sign(Σ wᵢ dᵢ)",
    source: SOURCE,
    group: Group::Random,
    peers: &[mergekit("dare_ties"), mergeflux("dare_ties")],
    base: Base::Required,
    models_min: 1,
    models_max: usize::MAX,
    inputs: MODELS,
    result: Domain::Only(Space::Weight),
    parameters: &[
        TASK_WEIGHT,
        DENSITY,
        RESCALE,
        LAMBDA,
        ELECT,
        ELECT_ON,
        DIVISOR,
        ROUND,
    ],
    ratio: Some("lambda"),
    lower: &dare_ties,
};

/// DARE, then all of TIES.
pub(super) static DARE_THEN_TIES: Method = Method {
    id: "dare_then_ties",
    summary: "drops and rescales random entries, then does all of TIES, as the DARE paper does",
    formula: "TIES of the task vectors dᵢ = cᵢ xᵢ (mᵢ - b), trimmed to the share `trim`",
    source: SOURCE,
    group: Group::Random,
    peers: &[],
    base: Base::Required,
    models_min: 1,
    models_max: usize::MAX,
    inputs: MODELS,
    result: Domain::Only(Space::Weight),
    parameters: &[
        TASK_WEIGHT,
        DENSITY,
        RESCALE,
        TRIM,
        LAMBDA,
        SCOPE,
        TIES_RULE,
        ELECT,
        ELECT_ON,
        ZERO,
        DIVISOR,
        ROUND,
    ],
    ratio: Some("lambda"),
    lower: &dare_then_ties,
};

pub(super) fn dare_linear(l: &mut Lowering<'_>) -> Node {
    if l.models
        .iter()
        .all(|&model| l.number("density", model) >= 1.0)
    {
        return task_arithmetic(l);
    }
    if l.is_stepwise() {
        let dropped = rescaled(l);
        return add_stepwise(l, &dropped);
    }
    let factors = factors(l, rescaling);
    let deltas = l.deltas();
    let dropped: Vec<Node> = deltas.iter().map(|&delta| dropout(l, delta)).collect();
    let terms: Vec<(Node, f64)> = dropped.into_iter().zip(factors).collect();
    add(l, &terms)
}

pub(super) fn dare_ties(l: &mut Lowering<'_>) -> Node {
    let dropped = rescaled(l);
    add_consensus(l, &dropped)
}

pub(super) fn dare_then_ties(l: &mut Lowering<'_>) -> Node {
    let dropped = rescaled(l);
    let trimmed = trim(l, &dropped, "trim");
    add_consensus(l, &trimmed)
}

/// The task vectors after drop and rescaling.
fn rescaled(l: &mut Lowering<'_>) -> Vec<Argument> {
    let deltas = l.rounded_deltas();
    deltas
        .into_iter()
        .map(|delta| {
            let dropped = dropout(l, delta);
            let factor = rescaling(l, delta);
            let node = l.scale(dropped, factor);
            let node = l.rounded(node);
            let node = if factor == 1.0 { node } else { l.step(node) };
            Argument { node, ..delta }
        })
        .collect()
}

/// A value of which each entry is kept with a probability, and zero else.
pub(super) fn kept(l: &mut Lowering<'_>, value: Argument, probability: f64) -> Node {
    let words = l.dropout_words(value);
    // A probability of one is the largest threshold: the cast saturates.
    let threshold = l.expression.code((probability * 4_294_967_296.0) as u32);
    let operands = [value.node.into(), words.into(), threshold];
    l.expression.call(Formula::Dropout, &operands)
}

/// A task vector after the drop; the factor that makes up for it is still to be applied.
fn dropout(l: &mut Lowering<'_>, delta: Argument) -> Node {
    let density = l.number("density", delta);
    if density >= 1.0 {
        return delta.node;
    }
    let dropped = kept(l, delta, density);
    match l.parameters.word("rescale") {
        "l1" => keep_l1(l, delta.node, dropped),
        _ => dropped,
    }
}

/// The factor of the kept entries, where it is known beforehand.
fn rescaling(l: &Lowering<'_>, delta: Argument) -> f64 {
    match l.parameters.word("rescale") {
        "none" | "l1" => 1.0,
        _ => 1.0 / l.number("density", delta),
    }
}
