//! NearSwap: the second model where it is near the first, and a step towards it elsewhere.

use super::mecha::number;
use super::peer::mergekit;
use super::{Base, Domain, Group, Lowering, MODELS, Method, Range, Space};
use crate::kernel::{Formula, Node};

/// Differences below this count as this.
const LEAST: f64 = 1e-6;

/// NearSwap.
pub(super) static NEARSWAP: Method = Method {
    id: "nearswap",
    summary: "moves each parameter of the base towards the model's by at most t",
    formula: "b + w (m - b), w = min(t / max(|m - b|, 1e-6), 1)",
    source: "alchemonaut's QuartetAnemoi-70B-t0.0001",
    group: Group::TaskVectors,
    peers: &[mergekit("nearswap")],
    base: Base::Required,
    models_min: 1,
    models_max: 1,
    inputs: MODELS,
    result: Domain::Only(Space::Weight),
    parameters: &[number(
        "t",
        "how far a parameter moves at most",
        0.001,
        Range::NotNegative,
    )],
    ratio: Some("t"),
    lower: &nearswap,
};

fn nearswap(l: &mut Lowering<'_>) -> Node {
    let (base, model) = (l.base(), l.models[0].node);
    let difference = l.call(Formula::Sub, &[base, model]);
    let difference = l.step(difference);
    let t = l.parameters.number("t", 0);
    let t = l.scalar(t);
    if !l.is_stepwise() {
        let operands = [difference.into(), t, l.scalar(LEAST)];
        let weight = l.expression.call(Formula::NearWeight, &operands);
        return l.call(Formula::LerpEach, &[base, model, weight]);
    }
    // As torch divides a number by a tensor: by the tensor's reciprocal.
    let size = l.call(Formula::Magnitude, &[difference]);
    let least = l.constant(l.step_number(LEAST));
    let size = l.call(Formula::Greatest, &[size, least]);
    let one = l.constant(1.0);
    let reciprocal = l.call(Formula::Mean, &[one, size]);
    let reciprocal = l.step(reciprocal);
    let weight = l.scaled(reciprocal, t);
    let weight = l.call(Formula::Unit, &[weight]);
    l.between(base, model, weight)
}
