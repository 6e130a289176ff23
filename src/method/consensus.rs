//! Sign election and disjoint mean: what TIES and its relatives do after sparsifying.
//!
//! The steps sparsify → weight → elect → combine → scale are one pipeline; the methods differ in
//! what they put in and each difference between the tools is a parameter.

use std::sync::Arc;

use super::{Argument, Default, Lowering, Parameter, Range, Shape};
use crate::kernel::{Compute, Derive, Formula, Node, Operand, Sums};

/// A weight per task vector.
pub(super) const TASK_WEIGHT: Parameter = Parameter {
    name: "weight",
    help: "factor of each task vector",
    shape: Shape::Number(Default::Is(1.0), Range::Finite),
    per_model: true,
    per_element: false,
    complement: None,
};

/// The final scale.
pub(super) const LAMBDA: Parameter = Parameter {
    name: "lambda",
    help: "factor of the merged task vector",
    shape: Shape::Number(Default::Is(1.0), Range::Finite),
    per_model: false,
    per_element: false,
    complement: None,
};

/// How the sign is elected.
pub(super) const ELECT: Parameter = Parameter {
    name: "elect",
    help: "how the sign of an element is elected",
    shape: Shape::Choice(&[
        ("total", "the sign of the sum: mass decides (the paper)"),
        ("frequency", "the sign that more models have: count decides"),
        (
            "none",
            "none is: every entry is gathered (MergeFlux's sum and mean)",
        ),
    ]),
    per_model: false,
    per_element: false,
    complement: None,
};

/// What is voted on.
pub(super) const ELECT_ON: Parameter = Parameter {
    name: "elect_on",
    help: "which task vectors vote",
    shape: Shape::Choice(&[
        (
            "weighted",
            "after their weight is applied (mergekit, MergeFlux)",
        ),
        ("raw", "before (PEFT)"),
    ]),
    per_model: false,
    per_element: false,
    complement: None,
};

/// Which sign a sum of zero has.
pub(super) const ZERO: Parameter = Parameter {
    name: "zero",
    help: "which sign is elected where the sum is zero",
    shape: Shape::Choice(&[
        ("plus", "+ (every current tool)"),
        (
            "majority",
            "the sign that most elements of all tensors elect, - if as many elect each (the TIES \
                paper's code)",
        ),
    ]),
    per_model: false,
    per_element: false,
    complement: None,
};

/// What the sum of agreeing entries is divided by.
pub(super) const DIVISOR: Parameter = Parameter {
    name: "divisor",
    help: "what the sum of the gathered entries is divided by",
    shape: Shape::Choice(&[
        (
            "weight",
            "the sum of their weights: a disjoint weighted mean (mergekit's normalize)",
        ),
        ("count", "their number (PEFT, MergeFlux)"),
        ("none", "nothing: the sum itself"),
        (
            "max",
            "nothing, and it is the largest of them in place of their sum (the TIES paper's code)",
        ),
    ]),
    per_model: false,
    per_element: false,
    complement: None,
};

/// What peers round on the way.
pub(super) const ROUND: Parameter = Parameter {
    name: "round",
    help: "what models, task vectors, weights and sums are rounded to on the way",
    shape: Shape::Choice(&[
        ("none", "nothing but the working dtype"),
        (
            "bf16",
            "bf16, but for the division by a count and what follows it (MergeFlux)",
        ),
        ("f16", "the same with f16"),
    ]),
    per_model: false,
    per_element: false,
    complement: None,
};

impl Lowering<'_> {
    /// The type to which the parameter `round` rounds.
    fn narrow(&self) -> Option<(Formula, Compute)> {
        match self.parameters.chosen("round") {
            Some("bf16") => Some((Formula::RoundBf16, Compute::BF16)),
            Some("f16") => Some((Formula::RoundF16, Compute::F16)),
            _ => None,
        }
    }

    /// A value, rounded as the parameter `round` says.
    pub(super) fn rounded(&mut self, value: Node) -> Node {
        match self.narrow() {
            Some((formula, _)) => self.call(formula, &[value]),
            None => value,
        }
    }

    /// The task vectors, rounded as the parameter `round` says.
    pub(super) fn rounded_deltas(&mut self) -> Vec<Argument> {
        let base = self.base();
        let base = self.rounded(base);
        let models = self.models.clone().into_iter();
        let delta = |model: Argument| {
            let node = self.rounded(model.node);
            let node = self.call(Formula::Sub, &[node, base]);
            let node = self.rounded(node);
            Argument {
                node: self.step(node),
                ..model
            }
        };
        models.map(delta).collect()
    }
}

/// Base + λ · the disjoint mean of sparsified task vectors.
pub(super) fn add_consensus(l: &mut Lowering<'_>, sparse: &[Argument]) -> Node {
    let base = l.base();
    let base = l.rounded(base);
    let lambda = l.parameters.number("lambda", 0);
    let mut weighted = Vec::new();
    for &x in sparse {
        let weight = l.step_number(l.number("weight", x));
        let weight = match l.narrow() {
            Some((_, compute)) => f64::from(f32::from_bits(compute.scalar(weight))),
            None => weight,
        };
        if weight != 0.0 {
            let node = l.scale(x.node, weight);
            let node = l.rounded(node);
            let node = l.step(node);
            weighted.push(Argument { node, ..x });
        }
    }
    if weighted.is_empty() || lambda == 0.0 {
        return base;
    }
    let merged = match l.parameters.word("elect") {
        "none" => {
            let all = gather_all(l, sparse, &weighted);
            l.rounded(all)
        }
        _ => disjoint(l, sparse, &weighted),
    };
    if l.is_stepwise() {
        let scaled = l.scale(merged, lambda);
        let scaled = l.step(scaled);
        return l.shift(base, scaled, 1.0);
    }
    let moved = l.shift(base, merged, lambda);
    match (l.parameters.word("elect"), l.parameters.word("divisor")) {
        ("total" | "frequency", "count" | "weight" | "max") => moved,
        _ => l.rounded(moved),
    }
}

fn disjoint(l: &mut Lowering<'_>, sparse: &[Argument], weighted: &[Argument]) -> Node {
    let words = ["elect", "elect_on", "divisor", "round"].map(|name| l.parameters.word(name));
    let exact = !l.is_stepwise() && l.parameters.chosen("zero") != Some("majority");
    if let (["total", "weighted", "weight", "none"], [x, y], true) = (words, weighted, exact) {
        // The commonest case in one formula, which does the steps below.
        let weights = [x, y].map(|&x| l.number("weight", x));
        let [u, v] = weights.map(|weight| l.scalar(weight));
        let operands = [x.node.into(), y.node.into(), u, v];
        return l.expression.call(Formula::ConsensusOfTwo, &operands);
    }
    let raw = l.parameters.word("elect_on") == "raw";
    let elected = elect(l, if raw { sparse } else { weighted });
    let mut elected = l.step(elected);
    if l.parameters.chosen("zero") == Some("majority") {
        elected = or_majority(l, elected);
    }
    // The entries that are gathered must have the elected sign, on the side that voted.
    let voters: Vec<Argument> = weighted
        .iter()
        .map(
            |x| match sparse.iter().find(|y| raw && y.position == x.position) {
                Some(voter) => *voter,
                None => *x,
            },
        )
        .collect();
    if l.parameters.word("divisor") == "max" {
        return largest(l, weighted, &voters, elected);
    }
    let mass = gather(l, weighted, &voters, elected);
    let mass = l.rounded(mass);
    let mass = l.step(mass);
    let counted: Vec<(Argument, f64)> = match l.parameters.word("divisor") {
        "none" => return mass,
        // An entry counts whatever its weight, if it had a vote.
        "count" if raw => sparse.iter().map(|&voter| (voter, 1.0)).collect(),
        "count" => voters.iter().map(|&voter| (voter, 1.0)).collect(),
        _ => {
            let weights = weighted.iter().map(|&x| l.number("weight", x));
            let weights = weights.map(|weight| l.step_number(weight));
            voters.iter().copied().zip(weights).collect()
        }
    };
    let mut total = None;
    for (voter, weight) in counted {
        let weight = l.scalar(weight);
        total = Some(gather_weight(l, total, voter.node, elected, weight));
    }
    match total {
        Some(total) => {
            let total = l.step(total);
            let mean = l.call(Formula::Mean, &[mass, total]);
            l.step(mean)
        }
        None => mass,
    }
}

/// The elected sums, and in place of a zero the sign that most of the whole model have.
fn or_majority(l: &mut Lowering<'_>, elected: Node) -> Node {
    let vote = l.call(Formula::Vote, &[elected]);
    let sign = Sums(Derive {
        function: |sums, _| vec![if sums[0] > 0.0 { 1.0 } else { -1.0 }],
        parameters: Vec::new(),
    });
    let scope = l.merge_scope();
    let majority = l.expression.reduced_over(scope, &[vote], Arc::new(sign), 1);
    let majority = l.expression.call(Formula::Fill, &majority);
    l.call(Formula::ChooseEach, &[elected, majority, elected])
}

/// Of the weighted entries whose voter has the elected sign the largest.
fn largest(
    l: &mut Lowering<'_>,
    weighted: &[Argument],
    voters: &[Argument],
    elected: Node,
) -> Node {
    let zero = l.constant(0.0);
    let (mut most, mut least) = (zero, zero);
    for (x, voter) in weighted.iter().zip(voters) {
        let kept = l.call(Formula::KeepAgreeing, &[x.node, voter.node, elected]);
        most = l.call(Formula::Greatest, &[most, kept]);
        least = l.call(Formula::Least, &[least, kept]);
    }
    // They are of one sign, unless weights turn some: then those that were not turned count.
    l.call(Formula::Add, &[most, least])
}

/// The sum of all entries, or their mean.
fn gather_all(l: &mut Lowering<'_>, sparse: &[Argument], weighted: &[Argument]) -> Node {
    let entries: Vec<Node> = weighted.iter().map(|x| x.node).collect();
    let mass = l.total(&entries);
    let total = match l.parameters.word("divisor") {
        "none" => return mass,
        "count" => sparse.len() as f64,
        _ => {
            let weights: Vec<f64> = weighted.iter().map(|&x| l.number("weight", x)).collect();
            l.divisor(&weights)
        }
    };
    let total = l.scalar(total);
    let total = l.expression.call(Formula::Fill, &[total]);
    l.call(Formula::Mean, &[mass, total])
}

/// The sum whose sign is elected.
fn elect(l: &mut Lowering<'_>, votes: &[Argument]) -> Node {
    let frequency = l.parameters.word("elect") == "frequency";
    let terms: Vec<(Node, f64)> = votes
        .iter()
        .map(|x| {
            (
                if frequency {
                    l.call(Formula::Vote, &[x.node])
                } else {
                    x.node
                },
                1.0,
            )
        })
        .collect();
    l.combine(&terms).expect("there is a vote")
}

/// The sum of the weighted entries whose voter has the elected sign.
fn gather(l: &mut Lowering<'_>, weighted: &[Argument], voters: &[Argument], elected: Node) -> Node {
    let mut mass = None;
    for (x, voter) in weighted.iter().zip(voters) {
        mass = Some(match (mass, x.node == voter.node) {
            (None, true) => l.call(Formula::Agree, &[x.node, elected]),
            (Some(mass), true) => l.call(Formula::Gather, &[mass, x.node, elected]),
            (mass, false) => {
                let kept = l.call(Formula::KeepAgreeing, &[x.node, voter.node, elected]);
                match mass {
                    Some(mass) => l.call(Formula::Add, &[mass, kept]),
                    None => kept,
                }
            }
        });
    }
    mass.expect("there is an entry")
}

fn gather_weight(
    l: &mut Lowering<'_>,
    total: Option<Node>,
    voter: Node,
    elected: Node,
    weight: Operand,
) -> Node {
    let tail = [voter.into(), elected.into(), weight];
    match total {
        None => l.expression.call(Formula::AgreeWeight, &tail),
        Some(total) => {
            let operands = [total.into(), tail[0], tail[1], tail[2]];
            l.expression.call(Formula::GatherWeight, &operands)
        }
    }
}
