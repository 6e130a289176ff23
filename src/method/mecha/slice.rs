//! Rows of one model among those of another.

use super::linear::pair;
use super::number;
use crate::kernel::Node;
use crate::method::{Base, Domain, Input, Lowering, Method, Range};

/// Some rows of b, the others of a.
pub(super) static TENSOR_SUM: Method = Method {
    id: "tensor_sum",
    summary: "takes a region of rows from the second model",
    formula: "rows from n offset on, n width of them, from b, those past the end from the start \
        on, ends rounded half to even; the others from a. Of 0-d tensors b's if width > 1/2",
    source: "sd-mecha `tensor_sum` (`copy_region`)",
    base: Base::None,
    models_min: 2,
    models_max: 2,
    inputs: &[Input::same("a"), Input::same("b")],
    result: Domain::Same,
    parameters: &[
        number(
            "width",
            "share of the rows that are b's",
            0.5,
            Range::Finite,
        ),
        number("offset", "where they begin, as a share", 0.0, Range::Finite),
    ],
    ratio: Some("width"),
    lower: tensor_sum,
};

fn tensor_sum(l: &mut Lowering<'_>) -> Node {
    let [a, b] = pair(l);
    let [width, offset] = ["width", "offset"].map(|name| l.parameters.number(name, 0));
    let Some(&rows) = l.shape.first() else {
        return if width > 0.5 { b } else { a };
    };
    let region = region(width, offset, rows);
    match region.is_inverted {
        true => l.rows(region.rows, a, b),
        false => l.rows(region.rows, b, a),
    }
}

/// A region of rows, or all others.
struct Region {
    rows: [u64; 2],
    is_inverted: bool,
}

/// The rows of shares of `n`, as sd-mecha finds them.
fn region(width: f64, offset: f64, n: u64) -> Region {
    let offset = if width < 0.0 { offset + width } else { offset };
    let width = width.abs().min(1.0);
    let offset = match offset < 0.0 {
        true => 1.0 + offset - offset.trunc(),
        false => offset,
    };
    let (offset, n) = (offset % 1.0, n as f64);
    let is_inverted = width + offset > 1.0;
    let [start, end] = match is_inverted {
        true => [(width + offset - 1.0) * n, offset * n],
        false => [offset * n, (width + offset) * n],
    };
    Region {
        rows: [start, end].map(|end| end.round_ties_even() as u64),
        is_inverted,
    }
}
