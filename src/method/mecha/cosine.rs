//! Sums that hold on to what two models have in common, by the cosines of their columns.

use super::amount;
use super::linear::pair;
use crate::kernel::{Derive, Formula, Made, Node, RowSums};
use crate::method::peer::{sd_mecha, supermerger};
use crate::method::{
    Amount, Base, Domain, Group, Input, Lower, Lowering, Method, Parameter, Peer, Space,
};

/// torch's least norm where it divides a vector by its norm, and where it finds a cosine.
const NORM_MIN: f64 = 1e-12;
const COSINE_NORM_MIN: f64 = 1e-8;

const MODELS: &[Input] = &[Input::weight("a"), Input::weight("b")];
const ALPHA: Parameter = amount("alpha", "cosine up to which b is taken", 1.0);

/// How supermerger's form differs.
const SCALED: &str = "which scales by the models' extremes";

/// By the cosines of the columns.
pub(super) static ADD_COSINE_A: Method = add_cosine(
    "add_cosine_a",
    "from b to a where their columns are alike",
    "a + k (b - a), k = 1 - max(0, min(1, cos - alpha)), cos of each column: along dimension 0",
    &[sd_mecha("add_cosine_a"), supermerger("cosineA").but(SCALED)],
    &|l| add_cosine_of(l, true),
);

/// By the cosines of the columns and of the tensors.
pub(super) static ADD_COSINE_B: Method = add_cosine(
    "add_cosine_b",
    "from b to a where their columns and the tensors are alike",
    "a + k (b - a), k = 1 - max(0, min(1, (cos + whole)/2 - alpha)), cos of each column, whole of \
        the tensors",
    &[sd_mecha("add_cosine_b"), supermerger("cosineB").but(SCALED)],
    &|l| add_cosine_of(l, false),
);

const fn add_cosine(
    id: &'static str,
    summary: &'static str,
    formula: &'static str,
    peers: &'static [Peer],
    lower: Lower,
) -> Method {
    Method {
        id,
        summary,
        formula,
        source: "",
        group: Group::Averages,
        peers,
        base: Base::None,
        models_min: 2,
        models_max: 2,
        inputs: MODELS,
        result: Domain::Only(Space::Weight),
        parameters: &[ALPHA],
        ratio: Some("alpha"),
        lower,
    }
}

fn add_cosine_of(l: &mut Lowering<'_>, normalizes: bool) -> Node {
    let [a, b] = pair(l);
    let columns = l.expression.make(Made::Columns(RowSums {
        values: vec![a, b],
        products: vec![(0, 0), (1, 1), (0, 1)],
        derive: Derive {
            function: column_cosine,
            parameters: vec![if normalizes { NORM_MIN } else { 0.0 }],
        },
    }));
    let alike = match normalizes {
        true => columns,
        false => {
            let products = [(a, a), (b, b), (a, b)].map(|(x, y)| l.call(Formula::Mul, &[x, y]));
            let derive = Derive {
                function: |sums, _| vec![cosine([sums[0], sums[1]].map(f64::sqrt), sums[2], 0.0)],
                parameters: Vec::new(),
            };
            let whole = l.expression.sums(&products, derive, 1)[0];
            let sum = l.expression.call(Formula::Raise, &[columns.into(), whole]);
            l.scale(sum, 0.5)
        }
    };
    let beyond = match l.amount("alpha") {
        Amount::Number(alpha) => {
            let alpha = l.scalar(-alpha);
            l.expression.call(Formula::Raise, &[alike.into(), alpha])
        }
        Amount::Each(alpha) => l.call(Formula::Sub, &[alike, alpha]),
    };
    let kept = l.call(Formula::Unit, &[beyond]);
    let lost = l.scale(kept, -1.0);
    let one = l.scalar(1.0);
    let ratio = l.expression.call(Formula::Raise, &[lost.into(), one]);
    l.call(Formula::LerpEach, &[a, b, ratio])
}

/// The cosine of a column, of vectors that are divided by their norms before if the parameter is
/// not 0 but a least norm.
fn column_cosine(sums: &[f64], parameters: &[f64]) -> Vec<f64> {
    let norms = [sums[0], sums[1]].map(f64::sqrt);
    if parameters[0] == 0.0 {
        return vec![cosine(norms, sums[2], COSINE_NORM_MIN)];
    }
    let divisors = norms.map(|norm| norm.max(parameters[0]));
    let unit = [norms[0] / divisors[0], norms[1] / divisors[1]];
    let product = sums[2] / (divisors[0] * divisors[1]);
    vec![cosine(unit, product, COSINE_NORM_MIN)]
}

/// The cosine of vectors of these norms, or of a least norm; 0 where it is not defined.
fn cosine(norms: [f64; 2], product: f64, least: f64) -> f64 {
    let cosine = product / (norms[0].max(least) * norms[1].max(least));
    if cosine.is_finite() { cosine } else { 0.0 }
}
