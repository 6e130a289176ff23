//! SCE: select where task vectors vary, calculate their weights by energy, erase minorities.

use std::sync::Arc;

use super::mecha::number;
use super::peer::mergekit;
use super::steps::rounded;
use super::{Base, Domain, Group, Lowering, MODELS, Method, Range, Space};
use crate::kernel::{Derive, Formula, LargestNonzero, Node, Operand, Scope};

/// Weights and sums of squares that are smaller count as none.
const LEAST: f64 = 1e-6;

/// SCE.
pub(super) static SCE: Method = Method {
    id: "sce",
    summary: "merges where task vectors vary most, weighted by their energy, without minorities",
    formula: "b + Σ wᵢ tᵢ [sign = s] / max(Σ wᵢ [sign = s], 1e-6), tᵢ = mᵢ - b where the variance \
        over models is among the ⌊select_topk n⌋ largest of n that are not 0, s = sign(Σ tᵢ), wᵢ = \
        mean(tᵢ²) / Σ mean(tᵢ²), equal where that sum is below 1e-6",
    source: "Wan et al., arXiv:2408.07990",
    group: Group::Consensus,
    peers: &[mergekit("sce")],
    base: Base::Required,
    models_min: 1,
    models_max: usize::MAX,
    inputs: MODELS,
    result: Domain::Only(Space::Weight),
    parameters: &[number(
        "select_topk",
        "share of the elements that vary that is merged",
        1.0,
        Range::Unit,
    )],
    ratio: None,
    lower: &sce,
};

fn sce(l: &mut Lowering<'_>) -> Node {
    let base = l.base();
    let share = l.parameters.number("select_topk", 0);
    if share == 0.0 {
        return base;
    }
    let mut values: Vec<Node> = l.deltas().into_iter().map(|delta| delta.node).collect();
    if share < 1.0 {
        values = selected(l, &values, share);
    }
    let weights = energies(l, &values);
    let elected = l.stepped_total(&values);
    let (mut parts, mut shares) = (Vec::new(), Vec::new());
    for (&value, &weight) in values.iter().zip(&weights) {
        let agreeing = l.call(Formula::Agree, &[value, elected]);
        parts.push(l.scaled(agreeing, weight));
        let operands = [value.into(), elected.into(), weight];
        shares.push(l.expression.call(Formula::AgreeWeight, &operands));
    }
    let mass = l.stepped_total(&parts);
    let total = l.stepped_total(&shares);
    let least = l.constant(LEAST);
    let total = l.call(Formula::Greatest, &[total, least]);
    let mean = l.call(Formula::Mean, &[mass, total]);
    let mean = l.step(mean);
    l.shift(base, mean, 1.0)
}

/// The values where their variance is among the largest, zero elsewhere.
fn selected(l: &mut Lowering<'_>, values: &[Node], share: f64) -> Vec<Node> {
    let part = 1.0 / values.len() as f64;
    let sum = l.total(values);
    let mean = l.scale(sum, part);
    let mut squares = Vec::new();
    for &value in values {
        let far = l.call(Formula::Sub, &[value, mean]);
        squares.push(l.call(Formula::Mul, &[far, far]));
    }
    let sum = l.total(&squares);
    let variance = l.scale(sum, part);
    let variance = l.step(variance);
    let largest = Arc::new(LargestNonzero { share });
    let kept = l.expression.trimmed(variance, largest, Scope::Tensor);
    let zero = l.constant(0.0);
    let chosen = values
        .iter()
        .map(|&value| l.call(Formula::ChooseEach, &[value, zero, kept]));
    chosen.collect()
}

/// The weight of each value: its share of the mean squares.
fn energies(l: &mut Lowering<'_>, values: &[Node]) -> Vec<Operand> {
    let squares: Vec<Node> = values
        .iter()
        .map(|&value| l.product(value, value))
        .collect();
    let derive = Derive {
        function: |sums, parameters| {
            let (elements, code) = (parameters[0], parameters[1]);
            let round = |value| rounded(value, code);
            let means: Vec<f64> = sums.iter().map(|sum| round(sum / elements)).collect();
            let total = round(means.iter().sum());
            let weight = |mean: &f64| match total < LEAST {
                true => round(1.0 / means.len() as f64),
                false => round(mean / total),
            };
            means.iter().map(weight).collect()
        },
        parameters: vec![l.elements as f64, l.step_code()],
    };
    l.expression.sums(&squares, derive, values.len())
}
