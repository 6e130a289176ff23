//! Presets: methods that are others with some options fixed, as a paper or a tool has them.

use super::consensus::{LAMBDA, TASK_WEIGHT};
use super::dare::{self, TRIM, dare_linear, dare_then_ties, dare_ties};
use super::mecha::number;
use super::peer::peft;
use super::task_arithmetic::NORMALIZE_OFF;
use super::ties::{self, ties};
use super::{Base, Domain, Group, Lowering, MODELS, Method, Parameter, Range, Shape, Space};
use crate::kernel::Node;

/// How the sign is elected, by PEFT's name.
const MAJORITY_SIGN_METHOD: Parameter = Parameter {
    name: "majority_sign_method",
    help: "how the sign of an element is elected, before the weights are applied",
    shape: Shape::Choice(&[
        ("total", "the sign of the sum: mass decides"),
        ("frequency", "the sign that more models have: count decides"),
    ]),
    per_model: false,
    per_element: false,
    complement: None,
};

/// What becomes of the entries that have the elected sign.
const MERGE: Parameter = Parameter {
    name: "merge",
    help: "what becomes of the entries that have the elected sign",
    shape: Shape::Choice(&[
        ("mean", "their mean (the paper)"),
        ("sum", "their sum"),
        ("max", "the largest of them"),
    ]),
    per_model: false,
    per_element: false,
    complement: None,
};

/// A method of any number of models over a base.
const OVER_BASE: Method = Method {
    id: "",
    summary: "",
    formula: "",
    source: "",
    group: Group::Consensus,
    peers: &[],
    base: Base::Required,
    models_min: 1,
    models_max: usize::MAX,
    inputs: MODELS,
    result: Domain::Only(Space::Weight),
    parameters: &[],
    ratio: Some("lambda"),
    lower: &ties,
};

/// PEFT's magnitude pruning.
pub(super) static PEFT_MAGNITUDE_PRUNE: Method = Method {
    id: "peft_magnitude_prune",
    summary: "adds the largest entries of weighted task vectors to the base",
    formula: "b + λ Σ wᵢ tᵢ, tᵢ = top-k(mᵢ - b)",
    group: Group::TaskVectors,
    peers: &[peft("magnitude_prune")],
    parameters: &[TASK_WEIGHT, ties::DENSITY, LAMBDA],
    lower: &|l| {
        let words = [("elect", "none"), ("divisor", "none")];
        preset(l, ties, &[&PLAIN, &words], &[])
    },
    ..OVER_BASE
};

/// PEFT's TIES.
pub(super) static PEFT_TIES: Method = Method {
    id: "peft_ties",
    summary: "TIES as PEFT has it: signs are elected before the weights are applied",
    formula: "b + λ Σ wᵢ tᵢ [sign tᵢ = s] / count of [sign tᵢ = s], tᵢ = top-k(mᵢ - b), \
        s = sign(Σ tᵢ), 0 → +",
    peers: &[peft("ties")],
    parameters: &[TASK_WEIGHT, ties::DENSITY, MAJORITY_SIGN_METHOD, LAMBDA],
    lower: &|l| {
        let elect = [("elect", l.parameters.word("majority_sign_method"))];
        preset(l, ties, &[&PLAIN, &ELECT_BEFORE, &elect], &[])
    },
    ..OVER_BASE
};

/// PEFT's DARE with TIES.
pub(super) static PEFT_DARE_TIES: Method = Method {
    id: "peft_dare_ties",
    summary: "peft_ties with a random drop in place of the trim",
    formula: "b + λ Σ wᵢ dᵢ [sign dᵢ = s] / count of [sign dᵢ = s], dᵢ = xᵢ (mᵢ - b) / density, \
        xᵢ ~ Bernoulli(density), s = sign(Σ dᵢ), 0 → +",
    peers: &[peft("dare_ties")],
    parameters: &[TASK_WEIGHT, dare::DENSITY, MAJORITY_SIGN_METHOD, LAMBDA],
    lower: &|l| {
        let rescale = [("rescale", "density")];
        let elect = [("elect", l.parameters.word("majority_sign_method"))];
        preset(
            l,
            dare_ties,
            &[&PLAIN, &ELECT_BEFORE, &rescale, &elect],
            &[],
        )
    },
    ..OVER_BASE
};

/// TIES of the paper's code.
pub(super) static PAPER_TIES: Method = Method {
    id: "paper_ties",
    summary: "TIES as the paper's code has it: trimmed over the whole model, without weights",
    formula: "b + λ Σ tᵢ [sign tᵢ = s] / count of [sign tᵢ = s], tᵢ the entries of mᵢ - b from the \
        (n - ⌊density n⌋)-th smallest of the whole model on, s = sign(Σ tᵢ), 0 → the sign of most \
        elements of the model",
    source: "Yadav et al., arXiv:2306.01708, and its code",
    parameters: &[PAPER_DENSITY, LAMBDA, MERGE],
    lower: &|l| {
        let divisor = match l.parameters.word("merge") {
            "sum" => "none",
            "max" => "max",
            _ => "count",
        };
        let words = [("ties", "one_more"), ("divisor", divisor)];
        preset(l, ties, &[&PLAIN, &GLOBAL, &words], &[("weight", 1.0)])
    },
    ..OVER_BASE
};

/// DARE before TIES of the paper's code.
pub(super) static PAPER_DARE_TIES: Method = Method {
    id: "paper_dare_ties",
    summary: "DARE, then TIES over the whole model, as the DARE paper's code has it",
    formula: "b + λ Σ tᵢ [sign tᵢ = s] / count of [sign tᵢ = s], tᵢ the entries of dᵢ from the \
        max(⌊(1 - trim) n⌋, 1)-th smallest of the whole model on, dᵢ = xᵢ (mᵢ - b) / density, \
        xᵢ ~ Bernoulli(density), s = sign(Σ tᵢ), 0 → the sign of most elements of the model",
    source: "Yu et al., arXiv:2311.03099, and its code (MergeLM)",
    parameters: &[dare::DENSITY, TRIM, LAMBDA],
    lower: &|l| {
        let words = [("ties", "from_rank"), ("rescale", "density")];
        let words: [Words<'_>; 4] = [&PLAIN, &GLOBAL, &words, &[("divisor", "count")]];
        preset(l, dare_then_ties, &words, &[("weight", 1.0)])
    },
    ..OVER_BASE
};

/// DARE with a divisor of its own.
pub(super) static DAREX_Q: Method = Method {
    id: "darex_q",
    summary: "dare_linear whose kept entries are divided by a number of their own",
    formula: "b + λ Σ wᵢ xᵢ (mᵢ - b) / q, xᵢ ~ Bernoulli(density)",
    source: "Deng et al., arXiv:2410.09344 (DAREx-q)",
    group: Group::Random,
    parameters: &[TASK_WEIGHT, dare::DENSITY, Q, LAMBDA, NORMALIZE_OFF],
    lower: &|l| {
        let lambda = l.parameters.number("lambda", 0) / l.parameters.number("q", 0);
        let words = [("rescale", "none")];
        preset(l, dare_linear, &[&words], &[("lambda", lambda)])
    },
    ..OVER_BASE
};

/// The divisor of DAREx-q.
const Q: Parameter = number(
    "q",
    "what kept entries are divided by, in place of the density",
    1.0,
    Range::Positive,
);

/// The kept share of the TIES paper.
const PAPER_DENSITY: Parameter = Parameter {
    help: "kept share of each task vector, over all merged tensors of its model",
    ..ties::DENSITY
};

/// Options with their words.
type Words<'w> = &'w [(&'static str, &'static str)];

/// The first choice of every option.
const PLAIN: [(&str, &str); 6] = [
    ("scope", "tensor"),
    ("ties", "exact"),
    ("rescale", "none"),
    ("elect", "total"),
    ("elect_on", "weighted"),
    ("round", "none"),
];

/// Signs are elected first, and entries counted.
const ELECT_BEFORE: [(&str, &str); 2] = [("elect_on", "raw"), ("divisor", "count")];

/// All tensors of a model are looked at together.
const GLOBAL: [(&str, &str); 2] = [("scope", "model"), ("zero", "majority")];

/// What another method makes with these options; later ones replace earlier ones.
fn preset(
    l: &mut Lowering<'_>,
    lower: fn(&mut Lowering<'_>) -> Node,
    words: &[Words<'_>],
    numbers: &[(&'static str, f64)],
) -> Node {
    let mut parameters = l.parameters.clone();
    parameters.words.extend(words.concat());
    let numbers = numbers.iter().map(|(name, number)| (*name, vec![*number]));
    parameters.numbers.extend(numbers);
    let mut own = Lowering {
        expression: &mut *l.expression,
        parameters: &parameters,
        models: l.models.clone(),
        fault: l.fault.take(),
        ..*l
    };
    let node = lower(&mut own);
    (l.placed, l.fault) = (own.placed, own.fault);
    node
}
