//! Methods that hang on all elements of a tensor.

use super::{Lowering, Method, Node, THREE, TWO, number, numbers, of, three, two};
use crate::kernel::Formula;
use crate::kernel::host::{ColumnSlice, RankedCrossover, Smooth};
use crate::method::peer::{chattiori, sd_meh, supermerger};
use crate::method::{Group, Range};

/// A smoothed difference.
pub(in crate::method) static ADD_SMOOTH_DIFFERENCE: Method = Method {
    id: "add_smooth_difference",
    summary: "adds the difference of two models to a third, smoothed in all dimensions",
    formula: "a + alpha g(m(b - c)), m the median of 3 elements in every dimension, g a Gaussian \
        of σ = 1 up to 4 elements, mirrored at the edges",
    source: "",
    group: Group::Diffusion,
    peers: &[
        supermerger("smoothAdd"),
        supermerger("smoothAdd MT"),
        chattiori("sAD"),
    ],
    parameters: &[number("alpha", "how much is added", 1.0, Range::Finite)],
    ..of(THREE, &|l| {
        let [a, b, c] = three(l);
        let [alpha] = numbers(l, ["alpha"]);
        let difference = l.call(Formula::Sub, &[b, c]);
        let smooth = l.expression.host(Smooth, &[difference]);
        l.shift(a, smooth, alpha)
    })
};

/// Some columns of b, the others of a.
pub(in crate::method) static COLUMN_SLICE_SUM: Method = Method {
    id: "column_slice_sum",
    summary: "takes a slice of columns from the second model",
    formula: "slice_sum along the second dimension where there are two; n is its length if that is \
        above 100, else the first's",
    source: "",
    group: Group::Parts,
    peers: &[supermerger("tensor2")],
    parameters: &[
        number(
            "alpha",
            "share of the columns that are b's",
            0.5,
            Range::Unit,
        ),
        number("beta", "where they begin, as a share", 0.0, Range::Unit),
    ],
    ..of(TWO, &column_slice_sum)
};

/// A length from which on the second dimension counts.
const LONG: u64 = 100;

fn column_slice_sum(l: &mut Lowering<'_>) -> Node {
    let [a, b] = two(l);
    let [alpha, beta] = numbers(l, ["alpha", "beta"]);
    let count = match *l.shape {
        [] => return a,
        [rows] => rows,
        [_, columns, ..] if columns > LONG => columns,
        [rows, ..] => rows,
    };
    let at = |share: f64| (count as f64 * share) as u64;
    let (ends, inside, outside) = match alpha + beta <= 1.0 {
        true => ([at(beta), at(alpha + beta)], b, a),
        false => ([at(alpha + beta - 1.0), at(beta)], a, b),
    };
    if l.shape.len() == 1 {
        return l.rows(ends, inside, outside);
    }
    let [start, end] = ends;
    l.expression
        .host(ColumnSlice { start, end }, &[inside, outside])
}

/// Low frequencies of a, high ones of b, in the order of c.
pub(in crate::method) static DISTRIBUTION_CROSSOVER: Method = Method {
    id: "distribution_crossover",
    summary: "mixes two models in the frequencies of their elements in the order of a third's",
    formula: "F⁻¹((1 - f) F(a) + f F(b)) of the elements sorted by c, f = (k/n - alpha) / beta + ½ \
        within [0, 1] at the k-th of n frequencies from 0 on; a step at alpha where beta is 0",
    source: "",
    group: Group::Parts,
    peers: &[sd_meh("distribution_crossover")],
    parameters: &[
        number(
            "alpha",
            "where the filter goes from a to b",
            0.5,
            Range::Finite,
        ),
        number("beta", "how wide it does", 0.0, Range::NotNegative),
    ],
    ..of(THREE, &|l| {
        let [a, b, c] = three(l);
        let [alpha, beta] = numbers(l, ["alpha", "beta"]);
        if l.shape.is_empty() {
            return l.mean(&[(a, alpha), (b, 1.0 - alpha)]);
        }
        let crossover = RankedCrossover { alpha, beta };
        l.expression.host(crossover, &[a, b, c])
    })
};
