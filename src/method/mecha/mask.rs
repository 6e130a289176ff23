//! Masks: ratios per element for the `alpha` of other methods.

use super::amount;
use crate::kernel::{Formula, Node};
use crate::method::peer::{sd_mecha, supermerger};
use crate::method::{
    Amount, Base, Domain, Group, Input, Lower, Lowering, Method, Parameter, Peer, Space,
};

const ALPHA: Parameter = amount("alpha", "strength of the mask", 1.0);
const ABC: &[Input] = &[Input::same("a"), Input::same("b"), Input::same("c")];

/// How much more b differs from a than from c.
pub(super) static TRAIN_DIFFERENCE_MASK: Method = mask(
    "train_difference_mask",
    "how much of what separates b from a and c separates it from a",
    "1.8 alpha |b - a| / (|b - a| + |b - c|), 0/0 → 0",
    &[
        sd_mecha("train_difference_mask"),
        supermerger("trainDifference").but("the factor in it"),
    ],
    &train_difference_mask,
);

/// Where a and b lie on opposite sides of c.
pub(super) static ADD_OPPOSITE_MASK: Method = mask(
    "add_opposite_mask",
    "how far a and b lie on opposite sides of c",
    "2 alpha |a - b| / (|a - b| + |a + b - 2c|), 0/0 → 0",
    &[sd_mecha("add_opposite_mask")],
    &add_opposite_mask,
);

/// Where a and b lie strictly on opposite sides of c.
pub(super) static ADD_STRICT_OPPOSITE_MASK: Method = mask(
    "add_strict_opposite_mask",
    "how evenly a and b lie on opposite sides of c; 0 where they lie on one",
    "2 alpha max(0, (c - a)(b - c) / max(|a - c|, |b - c|)²), 0/0 → 0",
    &[sd_mecha("add_strict_opposite_mask")],
    &add_strict_opposite_mask,
);

const fn mask(
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
        group: Group::Masks,
        peers,
        base: Base::None,
        models_min: 3,
        models_max: 3,
        inputs: ABC,
        result: Domain::Only(Space::Param),
        parameters: &[ALPHA],
        ratio: None,
        lower,
    }
}

fn train_difference_mask(l: &mut Lowering<'_>) -> Node {
    let [a, b, c] = triple(l);
    let from_a = l.call(Formula::Sub, &[b, a]);
    let from_c = l.call(Formula::Sub, &[b, c]);
    let share = l.call(Formula::Share, &[from_a, from_c]);
    strengthen(l, share, 1.8)
}

fn add_opposite_mask(l: &mut Lowering<'_>) -> Node {
    let [a, b, c] = triple(l);
    let apart = l.call(Formula::Sub, &[a, b]);
    let sum = l.call(Formula::Add, &[a, b]);
    let off_centre = l.add_scaled(sum, c, -2.0);
    let share = l.call(Formula::Share, &[apart, off_centre]);
    strengthen(l, share, 2.0)
}

fn add_strict_opposite_mask(l: &mut Lowering<'_>) -> Node {
    let [a, b, c] = triple(l);
    let before = l.call(Formula::Sub, &[c, a]);
    let after = l.call(Formula::Sub, &[b, c]);
    let accord = l.call(Formula::Accord, &[before, after]);
    strengthen(l, accord, 2.0)
}

/// The mask times a factor and alpha.
fn strengthen(l: &mut Lowering<'_>, mask: Node, factor: f64) -> Node {
    match l.amount("alpha") {
        Amount::Number(alpha) => l.scale(mask, factor * alpha),
        Amount::Each(alpha) => {
            let strong = l.scale(mask, factor);
            l.call(Formula::Mul, &[strong, alpha])
        }
    }
}

fn triple(l: &Lowering<'_>) -> [Node; 3] {
    ["a", "b", "c"].map(|name| l.input(name))
}
