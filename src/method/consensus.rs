//! Sign election and disjoint mean: what TIES and its relatives do after sparsifying.
//!
//! The steps sparsify → weight → elect → combine → scale are one pipeline; the methods differ in
//! what they put in and each difference between the tools is a parameter.

use super::{Argument, Default, Lowering, Parameter, Range, Shape};
use crate::kernel::{Formula, Node, Operand};

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

/// What the sum of agreeing entries is divided by.
pub(super) const DIVISOR: Parameter = Parameter {
    name: "divisor",
    help: "what the sum of the agreeing entries is divided by",
    shape: Shape::Choice(&[
        (
            "weight",
            "the sum of their weights: a disjoint weighted mean (mergekit's normalize)",
        ),
        ("count", "their number (PEFT, MergeFlux)"),
        ("none", "nothing: the sum itself"),
    ]),
    per_model: false,
    per_element: false,
    complement: None,
};

/// Base + λ · the disjoint mean of sparsified task vectors.
pub(super) fn add_consensus(l: &mut Lowering<'_>, sparse: &[Argument]) -> Node {
    let base = l.base();
    let lambda = l.parameters.number("lambda", 0);
    let mut weighted = Vec::new();
    for &x in sparse {
        let weight = l.number("weight", x);
        if weight != 0.0 {
            weighted.push(Argument {
                node: l.scale(x.node, weight),
                ..x
            });
        }
    }
    if weighted.is_empty() || lambda == 0.0 {
        return base;
    }
    let merged = disjoint(l, sparse, &weighted);
    l.shift(base, merged, lambda)
}

fn disjoint(l: &mut Lowering<'_>, sparse: &[Argument], weighted: &[Argument]) -> Node {
    let words = ["elect", "elect_on", "divisor"].map(|name| l.parameters.word(name));
    if let (["total", "weighted", "weight"], [x, y]) = (words, weighted) {
        // The commonest case in one formula, which does the steps below.
        let weights = [x, y].map(|&x| l.number("weight", x));
        let [u, v] = weights.map(|weight| l.scalar(weight));
        let operands = [x.node.into(), y.node.into(), u, v];
        return l.expression.call(Formula::ConsensusOfTwo, &operands);
    }
    let raw = l.parameters.word("elect_on") == "raw";
    let elected = elect(l, if raw { sparse } else { weighted });
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
    let mass = gather(l, weighted, &voters, elected);
    let weights: Vec<f64> = match l.parameters.word("divisor") {
        "none" => return mass,
        "count" => vec![1.0; weighted.len()],
        _ => weighted.iter().map(|&x| l.number("weight", x)).collect(),
    };
    let mut total = None;
    for (voter, weight) in voters.iter().zip(weights) {
        let weight = l.scalar(weight);
        total = Some(gather_weight(l, total, voter.node, elected, weight));
    }
    match total {
        Some(total) => l.call(Formula::Mean, &[mass, total]),
        None => mass,
    }
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
