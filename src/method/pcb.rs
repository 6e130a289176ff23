//! PCB-Merging: task vectors compete for each parameter.

use super::consensus::LAMBDA;
use super::mecha::number;
use super::{Base, Domain, Group, Lowering, MODELS, Method, Parameter, Range, Space};
use crate::kernel::Node;
use crate::kernel::host::Competition;

/// The share that wins.
const DENSITY: Parameter = number(
    "density",
    "share of each task vector's entries whose scores count",
    0.1,
    Range::Share,
);

/// PCB-Merging.
pub(super) static PCB: Method = Method {
    id: "pcb",
    summary: "means of task vectors, weighted by how an entry fares in its own and against others",
    formula: "b + λ Σ sᵢ cᵢ / max(Σ sᵢ, 1e-12), tᵢ = mᵢ - b, cᵢ = tᵢ with its size within the \
        0.01% extremes, pᵢ = exp(n u(|cᵢ|)²) tanh(tᵢ Σ tⱼ), sᵢ = u(max(pᵢ, the density's \
        smallest)), u the map of a tensor's extremes to 0 and 1",
    source: "Du et al., arXiv:2410.02396, its code, tensor by tensor instead of over the model",
    group: Group::Consensus,
    peers: &[],
    base: Base::Required,
    models_min: 1,
    models_max: usize::MAX,
    inputs: MODELS,
    result: Domain::Only(Space::Weight),
    parameters: &[DENSITY, LAMBDA],
    ratio: Some("lambda"),
    lower: &pcb,
};

fn pcb(l: &mut Lowering<'_>) -> Node {
    let base = l.base();
    let [density, lambda] = ["density", "lambda"].map(|name| l.parameters.number(name, 0));
    if lambda == 0.0 {
        return base;
    }
    let deltas: Vec<Node> = l.deltas().into_iter().map(|delta| delta.node).collect();
    let merged = l.expression.host(Competition { density }, &deltas);
    l.shift(base, merged, lambda)
}
