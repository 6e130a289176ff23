//! Barycentric interpolation on a sphere: the direction of the weighted mean of directions, with
//! the weighted mean of norms.
//!
//! mergekit goes from the mean along the tangents to the models. As the weighted sum of the
//! tangents at the weighted mean is zero, what is left of that is rounding, which only
//! [`in_steps`] repeats.

use super::linear::{NORMALIZE, WEIGHT};
use super::mecha::number;
use super::peer::mergekit;
use super::steps::rounded;
use super::{Base, Domain, Group, Lowering, MODELS, Method, Range, Space};
use crate::kernel::{Derive, Formula, Node, Operand};

/// Multi-SLERP.
pub(super) static MULTISLERP: Method = Method {
    id: "multislerp",
    summary: "the weighted mean of directions, with the weighted mean of norms",
    formula: "u / |u| · Σ wᵢ |xᵢ|, u = Σ wᵢ xᵢ / (|xᵢ| + eps), xᵢ = mᵢ, or mᵢ - base on top of the \
        base where there is one; Σ wᵢ xᵢ where |u| < eps",
    source: "Goddard, Multi-SLERP",
    group: Group::Geometry,
    peers: &[mergekit("multislerp")],
    base: Base::Optional,
    models_min: 1,
    models_max: usize::MAX,
    inputs: MODELS,
    result: Domain::Only(Space::Weight),
    parameters: &[
        WEIGHT,
        NORMALIZE,
        number(
            "eps",
            "added to norms; a mean direction that is shorter counts as none",
            1e-8,
            Range::NotNegative,
        ),
    ],
    ratio: None,
    lower: &multislerp,
};

fn multislerp(l: &mut Lowering<'_>) -> Node {
    if let [model] = l.models.as_slice() {
        return model.node;
    }
    let weights = l.weights();
    let divisor = match l.parameters.flag("normalize") {
        true => l.divisor(&weights),
        false => 1.0,
    };
    let divisor = l.step_number(divisor);
    let weights: Vec<f64> = weights
        .iter()
        .map(|&weight| l.step_number(l.step_number(weight) / divisor))
        .collect();
    let values = l.origin_values();
    let merged = match l.is_stepwise() {
        true => in_steps(l, &values, &weights),
        false => in_one(l, &values, &weights),
    };
    l.on_base(merged)
}

/// The sum of the values with factors that are found in two passes: of norms, then of the mean.
fn in_one(l: &mut Lowering<'_>, values: &[Node], weights: &[f64]) -> Node {
    let eps = l.parameters.number("eps", 0);
    let squares: Vec<Node> = values
        .iter()
        .map(|&value| l.call(Formula::Mul, &[value, value]))
        .collect();
    let parameters = [&[eps], weights].concat();
    let derive = |function| Derive {
        function,
        parameters: parameters.clone(),
    };
    let directed = l
        .expression
        .sums(&squares, derive(directions), values.len());
    let mean = l.weave(values, &directed);
    let mean_square = l.call(Formula::Mul, &[mean, mean]);
    let sums = [&[mean_square], squares.as_slice()].concat();
    let factors = l.expression.sums(&sums, derive(factors), values.len());
    l.weave(values, &factors)
}

/// The factors of the mean direction from the squares of norms.
fn directions(squares: &[f64], parameters: &[f64]) -> Vec<f64> {
    let (eps, weights) = (parameters[0], &parameters[1..]);
    let factors = squares.iter().zip(weights).map(|(square, weight)| {
        // A value that is zero has no direction.
        match *square > 0.0 {
            true => weight / (square.sqrt() + eps),
            false => 0.0,
        }
    });
    factors.collect()
}

/// The factors of the result from the square of the mean direction and those of the values.
fn factors(sums: &[f64], parameters: &[f64]) -> Vec<f64> {
    let (mean, squares) = (sums[0].sqrt(), &sums[1..]);
    let (eps, weights) = (parameters[0], &parameters[1..]);
    if mean < eps || mean == 0.0 {
        return weights.to_vec();
    }
    let norms = squares.iter().map(|square| square.sqrt());
    let norm: f64 = norms.zip(weights).map(|(norm, weight)| norm * weight).sum();
    let directions = directions(squares, parameters).into_iter();
    directions.map(|factor| factor * norm / mean).collect()
}

/// With a rounding after every step.
fn in_steps(l: &mut Lowering<'_>, values: &[Node], weights: &[f64]) -> Node {
    let (eps, code) = (l.parameters.number("eps", 0), l.step_code());
    let units: Vec<Node> = values
        .iter()
        .map(|&value| {
            let norm = l.norm(value, 0.0, eps);
            l.divided(value, norm)
        })
        .collect();
    let mean = weighted(l, &units, weights);
    let norm = l.norm(mean, 0.0, 0.0);
    let mean = l.divided(mean, norm);
    let tangents: Vec<Node> = units
        .iter()
        .map(|&unit| {
            let product = l.product(unit, mean);
            let derive = Derive {
                function: |sums, parameters| vec![rounded(sums[0], parameters[0])],
                parameters: vec![code],
            };
            let along = l.expression.sums(&[product], derive, 1)[0];
            let along = l.scaled(mean, along);
            let tangent = l.call(Formula::Sub, &[unit, along]);
            l.step(tangent)
        })
        .collect();
    let tangent = weighted(l, &tangents, weights);
    let square = l.call(Formula::Mul, &[tangent, tangent]);
    let derive = Derive {
        function: turns,
        parameters: vec![code, eps],
    };
    let turns = l.expression.sums(&[square], derive, 2);
    let parts = [l.scaled(mean, turns[0]), l.scaled(tangent, turns[1])];
    let result = l.stepped_total(&parts);
    let length = length(l, values, weights);
    l.scaled(result, length)
}

/// The cosine of a tangent's length, and its sine divided by the length.
fn turns(sums: &[f64], parameters: &[f64]) -> Vec<f64> {
    let (code, eps) = (parameters[0], parameters[1]);
    let round = |value| rounded(value, code);
    let length = round(round(sums[0].sqrt()) + eps);
    let share = match length > 0.0 {
        true => round(round(length.sin()) / length),
        false => 1.0,
    };
    vec![round(length.cos()), share]
}

/// The weighted sum of norms, as a step.
fn length(l: &mut Lowering<'_>, values: &[Node], weights: &[f64]) -> Operand {
    let squares: Vec<Node> = values
        .iter()
        .map(|&value| l.call(Formula::Mul, &[value, value]))
        .collect();
    let derive = Derive {
        function: |squares, parameters| {
            let (code, weights) = (parameters[0], &parameters[1..]);
            let round = |value| rounded(value, code);
            let parts = squares.iter().zip(weights);
            let sum = parts.map(|(square, weight)| round(round(square.sqrt()) * weight));
            vec![round(sum.sum())]
        },
        parameters: [&[l.step_code()], weights].concat(),
    };
    l.expression.sums(&squares, derive, 1)[0]
}

/// A weighted sum, as steps.
fn weighted(l: &mut Lowering<'_>, values: &[Node], weights: &[f64]) -> Node {
    let mut parts = Vec::with_capacity(values.len());
    for (&value, &weight) in values.iter().zip(weights) {
        let weight = l.scalar(weight);
        parts.push(l.scaled(value, weight));
    }
    l.stepped_total(&parts)
}
