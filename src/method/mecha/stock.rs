//! Model stock: the mean of task vectors, shortened by how little they agree, row by row.

use super::number;
use crate::kernel::{Derive, Formula, Made, Node, RowSums};
use crate::method::peer::sd_mecha;
use crate::method::{Base, Domain, Group, Input, Lowering, Method, Parameter, Range, Space};

/// Norms below this count as this.
pub(super) const COS_EPS: Parameter = number(
    "cos_eps",
    "the smallest norm that a cosine is divided by",
    1e-6,
    Range::Finite,
);

/// Model stock.
pub(super) static MODEL_STOCK: Method = Method {
    id: "model_stock",
    summary: "the mean of task vectors, each row shortened by how little they agree",
    formula: "t Σ dᵢ / n, t = n c / (1 + (n-1) c), c the mean cosine of a row's dᵢ, dᵢ₊₁",
    source: "Jang et al., arXiv:2403.19522",
    group: Group::Geometry,
    peers: &[sd_mecha("model_stock")],
    base: Base::None,
    models_min: 2,
    models_max: usize::MAX,
    inputs: &[Input::delta("deltas")],
    result: Domain::Only(Space::Delta),
    parameters: &[COS_EPS],
    ratio: None,
    lower: &model_stock,
};

fn model_stock(l: &mut Lowering<'_>) -> Node {
    let deltas = l.inputs("deltas");
    let sum = l.total(&deltas);
    let mean = l.scale(sum, 1.0 / deltas.len() as f64);
    let ratio = stock_ratio(l, &deltas);
    l.call(Formula::Mul, &[mean, ratio])
}

/// The ratio t of model stock for each row of the last dimension.
pub(super) fn stock_ratio(l: &mut Lowering<'_>, deltas: &[Node]) -> Node {
    let n = deltas.len();
    let squares = (0..n).map(|i| (i, i));
    let neighbours = (1..n).map(|i| (i - 1, i));
    l.expression.make(Made::Rows(RowSums {
        values: deltas.to_vec(),
        products: squares.chain(neighbours).collect(),
        derive: Derive {
            function: ratio,
            parameters: vec![n as f64, l.parameters.number("cos_eps", 0)],
        },
    }))
}

/// The ratio of a row from the squares of its n parts and the n - 1 products of neighbours.
fn ratio(sums: &[f64], parameters: &[f64]) -> Vec<f64> {
    let (n, eps) = (parameters[0], parameters[1]);
    let (squares, neighbours) = sums.split_at(n as usize);
    let norms: Vec<f64> = squares.iter().map(|s| s.sqrt().max(eps)).collect();
    let cosines = neighbours
        .iter()
        .zip(norms.windows(2))
        .map(|(product, norms)| product / (norms[0] * norms[1]));
    let cosine = cosines.sum::<f64>() / neighbours.len() as f64;
    let ratio = n * cosine / (1.0 + (n - 1.0) * cosine);
    // A single task vector has no neighbour; opposite ones have no finite ratio.
    vec![if ratio.is_finite() { ratio } else { 0.0 }]
}
