//! Reinforced agent merging: what one model alone changed is kept whole, what several changed is
//! averaged.

use super::mecha::number;
use super::peer::mergekit;
use super::{Base, Domain, Group, Lowering, MODELS, Method, Parameter, Range, Space};
use crate::kernel::{Compute, Derive, Formula, Node, Operand};

const SOURCE: &str = "arXiv:2601.13572";

/// What counts as a change.
const EPSILON: Parameter = number(
    "epsilon",
    "entries of task vectors up to this magnitude count as unchanged",
    1e-5,
    Range::NotNegative,
);

/// RAM.
pub(super) static RAM: Method = Method {
    id: "ram",
    summary: "keeps what one model alone changed, averages what several changed",
    formula: "b + Σ tᵢ [|tᵢ| > epsilon] / max(count of |tᵢ| > epsilon, 1), tᵢ = mᵢ - b",
    source: SOURCE,
    group: Group::Consensus,
    peers: &[mergekit("ram")],
    base: Base::Required,
    models_min: 1,
    models_max: usize::MAX,
    inputs: MODELS,
    result: Domain::Only(Space::Weight),
    parameters: &[EPSILON],
    ratio: None,
    lower: &|l| {
        let active = Active::of(l);
        let merged = active.mean(l);
        let base = l.base();
        l.shift(base, merged, 1.0)
    },
};

/// RAM+ within tensors.
pub(super) static RAMPLUS_TL: Method = Method {
    id: "ramplus_tl",
    summary: "ram that strengthens what a model alone changed by how much it shares elsewhere",
    formula: "ram with λᵢ tᵢ where the model alone changed, λᵢ = 1 + r min(ρᵢ, alpha), ρᵢ = shared \
        entries / max(entries alone, epsilon), counted in each tensor",
    source: SOURCE,
    group: Group::Consensus,
    peers: &[mergekit("ramplus_tl")],
    base: Base::Required,
    models_min: 1,
    models_max: usize::MAX,
    inputs: MODELS,
    result: Domain::Only(Space::Weight),
    parameters: &[
        number("r", "how much is strengthened", 0.1, Range::Finite),
        number("alpha", "largest ρ that counts", 0.2, Range::NotNegative),
        EPSILON,
    ],
    ratio: None,
    lower: &ramplus,
};

/// The entries of task vectors that changed.
struct Active {
    /// They themselves, zero elsewhere.
    values: Vec<Node>,
    /// For each 1 where it changed, else 0.
    counts: Vec<Node>,
    /// How many changed.
    count: Node,
}

impl Active {
    fn of(l: &mut Lowering<'_>) -> Active {
        let epsilon = l.step_number(l.parameters.number("epsilon", 0));
        let least = Compute::F32.scalar(epsilon);
        let mut values = Vec::new();
        let mut counts = Vec::new();
        for delta in l.deltas() {
            let least = l.expression.code(least);
            let operands = [delta.node.into(), least];
            let value = l.expression.call(Formula::TrimAbove, &operands);
            let vote = l.call(Formula::Vote, &[value]);
            counts.push(l.call(Formula::Magnitude, &[vote]));
            values.push(value);
        }
        let count = l.total(&counts);
        Active {
            values,
            counts,
            count,
        }
    }

    /// The mean of those that changed, zero where none did.
    fn mean(&self, l: &mut Lowering<'_>) -> Node {
        if !l.is_stepwise() {
            let sum = l.total(&self.values);
            return l.call(Formula::Mean, &[sum, self.count]);
        }
        let mut parts = Vec::new();
        for &value in &self.values {
            let part = l.call(Formula::Mean, &[value, self.count]);
            parts.push(l.step(part));
        }
        l.stepped_total(&parts)
    }
}

fn ramplus(l: &mut Lowering<'_>) -> Node {
    let active = Active::of(l);
    let base = l.base();
    let one = l.scalar(-1.0);
    let several = [active.count.into(), one];
    // Zero where one changed alone.
    let several = l.expression.call(Formula::Raise, &several);
    let zero = l.constant(0.0);
    let mut alone = Vec::new();
    for (&value, &count) in active.values.iter().zip(&active.counts) {
        let factor = strength(l, several, count);
        let operands = [value.into(), factor];
        alone.push(l.expression.call(Formula::Scale, &operands));
    }
    let alone = l.total(&alone);
    let alone = l.call(Formula::ChooseEach, &[zero, alone, several]);
    let mut shared = Vec::new();
    for &value in &active.values {
        let value = l.call(Formula::ChooseEach, &[value, zero, several]);
        let part = l.call(Formula::Mean, &[value, active.count]);
        // Factors are f32 in mergekit, and with them all that is added to them.
        shared.push(l.step(part));
    }
    let shared = l.total(&shared);
    let merged = l.call(Formula::Add, &[alone, shared]);
    l.shift(base, merged, 1.0)
}

/// The factor λ of a model by where it and others changed.
fn strength(l: &mut Lowering<'_>, several: Node, count: Node) -> Operand {
    let zero = l.constant(0.0);
    let counts = [
        l.call(Formula::ChooseEach, &[count, zero, several]),
        l.call(Formula::ChooseEach, &[zero, count, several]),
    ];
    let derive = Derive {
        function: |sums, parameters| {
            let &[r, alpha, epsilon] = parameters else {
                return Vec::new();
            };
            let alone = sums[1].max(epsilon);
            let share = match alone > 0.0 {
                true => sums[0] / alone,
                false if sums[0] > 0.0 => alpha,
                false => 0.0,
            };
            vec![1.0 + r * share.min(alpha)]
        },
        parameters: ["r", "alpha", "epsilon"]
            .map(|name| l.parameters.number(name, 0))
            .to_vec(),
    };
    l.expression.sums(&counts, derive, 1)[0]
}
