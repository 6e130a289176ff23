//! The comparison of two models: what it finds is told, and nothing is stored.

use std::sync::Arc;

use super::{
    Base, Default, Domain, Group, Lowering, MODELS, Method, Parameter, Range, Shape, Space,
};
use crate::kernel::{Formula, Kept, Measure, Measures, Node, Reduce, Scope, Ties};

/// The share of the entries of a task vector that count as its largest; 0 asks for none.
const DENSITY: Parameter = Parameter {
    name: "density",
    help: "share of the entries of each task vector that count as its largest",
    shape: Shape::Number(Default::Is(0.0), Range::Unit),
    per_model: false,
    per_element: false,
    complement: None,
};

/// Measures two models, or their task vectors to a base.
pub(crate) static COMPARE: Method = Method {
    id: "compare",
    summary: "measures how two models differ",
    formula: "Σ a², Σ b², Σ a b, Σ (b - a)², max |b - a|, counts",
    source: "",
    group: Group::Own,
    peers: &[],
    base: Base::Optional,
    models_min: 2,
    models_max: 2,
    inputs: MODELS,
    result: Domain::Only(Space::Weight),
    parameters: &[DENSITY],
    ratio: None,
    lower: &compare,
};

/// What is measured of a tensor.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Compared {
    pub(crate) non_finite: [u64; 2],
    pub(crate) squares: [f64; 2],
    pub(crate) products: f64,
    pub(crate) change_squares: f64,
    pub(crate) same_sign: u64,
    pub(crate) opposite_sign: u64,
    pub(crate) changed: u64,
    /// The greatest magnitude of a change, and the first element that has it.
    pub(crate) greatest: Option<(f64, u64)>,
    pub(crate) base_squares: Option<f64>,
    /// Of the largest entries: how many are not zero in each, and have the same sign and opposite
    /// ones in both.
    pub(crate) top: Option<[u64; 4]>,
}

impl Compared {
    /// From the numbers of the measures, in their order: a pair's first.
    pub(crate) fn of(numbers: &[f64]) -> Compared {
        let mut numbers = numbers.iter().copied();
        let mut next = || numbers.next();
        let mut number = || next().unwrap_or(0.0);
        let count = |number: f64| number as u64;
        let non_finite = [count(number()), count(number())];
        let squares = [number(), number()];
        let (products, change_squares) = (number(), number());
        let (same_sign, opposite_sign) = (count(number()), count(number()));
        let changed = count(number());
        let (magnitude, element) = (number(), number());
        let base_squares = next();
        let top: Vec<u64> = numbers.map(count).collect();
        Compared {
            non_finite,
            squares,
            products,
            change_squares,
            same_sign,
            opposite_sign,
            changed,
            greatest: (!element.is_nan()).then_some((magnitude, count(element))),
            base_squares,
            top: top.try_into().ok(),
        }
    }
}

/// Values, and what is measured of each.
#[derive(Default)]
struct Told {
    values: Vec<Node>,
    measures: Vec<Measure>,
}

impl Told {
    fn of(&mut self, measure: Measure, values: &[Node]) {
        self.values.extend(values);
        self.measures.push(measure);
    }
}

fn compare(l: &mut Lowering<'_>) -> Node {
    let base = l.base;
    let [a, b] = [l.models[0].node, l.models[1].node].map(|model| match base {
        Some(base) => l.call(Formula::Sub, &[model, base]),
        None => model,
    });
    let mut told = Told::default();
    told.of(Measure::Pair, &[a, b]);
    if let Some(base) = base {
        let base = l.call(Formula::Sound, &[base, a]);
        told.of(Measure::Sum, &[l.call(Formula::Mul, &[base, base])]);
        let density = l.parameters.number("density", 0);
        if density > 0.0 {
            let kept = Kept::Density(density);
            let [x, y] = [[a, b], [b, a]].map(|pair| {
                let sound = l.call(Formula::Sound, &pair);
                l.expression.trim(sound, kept, Ties::Exact, Scope::Tensor)
            });
            told.of(Measure::Counts, &[l.call(Formula::Presence, &[x, y])]);
            told.of(Measure::Counts, &[l.call(Formula::Signs, &[x, y])]);
        }
    }
    let measures = Measures(told.measures);
    let scalars = measures.scalars();
    let found = l
        .expression
        .reduced(&told.values, Arc::new(measures) as Arc<dyn Reduce>, scalars);
    // Nobody stores it; what it reads has to be found.
    l.expression.call(Formula::Fill, &found[..1])
}
