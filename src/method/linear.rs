//! Weighted sums and averages.

use super::lowering::are_shares;
use super::peer::{mergekit, sd_mecha};
use super::{Base, Default, Domain, Group, Input, Lowering, Method, Parameter, Range, Shape};
use crate::kernel::Node;

/// A weight per model.
pub(super) const WEIGHT: Parameter = Parameter {
    name: "weight",
    help: "share of each model",
    shape: Shape::Number(Default::EqualShare, Range::Finite),
    per_model: true,
    per_element: false,
    complement: None,
};

pub(super) const NORMALIZE: Parameter = Parameter {
    name: "normalize",
    help: "divide the weights by their sum",
    shape: Shape::Flag(true),
    per_model: false,
    per_element: false,
    complement: None,
};

/// The order of the additions.
const ORDER: Parameter = Parameter {
    name: "order",
    help: "how the weighted models are added up",
    shape: Shape::Choice(&[
        (
            "anchor",
            "differences to the model of the largest weight, so that equal values stay as they are",
        ),
        (
            "steps",
            "one model after the other, rounded to the working dtype after each (MergeFlux)",
        ),
    ]),
    per_model: false,
    per_element: false,
    complement: None,
};

/// Weighted sum of models.
pub(crate) static LINEAR: Method = Method {
    id: "linear",
    summary: "weighted sum of any number of models",
    formula: "Σ wᵢ mᵢ / Σ wᵢ (without the division if normalize is false)",
    source: "model soups (Wortsman et al., arXiv:2203.05482)",
    group: Group::Averages,
    peers: &[mergekit("linear")],
    base: Base::None,
    models_min: 1,
    models_max: usize::MAX,
    inputs: &[Input::same("models")],
    result: Domain::Same,
    parameters: &[WEIGHT, NORMALIZE, ORDER],
    ratio: None,
    lower: &linear,
};

/// Plain average of models.
pub(super) static N_AVERAGE: Method = Method {
    id: "n_average",
    summary: "plain average of any number of models",
    formula: "Σ mᵢ / n",
    source: "model soups (Wortsman et al., arXiv:2203.05482)",
    group: Group::Averages,
    peers: &[sd_mecha("n_average")],
    base: Base::None,
    models_min: 1,
    models_max: usize::MAX,
    inputs: &[Input::same("models")],
    result: Domain::Same,
    parameters: &[],
    ratio: None,
    lower: &n_average,
};

fn linear(l: &mut Lowering<'_>) -> Node {
    let weights = l.weights();
    let divisor = match l.parameters.flag("normalize") {
        true => l.divisor(&weights),
        false => 1.0,
    };
    let weights: Vec<f64> = weights.iter().map(|weight| weight / divisor).collect();
    let terms: Vec<(Node, f64)> = l.values().into_iter().zip(weights.clone()).collect();
    if l.parameters.word("order") == "steps" {
        return l.steps(&terms);
    }
    if are_shares(weights) {
        return l.mean(&terms);
    }
    match l.combine(&terms) {
        Some(sum) => sum,
        // Every weight is zero: so is the result.
        None => l.scale(terms[0].0, 0.0),
    }
}

fn n_average(l: &mut Lowering<'_>) -> Node {
    let share = 1.0 / l.models.len() as f64;
    let terms: Vec<(Node, f64)> = l.values().into_iter().map(|node| (node, share)).collect();
    l.mean(&terms)
}
