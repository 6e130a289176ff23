//! Model stock: between the base and the mean of the models, by how much the task vectors agree.

use super::mecha::flag;
use super::peer::mergekit;
use super::steps::rounded;
use super::{Base, Domain, Group, Lowering, MODELS, Method, Parameter, Space};
use crate::kernel::{Derive, Formula, Made, Node, RowSums};

/// Products of norms below this count as this, and so do denominators of the ratio as none.
const LEAST: f64 = 1e-6;

/// Whether rows are merged one by one.
pub(super) const FILTER_WISE: Parameter = flag(
    "filter_wise",
    "work on each row of the last dimension by itself instead of on each tensor",
    false,
);

/// Model stock.
pub(super) static MODEL_STOCK: Method = Method {
    id: "model_stock",
    summary: "moves the base towards the mean of the models by how much the task vectors agree",
    formula: "t Σ mᵢ / n + (1 - t) b, t = n c / (1 + (n-1) c), c the mean cosine of all pairs of \
        mᵢ - b",
    source: "Jang et al., arXiv:2403.19522",
    group: Group::Geometry,
    peers: &[mergekit("model_stock")],
    base: Base::Required,
    models_min: 2,
    models_max: usize::MAX,
    inputs: MODELS,
    result: Domain::Only(Space::Weight),
    parameters: &[FILTER_WISE],
    ratio: None,
    lower: &model_stock,
};

fn model_stock(l: &mut Lowering<'_>) -> Node {
    let (base, models) = (l.base(), l.values());
    if models.len() < 2 {
        // One task vector says nothing about agreement.
        return base;
    }
    let ratio = stock_ratio(l);
    let count = models.len() as f64;
    if !l.is_stepwise() {
        let terms: Vec<(Node, f64)> = models.iter().map(|&node| (node, 1.0 / count)).collect();
        let mean = l.mean(&terms);
        let far = l.call(Formula::Sub, &[mean, base]);
        let far = l.call(Formula::Mul, &[far, ratio]);
        return l.shift(base, far, 1.0);
    }
    let mut sum = models[0];
    for &model in &models[1..] {
        sum = l.stepped_total(&[sum, model]);
    }
    let count = l.scalar(count);
    let mean = l.divided(sum, count);
    l.between(base, mean, ratio)
}

impl Lowering<'_> {
    /// (1 - w) a + w b, with a rounding after every step.
    pub(super) fn between(&mut self, a: Node, b: Node, w: Node) -> Node {
        let one = self.constant(1.0);
        let rest = self.call(Formula::Sub, &[one, w]);
        let rest = self.step(rest);
        let parts = [self.product(w, b), self.product(rest, a)];
        self.stepped_total(&parts)
    }
}

/// The ratio t of each element's tensor or row.
fn stock_ratio(l: &mut Lowering<'_>) -> Node {
    let deltas: Vec<Node> = l.deltas().into_iter().map(|delta| delta.node).collect();
    let count = deltas.len();
    let squares = (0..count).map(|one| (one, one));
    let pairs = (0..count).flat_map(|one| (one + 1..count).map(move |other| (one, other)));
    let products: Vec<(usize, usize)> = squares.chain(pairs).collect();
    let derive = Derive {
        function: ratio,
        parameters: vec![count as f64, l.step_code()],
    };
    let rows = l.parameters.flag("filter_wise");
    if rows && !l.is_stepwise() {
        return l.expression.make(Made::Rows(RowSums {
            values: deltas,
            products,
            derive,
        }));
    }
    let product = |&(one, other): &(usize, usize)| match one == other {
        true => l.call(Formula::Mul, &[deltas[one], deltas[one]]),
        false => l.product(deltas[one], deltas[other]),
    };
    let products: Vec<Node> = products.iter().map(product).collect();
    if rows {
        let sums = l.row_sums(&products, derive);
        return l.expression.make(Made::Rows(sums));
    }
    let ratio = l.expression.sums(&products, derive, 1);
    l.expression.call(Formula::Fill, &ratio)
}

/// The ratio from the squares of n task vectors and the products of their pairs.
fn ratio(sums: &[f64], parameters: &[f64]) -> Vec<f64> {
    let (count, code) = (parameters[0], parameters[1]);
    let round = |value| rounded(value, code);
    let (squares, products) = sums.split_at(count as usize);
    let norms: Vec<f64> = squares.iter().map(|sum| round(sum.sqrt())).collect();
    let pairs = (0..norms.len()).flat_map(|one| (one + 1..norms.len()).map(move |k| (one, k)));
    let cosines = pairs.zip(products).map(|((one, other), product)| {
        let norms = round(norms[one] * norms[other]).max(round(LEAST));
        round(round(*product) / norms).clamp(-1.0, 1.0)
    });
    let cosine = round(cosines.sum::<f64>() / products.len() as f64);
    let denominator = round(1.0 + round((count - 1.0) * cosine));
    // Of task vectors that cancel out nothing is taken.
    let ratio = match denominator.abs() < LEAST {
        true => 0.0,
        false => round(round(count * cosine) / denominator),
    };
    vec![ratio]
}
