//! Sums of whole models.

use super::{Lowering, Method, Node, THREE, TWO, number, numbers, of, three, two};
use crate::kernel::{Derive, Formula};
use crate::method::peer::{chattiori, sd_meh, supermerger};
use crate::method::{Group, Input, Range};

/// (1 - alpha - beta) a + alpha b + beta c.
pub(in crate::method) static TRIPLE_SUM: Method = Method {
    id: "triple_sum",
    summary: "the weighted sum of three models",
    formula: "(1 - alpha - beta) a + alpha b + beta c",
    source: "",
    group: Group::Averages,
    peers: &[
        supermerger("Triple sum"),
        sd_meh("triple_sum"),
        chattiori("TRS"),
    ],
    parameters: &[
        number("alpha", "weight of b", 0.5, Range::Finite),
        number("beta", "weight of c", 0.25, Range::Finite),
    ],
    ..of(THREE, &|l| {
        let [alpha, beta] = numbers(l, ["alpha", "beta"]);
        weighted(l, [1.0 - alpha - beta, alpha, beta])
    })
};

/// A weighted sum, and then another.
pub(in crate::method) static SUM_TWICE: Method = Method {
    id: "sum_twice",
    summary: "the weighted sum of two models, and then of that and a third",
    formula: "(1 - beta) ((1 - alpha) a + alpha b) + beta c",
    source: "",
    group: Group::Averages,
    peers: &[
        supermerger("sum Twice"),
        sd_meh("sum_twice"),
        chattiori("ST"),
    ],
    parameters: &[
        number("alpha", "ratio from a (0) to b (1)", 0.5, Range::Finite),
        number("beta", "ratio from there (0) to c (1)", 0.25, Range::Finite),
    ],
    ..of(THREE, &|l| {
        let [alpha, beta] = numbers(l, ["alpha", "beta"]);
        let rest = 1.0 - beta;
        weighted(l, [rest * (1.0 - alpha), rest * alpha, beta])
    })
};

/// What is left of a without b.
pub(in crate::method) static WEIGHTED_SUBTRACTION: Method = Method {
    id: "weighted_subtraction",
    summary: "takes a share of the second model out of the first",
    formula: "(a - alpha beta b) / (1 - alpha beta)",
    source: "",
    group: Group::Diffusion,
    peers: &[sd_meh("weighted_subtraction")],
    parameters: &[
        number("alpha", "share of b in a", 0.5, Range::Finite),
        number(
            "beta",
            "how much of that share is taken out",
            0.5,
            Range::Finite,
        ),
    ],
    ..of(TWO, &|l| {
        let [alpha, beta] = numbers(l, ["alpha", "beta"]);
        let share = alpha * beta;
        let [a, b] = two(l);
        l.mean(&[(a, 1.0 / (1.0 - share)), (b, -share / (1.0 - share))])
    })
};

/// Parts of names whose tensors supermerger does not scale.
pub(super) const NOT_SCALED: [&str; 3] = ["to_out", "proj_out", "norm"];

/// A multiple of a model.
pub(in crate::method) static SCALE_WEIGHTS: Method = Method {
    id: "scale_weights",
    summary: "a multiple of a model, norms and output projections apart",
    formula: "alpha a; a itself where alpha is 0 or the name has `to_out`, `proj_out` or `norm`",
    source: "",
    group: Group::Diffusion,
    peers: &[supermerger("self")],
    parameters: &[number("alpha", "the factor", 1.0, Range::Finite)],
    ..of(&[Input::weight("a")], &|l| {
        let a = l.input("a");
        let [alpha] = numbers(l, ["alpha"]);
        match alpha == 0.0 || NOT_SCALED.iter().any(|part| l.key.contains(part)) {
            true => a,
            false => l.scale(a, alpha),
        }
    })
};

/// Some rows of b, the others of a.
pub(in crate::method) static SLICE_SUM: Method = Method {
    id: "slice_sum",
    summary: "takes a slice of rows from the second model",
    formula: "of n rows those from int(beta n) up to int((alpha + beta) n) from b, the others from \
        a; if alpha + beta > 1, from int((alpha + beta - 1) n) up to int(beta n) from a, the \
        others from b. 0-d tensors are a's",
    source: "",
    group: Group::Parts,
    peers: &[supermerger("tensor"), sd_meh("tensor_sum"), chattiori("TS")],
    parameters: &[
        number("alpha", "share of the rows that are b's", 0.5, Range::Unit),
        number("beta", "where they begin, as a share", 0.0, Range::Unit),
    ],
    ..of(TWO, &|l| {
        let [alpha, beta] = numbers(l, ["alpha", "beta"]);
        let [a, b] = two(l);
        let Some(&rows) = l.shape.first() else {
            return a;
        };
        let row = |share: f64| (rows as f64 * share) as u64;
        match alpha + beta <= 1.0 {
            true => l.rows([row(beta), row(alpha + beta)], b, a),
            false => l.rows([row(alpha + beta - 1.0), row(beta)], a, b),
        }
    })
};

/// Directions and norms on lines of their own.
pub(in crate::method) static NORMALIZED_SUM: Method = Method {
    id: "normalized_sum",
    summary: "the weighted sum of two directions, at the weighted sum of their norms",
    formula: "n u/|u|, u = (1-alpha) a/|a| + alpha b/|b|, n = (1-alpha) |a| + alpha |b|; linear \
        where a direction is not defined",
    source: "",
    group: Group::Geometry,
    peers: &[chattiori("NORM")],
    parameters: &[number(
        "alpha",
        "ratio from a (0) to b (1)",
        0.5,
        Range::Finite,
    )],
    ..of(TWO, &normalized_sum)
};

/// A sum of three under weights that add up to one.
fn weighted(l: &mut Lowering<'_>, weights: [f64; 3]) -> Node {
    let values = three(l);
    let terms = [0, 1, 2].map(|at| (values[at], weights[at]));
    l.mean(&terms)
}

fn normalized_sum(l: &mut Lowering<'_>) -> Node {
    let [a, b] = two(l);
    let [alpha] = numbers(l, ["alpha"]);
    let products = [(a, a), (b, b), (a, b)].map(|(x, y)| l.call(Formula::Mul, &[x, y]));
    let derive = Derive {
        function: |sums, parameters| {
            let t = parameters[0];
            let [norm_a, norm_b] = [sums[0], sums[1]].map(f64::sqrt);
            let [u, v] = [(1.0 - t) / norm_a, t / norm_b];
            let square = u * u * sums[0] + 2.0 * u * v * sums[2] + v * v * sums[1];
            let norm = (1.0 - t) * norm_a + t * norm_b;
            let factors = vec![u * norm / square.sqrt(), v * norm / square.sqrt()];
            match factors.iter().all(|factor| factor.is_finite()) {
                true => factors,
                false => vec![1.0 - t, t],
            }
        },
        parameters: vec![alpha],
    };
    let factors = l.expression.sums(&products, derive, 2);
    let operands = [a.into(), b.into(), factors[0], factors[1]];
    l.expression.call(Formula::Blend, &operands)
}
