//! Arcee Fusion: takes from a model what differs most where its rows differ most.

use super::peer::mergekit;
use super::{Base, Domain, Group, Lowering, MODELS, Method, Space};
use crate::kernel::host::RowDivergence;
use crate::kernel::{Compute, Formula, Kept, Node};

/// Arcee Fusion.
pub(super) static ARCEE_FUSION: Method = Method {
    id: "arcee_fusion",
    summary: "takes those parameters of a model that differ most, in rows that differ most",
    formula: "b + (m - b) [s ≥ q₂ + 1.5 (q₃ - q₁)], s = |m - b| KL(softmax m ‖ softmax b) with the \
        divergence of the row of the last dimension, q the quartiles of s in the tensor",
    source: "",
    group: Group::TaskVectors,
    peers: &[mergekit("arcee_fusion")],
    base: Base::Required,
    models_min: 1,
    models_max: 1,
    inputs: MODELS,
    result: Domain::Only(Space::Weight),
    parameters: &[],
    ratio: None,
    lower: &arcee_fusion,
};

fn arcee_fusion(l: &mut Lowering<'_>) -> Node {
    let (base, model) = (l.base(), l.models[0].node);
    let delta = l.call(Formula::Sub, &[model, base]);
    let delta = l.step(delta);
    let size = l.call(Formula::Magnitude, &[delta]);
    let steps = l.stepping().unwrap_or(Compute::F32);
    let divergence = RowDivergence { steps };
    let divergence = l.expression.host(divergence, &[model, base]);
    let score = l.product(size, divergence);
    let [first, median, third] = [0.25, 0.5, 0.75].map(|quantile| {
        let found = l.expression.least_of(score, Kept::FromQuantile(quantile));
        l.expression.call(Formula::Fill, &[found])
    });
    let range = l.call(Formula::Sub, &[third, first]);
    let range = l.step(range);
    let factor = l.scalar(1.5);
    let range = l.scaled(range, factor);
    let threshold = l.stepped_total(&[median, range]);
    let below = l.call(Formula::KeepBelowEach, &[delta, score, threshold]);
    let taken = l.call(Formula::Sub, &[delta, below]);
    l.shift(base, taken, 1.0)
}
