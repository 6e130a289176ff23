//! Rows of one model among those of another.

use super::linear::pair;
use super::number;
use crate::kernel::Node;
use crate::kernel::host::Region;
use crate::method::peer::sd_mecha;
use crate::method::{Base, Domain, Group, Input, Lowering, Method, Range};

/// Some rows of b, the others of a.
pub(super) static TENSOR_SUM: Method = Method {
    id: "tensor_sum",
    summary: "takes a region of rows from the second model",
    formula: "rows from n offset on, n width of them, from b, those past the end from the start \
        on, ends rounded half to even; the others from a. Of 0-d tensors b's if width > 1/2",
    source: "",
    group: Group::Parts,
    peers: &[sd_mecha("tensor_sum").but("after its `copy_region`")],
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
    lower: &tensor_sum,
};

fn tensor_sum(l: &mut Lowering<'_>) -> Node {
    let [a, b] = pair(l);
    let [width, offset] = ["width", "offset"].map(|name| l.parameters.number(name, 0));
    let Some(&rows) = l.shape.first() else {
        return if width > 0.5 { b } else { a };
    };
    let Region {
        start,
        end,
        inverted,
    } = Region::of(width, offset, rows);
    match inverted {
        true => l.rows([start, end], a, b),
        false => l.rows([start, end], b, a),
    }
}
