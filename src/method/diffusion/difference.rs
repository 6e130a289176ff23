//! Differences of models, added where something speaks for it.

use super::{Lowering, Method, Node, THREE, number, numbers, of, three};
use crate::kernel::{Derive, Formula, Made, RowSums};
use crate::method::Group;
use crate::method::Range;
use crate::method::peer::{chattiori, sd_mecha, sd_meh, supermerger};

/// What b learned over c, where a lacks it.
pub(in crate::method) static ADD_TRAIN_DIFFERENCE: Method = Method {
    id: "add_train_difference",
    summary: "adds what the second model learned over the third, as far as the first differs",
    formula: "a + 1.8 alpha (b - c) |b - a| / (|b - a| + |b - c|), 0/0 → 0",
    source: "",
    group: Group::Diffusion,
    peers: &[
        supermerger("trainDifference"),
        chattiori("TD"),
        sd_mecha("add_difference").but("by a `train_difference_mask`"),
    ],
    parameters: &[number("alpha", "how much is added", 1.0, Range::Finite)],
    ..of(THREE, &|l| {
        let [a, b, c] = three(l);
        let [alpha] = numbers(l, ["alpha"]);
        let learned = l.call(Formula::Sub, &[b, c]);
        let lacking = l.call(Formula::Sub, &[b, a]);
        let share = l.call(Formula::Share, &[lacking, learned]);
        let added = l.call(Formula::Mul, &[learned, share]);
        l.shift(a, added, 1.8 * alpha)
    })
};

/// From the sum with a difference to a plain sum where a and b are alike.
pub(in crate::method) static ADD_SIMILAR_DIFFERENCE: Method = Method {
    id: "add_similar_difference",
    summary: "adds a difference where two models differ, and mixes them where they are alike",
    formula: "(1-s) (a + alpha (b - c)) + s (a + alpha/2 (b - a)), \
        s = beta (ab / max(|a|, |b|)² + 1) / 2, 0/0 → 1",
    source: "",
    group: Group::Diffusion,
    peers: &[
        sd_meh("similarity_add_difference"),
        chattiori("SIM").but("before its adjustment"),
    ],
    parameters: &[
        number("alpha", "how much is added", 0.5, Range::Finite),
        number("beta", "weight of the likeness", 0.5, Range::Finite),
    ],
    ..of(THREE, &|l| {
        let [a, b, c] = three(l);
        let [alpha, beta] = numbers(l, ["alpha", "beta"]);
        let learned = l.call(Formula::Sub, &[b, c]);
        let raised = l.shift(a, learned, alpha);
        let apart = l.call(Formula::Sub, &[b, a]);
        let mixed = l.shift(a, apart, alpha / 2.0);
        let weight = l.scalar(beta);
        let operands = [a.into(), b.into(), weight];
        let likeness = l.expression.call(Formula::Likeness, &operands);
        l.call(Formula::LerpEach, &[raised, mixed, likeness])
    })
};

/// torch's least norm where it finds a cosine.
const NORM_MIN: f64 = 1e-8;

/// What two models have in common over their origin.
pub(in crate::method) static ADD_COMMON_FEATURES: Method = Method {
    id: "add_common_features",
    summary: "adds what two models learned over a third, by the likeness of its rows",
    formula: "a + ((1-alpha) (b - a) + alpha (c - a)) ((1-beta) d + beta (1 - d)), \
        d = ((cos + 1) / 2)^gamma, cos of b - a and c - a along the last dimension",
    source: "",
    group: Group::Diffusion,
    peers: &[supermerger("extract")],
    parameters: &[
        number("alpha", "ratio from b (0) to c (1)", 0.5, Range::Finite),
        number(
            "beta",
            "what is alike (0) or what differs (1)",
            0.0,
            Range::Finite,
        ),
        number("gamma", "how sharply likeness counts", 1.0, Range::Positive),
    ],
    ..of(THREE, &add_common_features)
};

fn add_common_features(l: &mut Lowering<'_>) -> Node {
    let [a, b, c] = three(l);
    let [alpha, beta, gamma] = numbers(l, ["alpha", "beta", "gamma"]);
    let learned = [b, c].map(|model| l.call(Formula::Sub, &[model, a]));
    let share = l.expression.make(Made::Rows(RowSums {
        values: learned.to_vec(),
        products: vec![(0, 0), (1, 1), (0, 1)],
        derive: Derive {
            function: |sums, parameters| {
                let (beta, gamma) = (parameters[0], parameters[1]);
                let norms = [sums[0], sums[1]].map(|square| square.sqrt().max(NORM_MIN));
                let cosine = (sums[2] / (norms[0] * norms[1])).clamp(-1.0, 1.0);
                let alike = f64::midpoint(cosine, 1.0).powf(gamma);
                vec![alike + beta * (1.0 - 2.0 * alike)]
            },
            parameters: vec![beta, gamma],
        },
    }));
    let mixed = l.mean(&[(learned[0], 1.0 - alpha), (learned[1], alpha)]);
    let added = l.call(Formula::Mul, &[mixed, share]);
    l.shift(a, added, 1.0)
}
