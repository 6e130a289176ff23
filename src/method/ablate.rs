//! Abliteration, the step that applies a direction: takes it out of what a model's matrices write.

use super::mecha::{flag, number};
use super::{Base, Domain, Group, Input, Lowering, Method, Parameter, Range, Shape, Space};
use crate::kernel::{Derive, Formula, Made, Node, RowSums};

/// To which dimension of a matrix the direction belongs.
const SIDE: Parameter = Parameter {
    name: "side",
    help: "to which dimension of a tensor the direction belongs",
    shape: Shape::Choice(&[
        ("output", "the first: what a matrix writes"),
        ("input", "the last: what a matrix reads"),
    ]),
    per_model: false,
    per_element: false,
    complement: None,
};

/// Ablates a direction.
pub(super) static ABLATE: Method = Method {
    id: "ablate",
    summary: "takes a direction that was found beforehand out of a model's matrices",
    formula: "a - alpha r (rᵀ a) / |r|², r the second input, less its part along the third where \
        there is one; with keep_norms a's rows are units before, and have their norms after. \
        Directions have a's names, and a's shape under `--shape expand`: [out, 1], or [in] for \
        side=input",
    source: "Arditi et al., arXiv:2406.11717; the third input and keep_norms after grimjim",
    group: Group::Geometry,
    peers: &[],
    base: Base::None,
    models_min: 2,
    models_max: 3,
    inputs: &[Input::weight("a"), Input::weight("directions")],
    result: Domain::Only(Space::Weight),
    parameters: &[
        number("alpha", "how much of it is taken out", 1.0, Range::Finite),
        SIDE,
        flag("keep_norms", "keep the norms of a's rows", false),
    ],
    ratio: Some("alpha"),
    lower: &ablate,
};

fn ablate(l: &mut Lowering<'_>) -> Node {
    let a = l.input("a");
    let alpha = l.parameters.number("alpha", 0);
    let given = |position| {
        let mut models = l.models.iter();
        let known = models.find(|model| model.position == position);
        known.map(|model| model.node)
    };
    let (direction, other) = (given(1), given(2));
    // Where the model itself stands in for a direction that is missing, there is none.
    let direction = direction.filter(|own| alpha != 0.0 && *own != a);
    let Some(mut direction) = direction else {
        return a;
    };
    if let Some(other) = other {
        direction = across(l, direction, other);
    }
    let norms = l.parameters.flag("keep_norms").then(|| row_norms(l, a));
    let units = match norms {
        Some(norms) => l.call(Formula::Mean, &[a, norms]),
        None => a,
    };
    let part = RowSums {
        values: vec![units, direction],
        products: vec![(0, 1), (1, 1)],
        derive: share(),
    };
    let part = l.expression.make(match l.parameters.word("side") {
        "input" => Made::Rows(part),
        _ => Made::Columns(part),
    });
    let along = l.call(Formula::Mul, &[direction, part]);
    let left = l.shift(units, along, -alpha);
    match norms {
        Some(norms) => {
            let own = row_norms(l, left);
            let units = l.call(Formula::Mean, &[left, own]);
            l.call(Formula::Mul, &[units, norms])
        }
        None => left,
    }
}

/// x y / y y, 0 where there is no y.
fn share() -> Derive {
    Derive {
        function: |sums, _| {
            vec![if sums[1] > 0.0 {
                sums[0] / sums[1]
            } else {
                0.0
            }]
        },
        parameters: Vec::new(),
    }
}

/// What of one value is perpendicular to another.
fn across(l: &mut Lowering<'_>, value: Node, other: Node) -> Node {
    let products = [value, other].map(|own| l.call(Formula::Mul, &[own, other]));
    let share = l.expression.sums(&products, share(), 1)[0];
    let along = l.expression.call(Formula::Scale, &[other.into(), share]);
    l.call(Formula::Sub, &[value, along])
}

/// The norms of a value's rows.
fn row_norms(l: &mut Lowering<'_>, value: Node) -> Node {
    l.expression.make(Made::Rows(RowSums {
        values: vec![value],
        products: vec![(0, 0)],
        derive: Derive {
            function: |sums, _| vec![sums[0].sqrt()],
            parameters: Vec::new(),
        },
    }))
}
