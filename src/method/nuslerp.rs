//! Spherical interpolation by weights, of models or of task vectors, of tensors or of rows.

use super::linear::WEIGHT;
use super::peer::mergekit;
use super::steps::rounded;
use super::woven::Products;
use super::{Base, Domain, Group, Input, Lowering, Method, Parameter, Shape, Space};
use crate::kernel::{Derive, Formula, Made, Node, RowSums};

/// Weights that add up to less stand for equal ones.
const SUM_MIN: f64 = 1e-6;
/// Norms below this count as this.
const NORM_MIN: f64 = 1e-7;
/// Squares of sines up to this are of no arc.
const SQUARE_MIN: f64 = 1e-16;

/// What is turned by an angle of its own.
const ANGLES: Parameter = Parameter {
    name: "angles",
    help: "what has an angle of its own",
    shape: Shape::Choice(&[
        ("tensor", "each tensor"),
        (
            "row",
            "each row of the last dimension (mergekit's nuslerp_flatten: false)",
        ),
        (
            "column",
            "all that differs along the first dimension alone (its nuslerp_row_wise)",
        ),
    ]),
    per_model: false,
    per_element: false,
    complement: None,
};

/// NuSLERP.
pub(super) static NUSLERP: Method = Method {
    id: "nuslerp",
    summary: "spherical interpolation of two models, or of their task vectors, by their weights",
    formula: "(sin((1-t)θ) a + sin(tθ) b) / sin θ, t = w_b / (w_a + w_b), θ = angle(a, b); of a - \
        base and b - base on top of the base where there is one; linear where sin θ = 0",
    source: "Shoemake, SIGGRAPH 1985",
    group: Group::Geometry,
    peers: &[mergekit("nuslerp")],
    base: Base::Optional,
    models_min: 2,
    models_max: 2,
    inputs: &[Input::weight("a"), Input::weight("b")],
    result: Domain::Only(Space::Weight),
    parameters: &[WEIGHT, ANGLES],
    ratio: None,
    lower: &nuslerp,
};

fn nuslerp(l: &mut Lowering<'_>) -> Node {
    let weights = l.weights();
    let sum: f64 = weights.iter().sum();
    let t = match sum.abs() < SUM_MIN {
        true => 0.5,
        false => weights[1] / sum,
    };
    let values = l.origin_values();
    let part = match l.parameters.word("angles") {
        "row" => Part::Row,
        "column" => Part::Column,
        _ => Part::Tensor,
    };
    let merged = match (part, l.is_stepwise()) {
        (_, true) => in_steps(l, &values, t, part),
        (Part::Tensor, _) => by_tensors(l, &values, t),
        _ => by_parts(l, &values, t, part),
    };
    l.on_base(merged)
}

/// What has an angle of its own.
#[derive(Clone, Copy)]
enum Part {
    Tensor,
    Row,
    Column,
}

impl Part {
    /// Numbers that are made of a value's sum over the part. `derive` is told which comes first.
    fn numbers(
        self,
        l: &mut Lowering<'_>,
        value: Node,
        derive: impl Fn(usize) -> Derive,
        count: usize,
    ) -> Vec<Node> {
        match self {
            Part::Tensor => {
                let numbers = l.expression.sums(&[value], derive(0), count);
                let each = numbers.into_iter();
                each.map(|number| l.expression.call(Formula::Fill, &[number]))
                    .collect()
            }
            Part::Row | Part::Column => {
                let numbers = (0..count).map(|number| {
                    let sums = l.row_sums(&[value], derive(number));
                    self.made(l, sums)
                });
                numbers.collect()
            }
        }
    }

    /// A number for each row or column.
    fn made(self, l: &mut Lowering<'_>, sums: RowSums) -> Node {
        l.expression.make(match self {
            Part::Column => Made::Columns(sums),
            Part::Row | Part::Tensor => Made::Rows(sums),
        })
    }
}

/// u a + v b, as (u + v) a + v (b - a): equal models stay as they are.
fn by_tensors(l: &mut Lowering<'_>, values: &[Node], t: f64) -> Node {
    let derive = Derive {
        function: |sums, parameters| {
            let [u, v] = shares(sums, parameters[0]);
            vec![u + v, v]
        },
        parameters: vec![t],
    };
    let factors = l.factors(values, derive);
    let scaled = [values[0].into(), factors[0]];
    let scaled = l.expression.call(Formula::Scale, &scaled);
    let difference = l.call(Formula::Sub, &[values[1], values[0]]);
    let operands = [scaled.into(), difference.into(), factors[1]];
    l.expression.call(Formula::ShiftScaled, &operands)
}

/// Each row or column by an angle of its own.
fn by_parts(l: &mut Lowering<'_>, values: &[Node], t: f64, part: Part) -> Node {
    let mut factor = |function| {
        let sums = RowSums {
            values: values.to_vec(),
            products: vec![(0, 0), (0, 1), (1, 1)],
            derive: Derive {
                function,
                parameters: vec![t],
            },
        };
        part.made(l, sums)
    };
    let first = factor(|sums, parameters| vec![shares(sums, parameters[0])[0]]);
    let second = factor(|sums, parameters| vec![shares(sums, parameters[0])[1]]);
    let own = l.call(Formula::Mul, &[values[0], first]);
    l.call(Formula::AxpyEach, &[own, values[1], second])
}

/// With a rounding after every step.
fn in_steps(l: &mut Lowering<'_>, values: &[Node], t: f64, part: Part) -> Node {
    let mut units = Vec::new();
    for &value in values {
        let square = l.call(Formula::Mul, &[value, value]);
        let norm = l.norm_of(NORM_MIN, 0.0);
        let norm = part.numbers(l, square, |_| norm.clone(), 1);
        let unit = l.call(Formula::Mean, &[value, norm[0]]);
        units.push(l.step(unit));
    }
    let product = l.product(units[0], units[1]);
    let code = l.step_code();
    let derive = |first| Derive {
        function: stepped_shares,
        parameters: vec![t, code, first as f64],
    };
    let factors = part.numbers(l, product, derive, 3);
    let parts = [
        l.product(values[0], factors[0]),
        l.product(values[1], factors[1]),
    ];
    let sum = l.stepped_total(&parts);
    let merged = l.call(Formula::Mean, &[sum, factors[2]]);
    l.step(merged)
}

/// The factors of two values by the cosine of their angle, and what their sum is divided by, from
/// one of these on.
fn stepped_shares(sums: &[f64], parameters: &[f64]) -> Vec<f64> {
    let (t, code, first) = (parameters[0], parameters[1], parameters[2] as usize);
    let round = |value| rounded(value, code);
    let cosine = round(sums[0]).clamp(-1.0, 1.0);
    if round(1.0 - round(cosine * cosine)) <= SQUARE_MIN {
        return [1.0 - t, t, 1.0][first..].to_vec();
    }
    let angle = round(cosine.acos());
    let sine = |angle: f64| round(round(angle).sin());
    [sine((1.0 - t) * angle), sine(t * angle), sine(angle)][first..].to_vec()
}

/// The factors of two values from their products.
fn shares(sums: &[f64], t: f64) -> [f64; 2] {
    let products = Products::new(sums, 2);
    let norms = [0, 1].map(|one| products.norm(one).max(NORM_MIN));
    let cosine = (products.of(0, 1) / (norms[0] * norms[1])).clamp(-1.0, 1.0);
    // As f32, in which an angle near none, or near opposite, cannot be told from it.
    let seen = cosine as f32;
    if f64::from(1.0 - seen * seen) <= SQUARE_MIN {
        return [1.0 - t, t];
    }
    let angle = cosine.acos();
    [
        ((1.0 - t) * angle).sin() / angle.sin(),
        (t * angle).sin() / angle.sin(),
    ]
}
